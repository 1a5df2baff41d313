"""Metrics for MMEngine's evaluator."""

from mmsrdl.evaluation.metrics.context import ContextMetric
from mmsrdl.evaluation.metrics.multi_label import MultiLabelMetric
from mmsrdl.evaluation.metrics.open_vocabulary import OpenVocabularyMetric
from mmsrdl.evaluation.metrics.pointing_game import PointingGameMetric, PointingMethod

__all__ = [
    "ContextMetric",
    "MultiLabelMetric",
    "OpenVocabularyMetric",
    "PointingGameMetric",
    "PointingMethod",
]
