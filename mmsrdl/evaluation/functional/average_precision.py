"""Average precision of every class."""

import math
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.arrays import to_array, transposed
from mmsrdl.evaluation.functional.validation import check_scores_and_targets

APKind = Literal["raw", "interpolated", "11point"]

MAX_ENTRIES = 2**22
"""Entries that are worked on at a time; bounds the working memory at some 30 MiB."""

BUCKETS = 2**15
"""Buckets of equal width that the scores of a class fall into."""


def average_precision(scores: Tensor, targets: Tensor, kind: APKind = "raw") -> Tensor:
    r"""Average precision (AP) of every class, as a fraction in [0, 1].

    With the precision :math:`P_n` and the recall :math:`R_n` at the n-th distinct score of the
    class, from the highest down:

    - ``'raw'``: :math:`\sum_n (R_n - R_{n-1}) P_n`, the figure of ML-GCN, ASL, CSRA, MMPretrain
      and ``sklearn.metrics.average_precision_score``.
    - ``'interpolated'``: the same sum over :math:`\max_{m \ge n} P_m`, the all-point figure of
      VOC since 2010, SSGRL and Q2L.
    - ``'11point'``: the mean of :math:`\max_{R_m \ge r} P_m` over r = 0, 0.1, ..., 1, the figure
      of VOC 2007.

    Equal scores form one threshold, so the order of the images does not matter. Counts are
    exact integers and sums are in float64. All of it happens on the CPU.

    The precision is wanted where the recall rises, at the scores of positives, and so are its
    maxima. So nothing but the rank of every positive is computed, without sorting the negatives
    (see :func:`count_lower`).

    Args:
        scores: [N, C], any real number: probabilities and logits give the same figure.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        kind: ``'raw'``, ``'interpolated'`` or ``'11point'``.

    Returns:
        [C], float64; NaN for a class without a positive.

    Raises:
        ValueError: ``kind`` is unknown, or the input is malformed
            (see :func:`check_scores_and_targets`).
    """
    if kind not in get_args(APKind):
        raise ValueError(f"kind must be one of {get_args(APKind)}, got {kind!r}")
    check_scores_and_targets(scores, targets)
    if not scores.numel():
        return scores.new_full(scores.shape[1:], torch.nan, dtype=torch.float64)
    # Fewer than 16 classes would fill no cache line.
    chunk = max(16, MAX_ENTRIES // len(scores))
    ap: list[float] = []
    for score, target in zip(scores.split(chunk, dim=1), targets.split(chunk, dim=1), strict=True):
        rows = zip(transposed(to_array(score)), transposed(to_array(target)), strict=True)
        ap.extend(_average_precision(*row, kind) for row in rows)
    return torch.tensor(ap, dtype=torch.float64, device=scores.device)


def _average_precision(scores: np.ndarray, targets: np.ndarray, kind: APKind) -> float:
    """AP of scores and targets [N] of one class."""
    positive = np.sort(scores[np.flatnonzero(targets == 1)])
    if not len(positive):
        return math.nan
    if targets.min() < 0:
        scores = scores[targets >= 0]
    # True positives and predictions at the score of each positive, from the lowest up.
    hits = np.arange(len(positive), 0, -1)
    if (positive[1:] == positive[:-1]).any():
        hits = len(positive) - np.searchsorted(positive, positive)
    precision = hits / (len(scores) - count_lower(scores, positive))
    if kind == "raw":
        return float(precision.mean())
    precision = np.maximum.accumulate(precision)
    if kind == "interpolated":
        return float(precision.mean())
    # The highest score with recall >= k / 10, in integers: 0.3 * 10 is not 3 in floating point.
    levels = np.arange(11) * len(positive)
    return float(precision[::-1][np.searchsorted(10 * hits[::-1], levels)].mean())


def count_lower(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Number of scores that are lower than each positive's, exactly.

    Scores fall into buckets of equal width, whose order is that of the scores, as rounding is
    monotone. Those in a bucket without a positive need no further order and are counted; the
    others, usually few, are sorted. With 40,000 scores this takes a third of the time of sorting
    them all.

    Args:
        scores: [n], without NaN; those of the positives are among them.
        positive: [m], at least one; the scores of the positives in ascending order.

    Returns:
        [m], int64.
    """
    low, high = float(scores.min()), float(scores.max())
    # Beyond these bounds, or with infinite scores, the scaling below would overflow.
    if not 1e-30 < high - low < 1e30:
        return np.searchsorted(np.sort(scores), positive)
    scale = BUCKETS / (high - low)
    bucket, own = (((part - low) * scale).astype(np.int64) for part in (scores, positive))
    count = np.bincount(bucket)
    is_shared = np.zeros(len(count), dtype=bool)
    is_shared[own] = True
    near = np.sort(scores[np.flatnonzero(is_shared[bucket])])
    count[own] = 0
    return count.cumsum()[own] + np.searchsorted(near, positive)
