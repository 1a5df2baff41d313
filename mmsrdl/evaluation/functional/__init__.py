"""Pure functions behind the metrics: tensors in, figures out."""

from mmsrdl.evaluation.functional.average_precision import APKind, average_precision
from mmsrdl.evaluation.functional.calibration import (
    Reliability,
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from mmsrdl.evaluation.functional.context import (
    Breakdown,
    CompanionRule,
    ContextFigures,
    GroupFigure,
    companion_presence,
    context_figures,
    mean_context_figures,
    usual_companions,
)
from mmsrdl.evaluation.functional.cuts import TunedThresholds
from mmsrdl.evaluation.functional.normalized_ap import normalized_average_precision
from mmsrdl.evaluation.functional.open_vocabulary import (
    EmptyClasses,
    Images,
    open_vocabulary_figures,
)
from mmsrdl.evaluation.functional.pointing_game import (
    PointingAccuracy,
    is_hard,
    point_hits,
    pointing_accuracy,
    pointing_hits,
)
from mmsrdl.evaluation.functional.precision_recall import (
    MicroFigures,
    PrecisionRecallF1,
    micro_figures,
    precision_recall_f1,
    topk_counts,
)
from mmsrdl.evaluation.functional.precision_recall_curve import (
    PrecisionRecallCurve,
    precision_recall_curve,
)
from mmsrdl.evaluation.functional.resampling import (
    interval_95,
    resampled_average_precision,
    resampled_counts,
)
from mmsrdl.evaluation.functional.thresholds import (
    best_f1_thresholds,
    choose_shrinkage,
    thresholds_for_precision,
    thresholds_for_recall,
)

__all__ = [
    "APKind",
    "Breakdown",
    "CompanionRule",
    "ContextFigures",
    "EmptyClasses",
    "GroupFigure",
    "Images",
    "MicroFigures",
    "PointingAccuracy",
    "PrecisionRecallCurve",
    "PrecisionRecallF1",
    "Reliability",
    "TunedThresholds",
    "apply_temperature",
    "average_precision",
    "best_f1_thresholds",
    "choose_shrinkage",
    "companion_presence",
    "context_figures",
    "expected_calibration_error",
    "fit_temperature",
    "interval_95",
    "is_hard",
    "mean_context_figures",
    "micro_figures",
    "normalized_average_precision",
    "open_vocabulary_figures",
    "point_hits",
    "pointing_accuracy",
    "pointing_hits",
    "precision_recall_curve",
    "precision_recall_f1",
    "reliability",
    "resampled_average_precision",
    "resampled_counts",
    "thresholds_for_precision",
    "thresholds_for_recall",
    "topk_counts",
    "usual_companions",
]
