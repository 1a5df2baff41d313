"""Average precision of every class."""

from typing import Literal, get_args

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.validation import check_scores_and_targets

APKind = Literal["raw", "interpolated", "11point"]

MAX_ENTRIES = 2**22
"""Entries that are worked on at a time; bounds the working memory at some 400 MiB."""


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
    exact integers and sums are in float64.

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
    chunk = max(1, MAX_ENTRIES // len(scores))
    chunks = zip(scores.split(chunk, dim=1), targets.split(chunk, dim=1), strict=True)
    return torch.cat([_average_precision(score.t(), target.t(), kind) for score, target in chunks])


def _average_precision(scores: Tensor, targets: Tensor, kind: APKind) -> Tensor:
    """AP [C] of scores and targets [C, N]."""
    scores, order = scores.contiguous().sort(dim=1, descending=True)
    targets = targets.gather(1, order)
    positive = targets == 1
    end = _end_of_tie(scores)
    # True positives and predictions at the threshold that each entry belongs to; an unknown entry
    # adds to neither.
    hits = positive.cumsum(1).gather(1, end)
    predicted = (targets != -1).cumsum(1).gather(1, end)
    precision = hits.double() / predicted.clamp(min=1)
    if kind != "raw":
        precision = precision.flip(1).cummax(1).values.flip(1)
    total = positive.sum(1)
    if kind == "11point":
        # recall >= k / 10 in integers: 0.3 * 10 is not 3 in floating point.
        levels = torch.arange(11, device=total.device) * total[:, None]
        first = torch.searchsorted(hits * 10, levels)
        ap = precision.gather(1, first).mean(1)
    else:
        ap = (positive * precision).sum(1) / total
    return ap.where(total > 0, torch.nan)


def _end_of_tie(ordered: Tensor) -> Tensor:
    """Index [C, N] of the last entry with the same score, of rows [C, N] in descending order."""
    place = torch.arange(ordered.shape[1], device=ordered.device).expand(ordered.shape)
    tied = torch.zeros_like(ordered, dtype=torch.bool)
    tied[:, :-1] = ordered[:, 1:] == ordered[:, :-1]
    ends = place.masked_fill(tied, ordered.shape[1])
    return ends.flip(1).cummin(1).values.flip(1)
