"""Images drawn with replacement, for bootstrap intervals."""

import numpy as np
import torch
from torch import Tensor

from mmsrdl.arguments import check_integer

__all__ = ["interval_95", "resampled_counts"]


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
