"""Precision, recall and F1, per class (C*) and overall (O*)."""

import math
from numbers import Integral, Real
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.arrays import count_columns, to_array
from mmsrdl.evaluation.functional.validation import check_probabilities, check_scores_and_targets

CF1Kind = Literal["of_means", "mean_of_classes"]

BLOCK = 2**20
"""Entries that are worked on at a time; bounds the working memory at some 10 MiB."""


class PrecisionRecallF1(NamedTuple):
    """The six figures of the field at one threshold, as fractions in [0, 1].

    Attributes:
        CP: Per-class precision, the mean over all classes.
        CR: Per-class recall, the mean over all classes.
        CF1: ``2 * CP * CR / (CP + CR)``, or, if asked for, the mean of the classes' F1, which is
            another figure.
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
    scores: Tensor,
    targets: Tensor,
    thr: float | Tensor = 0.5,
    topk: int | None = None,
    cf1: CF1Kind = "of_means",
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
        thr: Threshold in [0, 1], or [C] of them, one a class.
        topk: k in 1, ..., C; None lets the threshold decide alone.
        cf1: ``'of_means'`` takes CF1 of CP and CR, Eq. (16); ``'mean_of_classes'`` is the mean of
            the classes' F1, as in ASL's and MMPretrain's code.

    Returns:
        Fractions, not percent.

    Raises:
        TypeError: ``thr`` is neither a number nor a tensor, or ``topk`` no integer.
        ValueError: ``thr`` or ``topk`` is out of range, ``cf1`` is unknown, ``scores`` are no
            probabilities, or the input is malformed (see :func:`check_scores_and_targets`).
    """
    if cf1 not in get_args(CF1Kind):
        raise ValueError(f"cf1 must be one of {get_args(CF1Kind)}, got {cf1!r}")
    check_scores_and_targets(scores, targets)
    check_probabilities(scores)
    limit = _limit(thr, scores)
    if topk is not None:
        _check_topk(topk, scores.shape[1])
    correct, pred, gt = _count_all(scores, targets, limit, topk)  # (C,)
    cp, op = (
        _ratio(correct, pred).mean().item(),
        _ratio(correct.sum(), pred.sum()).item(),
    )  # Eq. (14)
    cr, o_r = _ratio(correct, gt).mean().item(), _ratio(correct.sum(), gt.sum()).item()  # Eq. (15)
    class_f1, of1 = harmonic_mean(cp, cr), harmonic_mean(op, o_r)  # Eq. (16)
    if cf1 == "mean_of_classes":
        class_f1 = _ratio(2 * correct, pred + gt).mean().item()
    return PrecisionRecallF1(cp, cr, class_f1, op, o_r, of1)


class MicroFigures(NamedTuple):
    """Figures over all entries, as fractions in [0, 1].

    Attributes:
        P: Precision.
        R: Recall.
        F1: ``2 P R / (P + R)``.
    """

    P: float
    R: float
    F1: float


def topk_counts(scores: Tensor, targets: Tensor, topk: int) -> Tensor:
    """Count what is correct if the k highest scores of every image are predicted, whatever they be.

    Exactly k places are given away: of equal scores the class that comes first wins. An unknown
    entry may occupy a place, but is counted neither as predicted nor as true.

    Args:
        scores: [N, C], any real number.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown).
        topk: k in 1, ..., C.

    Returns:
        Correct, predicted and true entries of every class, float64 [3, C].

    Raises:
        TypeError: ``topk`` is no integer.
        ValueError: ``topk`` is out of range, or the input is malformed (see
            :func:`check_scores_and_targets`).
    """
    check_scores_and_targets(scores, targets)
    _check_topk(topk, scores.shape[1])
    return _count_all(scores, targets, -math.inf, topk)


def micro_figures(counts: Tensor) -> MicroFigures:
    """Return precision, recall and F1 over all entries of some classes; 0/0 counts as 0.

    Args:
        counts: Of :func:`topk_counts`, [3, c]: its columns of these classes.
    """
    correct, predicted, true = counts.sum(1)
    precision, recall = _ratio(correct, predicted).item(), _ratio(correct, true).item()
    return MicroFigures(precision, recall, harmonic_mean(precision, recall))


def check_threshold(thr: float) -> None:
    """Raise a TypeError unless ``thr`` is a number, a ValueError unless it lies in [0, 1]."""
    if isinstance(thr, bool) or not isinstance(thr, Real):
        raise TypeError(f"thr must be a number in [0, 1], such as 0.5, got {thr!r}")
    if not 0 <= thr <= 1:
        raise ValueError(
            f"thr must lie in [0, 1], such as 0.5, since scores are probabilities, got {thr}"
        )


def _limit(thr: float | Tensor, scores: Tensor) -> float | np.ndarray:
    """The threshold, or those of the classes [C], rounded as the scores [N, C] are."""
    if not isinstance(thr, Tensor):
        check_threshold(thr)
        return torch.tensor(thr, dtype=scores.dtype).item() if scores.is_floating_point() else thr
    if thr.shape != scores.shape[1:]:
        raise ValueError(
            f"thr must be a number or have the shape [{scores.shape[1]}], one threshold a class, "
            f"got the shape {list(thr.shape)}"
        )
    for value in thr.tolist():
        check_threshold(value)
    return to_array(thr.to(scores.dtype) if scores.is_floating_point() else thr)


def _check_topk(k: int, classes: int) -> None:
    if isinstance(k, bool) or not isinstance(k, Integral):
        raise TypeError(f"topk must be an integer in 1, ..., {classes}, or None, got {k!r}")
    if not 1 <= k <= classes:
        raise ValueError(
            f"topk must lie in 1, ..., {classes} (the number of classes), got {k}; set topk=None "
            "to let the threshold decide alone"
        )


def _count_all(
    scores: Tensor, targets: Tensor, thr: float | np.ndarray, topk: int | None
) -> Tensor:
    """Correct, predicted and true entries of every class, float64 [3, C], block by block."""
    rows = max(1, BLOCK // max(1, scores.shape[1]))
    blocks = zip(scores.split(rows), targets.split(rows), strict=True)
    counts = sum(_count(to_array(score), to_array(target), thr, topk) for score, target in blocks)
    return torch.as_tensor(counts).double()


def _count(
    scores: np.ndarray, targets: np.ndarray, thr: float | np.ndarray, topk: int | None
) -> np.ndarray:
    """Correct, predicted and true entries [3, C] of every class."""
    predicted = scores >= thr
    if topk is not None:
        # Under one threshold, k predicted entries of an image are its k highest.
        _keep_highest(predicted, scores, topk, spared=0 if isinstance(thr, np.ndarray) else topk)
    if targets.size and targets.min() < 0:
        predicted &= targets != -1
    true = targets == 1
    return np.stack([count_columns(mask) for mask in (predicted & true, predicted, true)])


def _keep_highest(predicted: np.ndarray, scores: np.ndarray, k: int, spared: int) -> None:
    """Takes from each row of a mask [N, C] what is not among its k highest scores.

    Exactly k places are given away, of equal scores to the first. Rows of at most ``spared``
    entries have nothing to lose.
    """
    # Bytes that just hold the number of classes are summed quickest.
    counts = predicted.view(np.uint8).sum(1, dtype=np.min_scalar_type(predicted.shape[1]))
    crowded = np.flatnonzero(counts > spared)
    scores = scores[crowded]
    last = scores.shape[1] - k
    highest = scores >= np.partition(scores, last, axis=1)[:, last, None]
    tied = np.flatnonzero(highest.sum(1) > k)
    # Stable and ascending: turned around, of equal scores the first is the last.
    order = scores.shape[1] - 1 - np.argsort(scores[tied, ::-1], axis=1, kind="stable")
    exact = np.zeros((len(tied), scores.shape[1]), dtype=bool)
    np.put_along_axis(exact, order[:, last:], True, axis=1)
    highest[tied] = exact
    predicted[crowded] &= highest


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole.clamp(min=1)  # counts: a whole below 1 is 0, and so is its part


def harmonic_mean(a: float, b: float) -> float:
    """Return ``2 a b / (a + b)`` of numbers that are not negative, 0 where both are 0."""
    return 2 * a * b / (a + b) if a + b else 0.0
