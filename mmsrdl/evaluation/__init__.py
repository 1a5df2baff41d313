"""Evaluation: a functional core and the metric that is built on it."""

from mmsrdl.evaluation.functional import (
    APKind,
    PointingAccuracy,
    PrecisionRecallF1,
    Reliability,
    TunedThresholds,
    average_precision,
    best_f1_thresholds,
    choose_shrinkage,
    expected_calibration_error,
    fit_temperature,
    pointing_accuracy,
    pointing_hits,
    precision_recall_f1,
    reliability,
    thresholds_for_precision,
    thresholds_for_recall,
)
from mmsrdl.evaluation.metrics import MultiLabelMetric, PointingGameMetric
from mmsrdl.evaluation.protocols import PROTOCOLS, JudgedEntries, Protocol, get_protocol
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.evaluation.tuning import (
    ThresholdComparison,
    ThresholdTuner,
    check_disjoint,
    compare_thresholds,
    cross_validate,
    figures_at,
)

__all__ = [
    "PROTOCOLS",
    "APKind",
    "JudgedEntries",
    "MultiLabelMetric",
    "PointingAccuracy",
    "PointingGameMetric",
    "PrecisionRecallF1",
    "Protocol",
    "Reliability",
    "ScoresFile",
    "ThresholdComparison",
    "ThresholdTuner",
    "Thresholds",
    "TunedThresholds",
    "average_precision",
    "best_f1_thresholds",
    "check_disjoint",
    "choose_shrinkage",
    "compare_thresholds",
    "cross_validate",
    "expected_calibration_error",
    "figures_at",
    "fit_temperature",
    "get_protocol",
    "pointing_accuracy",
    "pointing_hits",
    "precision_recall_f1",
    "reliability",
    "thresholds_for_precision",
    "thresholds_for_recall",
]
