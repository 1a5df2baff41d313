"""Average precision of resampled images, for intervals of what a test set says."""

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.arrays import to_array
from mmsrdl.evaluation.functional.validation import check_scores_and_targets


def draw_counts(images: int, replicates: int, seed: int = 0) -> Tensor:
    """Draws images with replacement: how often each of N is in each of R replicates.

    Source: Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 1979.

    Args:
        images: N, at least 1.
        replicates: R, at least 1.
        seed: Seed of the draw.

    Returns:
        [R, N], int32; every row sums to N.

    Raises:
        ValueError: A number is below 1.
    """
    if images < 1 or replicates < 1:
        raise ValueError(
            f"images and replicates must be at least 1, got {images!r} and {replicates!r}"
        )
    rng = np.random.default_rng(seed)
    counts = np.empty((replicates, images), dtype=np.int32)
    for row in counts:
        row[:] = np.bincount(rng.integers(images, size=images), minlength=images)
    return torch.from_numpy(counts)


def resampled_average_precision(scores: Tensor, targets: Tensor, counts: Tensor) -> Tensor:
    """Raw average precision of every class of resampled images, as fractions in [0, 1].

    A row of ``counts`` gives the figures that :func:`average_precision` gives of a data set which
    holds each image as often as the row says. All of it happens on the CPU, with exact counts.

    Args:
        scores: [N, C], any real number.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        counts: [R, N], integers of at least 0; see :func:`draw_counts`.

    Returns:
        [R, C], float64; NaN for a class without a positive in the replicate.

    Raises:
        ValueError: ``counts`` is malformed, or the input is
            (see :func:`check_scores_and_targets`).
    """
    check_scores_and_targets(scores, targets)
    if counts.ndim != 2 or counts.shape[1] != len(scores) or counts.is_floating_point():
        raise ValueError(
            f"counts must be integers of the shape [R, {len(scores)}], a number an image, got "
            f"{counts.dtype} {list(counts.shape)}"
        )
    if counts.numel() and counts.min() < 0:
        raise ValueError(f"counts must be at least 0, got {int(counts.min())}")
    # Exact up to 2^24 images, and added in a tenth of the time of integers.
    drawn = counts.cpu().T.float().contiguous()
    columns = zip(to_array(scores).T, to_array(targets).T, strict=True)
    ap = [_average_precision(score, target, drawn) for score, target in columns]
    return torch.stack(ap, 1) if ap else torch.empty(len(counts), 0, dtype=torch.float64)


def _average_precision(scores: np.ndarray, targets: np.ndarray, drawn: Tensor) -> Tensor:
    """AP [R] of scores and targets [N] of one class, whose images are drawn [N, R] times."""
    positive, known = targets == 1, targets >= 0
    thresholds = np.unique(scores[positive])[::-1]
    # At each threshold, from the highest down: positives, and all that is predicted there first.
    hits = _count_at(thresholds, scores[positive], drawn[positive])
    if not known.all():
        scores, drawn = scores[known], drawn[known]
    predicted = _count_at(thresholds, scores, drawn)
    precision = hits.cumsum(0).double() / predicted.cumsum(0).clamp_(min=1)
    return (hits * precision).sum(0) / hits.sum(0)


def _count_at(thresholds: np.ndarray, scores: np.ndarray, drawn: Tensor) -> Tensor:
    """Counts draws [n, R] of scores [n] at each threshold [P], below the one before: [P, R]."""
    place = torch.from_numpy(np.searchsorted(-thresholds, -scores))
    counts = drawn.new_zeros(len(thresholds) + 1, drawn.shape[1])
    return counts.index_add_(0, place, drawn)[:-1]
