"""Precision, recall and F1, per class (C*) and overall (O*)."""

from numbers import Integral, Real
from typing import NamedTuple

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.validation import check_probabilities, check_scores_and_targets


class PrecisionRecallF1(NamedTuple):
    """The six figures of the field at one threshold, as fractions in [0, 1].

    Attributes:
        CP: Per-class precision, the mean over all classes.
        CR: Per-class recall, the mean over all classes.
        CF1: ``2 * CP * CR / (CP + CR)``, which is not the mean of the classes' F1.
        OP: Overall precision, over all entries.
        OR: Overall recall, over all entries.
        OF1: ``2 * OP * OR / (OP + OR)``.
    """

    CP: float
    CR: float
    CF1: float
    OP: float
    OR: float
    OF1: float


def precision_recall_f1(
    scores: Tensor, targets: Tensor, thr: float = 0.5, topk: int | None = None
) -> PrecisionRecallF1:
    r"""CP, CR, CF1, OP, OR and OF1 of multi-label predictions, SRDL's Eqs. (14)-(16).

    With :math:`N_c` correct, :math:`N_p` predicted and :math:`N_g` true entries of a class,
    CP is the mean of :math:`N_c / N_p` and CR that of :math:`N_c / N_g` over **all** classes;
    OP and OR are the ratios of the sums. 0/0 counts as 0 throughout.

    A class is predicted if its score is ``>= thr``. With ``topk`` it must also be among the
    k highest scores of its image, as in ML-GCN. Exactly k places are given away: of equal scores
    the class that comes first wins. The ranks are over all classes, so an unknown entry may
    occupy a place, but it is counted neither as predicted nor as true.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown).
        thr: Threshold in [0, 1].
        topk: k in 1, ..., C; None lets the threshold decide alone.

    Returns:
        Fractions, not percent.

    Raises:
        TypeError: ``thr`` is no number or ``topk`` no integer.
        ValueError: ``thr`` or ``topk`` is out of range, ``scores`` are no probabilities, or the
            input is malformed (see :func:`check_scores_and_targets`).
    """
    check_scores_and_targets(scores, targets)
    check_probabilities(scores)
    check_threshold(thr)
    predicted = scores >= thr
    if topk is not None:
        predicted &= _among_highest(scores, topk)
    predicted &= targets != -1
    true = targets == 1

    # (C,)
    correct, pred, gt = (x.sum(0).double() for x in (predicted & true, predicted, true))
    cp, op = (
        _ratio(correct, pred).mean().item(),
        _ratio(correct.sum(), pred.sum()).item(),
    )  # Eq. (14)
    cr, o_r = _ratio(correct, gt).mean().item(), _ratio(correct.sum(), gt.sum()).item()  # Eq. (15)
    cf1, of1 = _harmonic_mean(cp, cr), _harmonic_mean(op, o_r)  # Eq. (16)
    return PrecisionRecallF1(cp, cr, cf1, op, o_r, of1)


def check_threshold(thr: float) -> None:
    """Raise a TypeError unless ``thr`` is a number, a ValueError unless it lies in [0, 1]."""
    if isinstance(thr, bool) or not isinstance(thr, Real):
        raise TypeError(f"thr must be a number in [0, 1], such as 0.5, got {thr!r}")
    if not 0 <= thr <= 1:
        raise ValueError(
            f"thr must lie in [0, 1], such as 0.5, since scores are probabilities, got {thr}"
        )


def _among_highest(scores: Tensor, k: int) -> Tensor:
    """Mask [N, C] of exactly k entries a row: its highest, of equal ones the first."""
    classes = scores.shape[1]
    if isinstance(k, bool) or not isinstance(k, Integral):
        raise TypeError(f"topk must be an integer in 1, ..., {classes}, or None, got {k!r}")
    if not 1 <= k <= classes:
        raise ValueError(
            f"topk must lie in 1, ..., {classes} (the number of classes), got {k}; set topk=None "
            "to let the threshold decide alone"
        )
    best = scores.sort(dim=1, descending=True, stable=True).indices[:, :k]
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(1, best, True)


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole.clamp(min=1)  # counts: a whole below 1 is 0, and so is its part


def _harmonic_mean(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b else 0.0
