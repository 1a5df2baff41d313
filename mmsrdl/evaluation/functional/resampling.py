"""Images drawn with replacement, for bootstrap intervals.

Source: Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 1979.
"""

import numpy as np
import torch
from torch import Tensor

from mmsrdl.arguments import check_integer
from mmsrdl.evaluation.functional.arrays import to_array
from mmsrdl.evaluation.functional.validation import check_scores_and_targets

__all__ = ["interval_95", "resampled_average_precision", "resampled_counts"]


def resampled_counts(images: int, replicates: int, seed: int = 0) -> Tensor:
    """Draw as many images as there are, with replacement, again and again.

    The same arguments give the same draws, so that figures of several models on the same images
    can be compared replicate by replicate.

    Args:
        images: N.
        replicates: How often; 0 or more.
        seed: Of the generator.

    Returns:
        How often each image was drawn, uint8 [N, 1 + replicates]. The first column is ones: the
        images as they are.

    Raises:
        TypeError: A number is no integer.
        ValueError: There is no image, or a number is negative.
    """
    check_integer("images", images, low=1, example=1000)
    check_integer("replicates", replicates, low=0, example=1000)
    check_integer("seed", seed, low=0, example=0)
    generator = torch.Generator().manual_seed(seed)
    counts = torch.ones(1 + replicates, images, dtype=torch.uint8)
    for row in counts[1:]:
        drawn = torch.randint(images, (images,), generator=generator)
        # A count beyond 255 is possible, and less likely than a fault of the memory.
        row.copy_(torch.bincount(drawn, minlength=images))
    return counts.T.contiguous()


def interval_95(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a figure.

    That is the 2.5 and 97.5 % quantiles of the replicates, moved so that their mean is the figure.
    Replicates of average precision lie too high, the more so the fewer positives there are, as
    an image that was drawn twice ranks as high as itself; without the move, the intervals of means
    over classes would miss the expected value too often.

    Args:
        values: [1 + R]: the figure, then its replicates, of which those that are NaN are left out.

    Returns:
        NaN where the figure is NaN or there is no replicate.
    """
    known = values[1:][~np.isnan(values[1:])]
    if not len(known) or np.isnan(values[0]):
        return float("nan"), float("nan")
    low, high = np.quantile(known, (0.025, 0.975)) + (values[0] - known.mean())
    return float(low), float(high)


def resampled_average_precision(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Raw average precision of every class of resampled images, as fractions in [0, 1].

    A column of ``weights`` gives the figures that :func:`average_precision` gives of a data set
    which holds each image as often as the column says. All of it happens on the CPU, with exact
    counts.

    Args:
        scores: [N, C], any real number.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        weights: How often each image counts, integers of at least 0, [N, R], such as those of
            :func:`resampled_counts`.

    Returns:
        [R, C], float64; NaN for a class without a positive in the replicate.

    Raises:
        ValueError: ``weights`` is malformed, or the input is
            (see :func:`check_scores_and_targets`).
    """
    check_scores_and_targets(scores, targets)
    if weights.ndim != 2 or len(weights) != len(scores) or weights.is_floating_point():
        raise ValueError(
            f"weights must be integers of the shape [{len(scores)}, R], a row an image, got "
            f"{weights.dtype} {list(weights.shape)}"
        )
    if weights.numel() and weights.min() < 0:
        raise ValueError(f"weights must be at least 0, got {int(weights.min())}")
    # Exact up to 2^24 images, and added in a tenth of the time of integers.
    drawn = weights.cpu().float()
    columns = zip(to_array(scores).T, to_array(targets).T, strict=True)
    ap = [_average_precision(score, target, drawn) for score, target in columns]
    return torch.stack(ap, 1) if ap else torch.empty(weights.shape[1], 0, dtype=torch.float64)


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
