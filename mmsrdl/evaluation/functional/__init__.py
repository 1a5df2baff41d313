"""Pure functions behind the metrics: tensors in, figures out."""

from mmsrdl.evaluation.functional.average_precision import APKind, average_precision
from mmsrdl.evaluation.functional.precision_recall import PrecisionRecallF1, precision_recall_f1
from mmsrdl.evaluation.functional.precision_recall_curve import (
    PrecisionRecallCurve,
    precision_recall_curve,
)

__all__ = [
    "APKind",
    "PrecisionRecallCurve",
    "PrecisionRecallF1",
    "average_precision",
    "precision_recall_curve",
    "precision_recall_f1",
]
