"""Pure functions behind the metrics: tensors in, figures out."""

from mmsrdl.evaluation.functional.average_precision import APKind, average_precision
from mmsrdl.evaluation.functional.bootstrap import draw_counts, resampled_average_precision
from mmsrdl.evaluation.functional.calibration import (
    Reliability,
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from mmsrdl.evaluation.functional.cuts import TunedThresholds
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
from mmsrdl.evaluation.functional.thresholds import (
    best_f1_thresholds,
    choose_shrinkage,
    thresholds_for_precision,
    thresholds_for_recall,
)

__all__ = [
    "APKind",
    "EmptyClasses",
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
    "draw_counts",
    "expected_calibration_error",
    "fit_temperature",
    "is_hard",
    "micro_figures",
    "open_vocabulary_figures",
    "point_hits",
    "pointing_accuracy",
    "pointing_hits",
    "precision_recall_curve",
    "precision_recall_f1",
    "reliability",
    "resampled_average_precision",
    "thresholds_for_precision",
    "thresholds_for_recall",
    "topk_counts",
]
