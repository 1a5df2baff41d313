"""Evaluation: a functional core and the metric that is built on it."""

from mmsrdl.evaluation.functional import (
    APKind,
    PrecisionRecallF1,
    average_precision,
    precision_recall_f1,
)
from mmsrdl.evaluation.metrics import MultiLabelMetric
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.evaluation.thresholds import Thresholds

__all__ = [
    "APKind",
    "MultiLabelMetric",
    "PrecisionRecallF1",
    "ScoresFile",
    "Thresholds",
    "average_precision",
    "precision_recall_f1",
]
