"""Regions of an image: boxes around what class maps show, and crops of them."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from mmsrdl.models.erasing.object_erasing import normalized_runs
from mmsrdl.models.precision import at_least_float32

__all__ = ["attentional_boxes", "crop_boxes"]


def attentional_boxes(
    maps: Tensor, size: tuple[int, int], threshold: float = 0.5, min_size: float = 0.125
) -> Tensor:
    r"""Draws a box around the most obvious region of every map.

    The map is resized to the image (bilinear, corners onto corners). Its marginals, the maxima over
    the other axis, are min-max normalised, and a side of the box is the run at or above the
    threshold that holds the maximum; of several the longest, of those the first.

    Source: MCAR (Gao and Zhou), arXiv 2007.01755, with the details of its public code where the
    paper is not at hand: a side is at least :math:`\lceil m L \rceil` of L pixels long, about the
    middle of its run and inside the image; a marginal that is flat does not localise and gives
    :math:`[\lceil m L \rceil, \lceil (1 - m) L \rceil)`. Unlike in that code, runs are not shifted
    by one pixel, a value that equals the threshold belongs to the run, and no side is one pixel
    too short.

    Args:
        maps: Maps of regions, [..., h, w]. They carry no gradient.
        size: (H, W) of the image.
        threshold: Of the marginals, in [0, 1].
        min_size: m, the shortest side as a share of the image's, in [0, 0.5).

    Returns:
        (x1, y1, x2, y2) in pixels, ends excluded, int64 [..., 4].
    """
    flat = maps.detach().reshape(-1, 1, *maps.shape[-2:])
    resized = F.interpolate(at_least_float32(flat), size, mode="bilinear", align_corners=True)
    resized = resized.reshape(*maps.shape[:-2], *size)
    x1, x2 = _interval(resized.amax(-2), threshold, min_size)
    y1, y2 = _interval(resized.amax(-1), threshold, min_size)
    return torch.stack((x1, y1, x2, y2), dim=-1)


def _interval(marginal: Tensor, threshold: float, min_size: float) -> tuple[Tensor, Tensor]:
    """Returns start and end, excluded, of a side of every box, from marginals [..., L]."""
    length = marginal.shape[-1]
    low, high = marginal.amin(-1, keepdim=True), marginal.amax(-1, keepdim=True)
    # Resizing a flat map leaves rounding, which normalising would make a shape of.
    rounding = 16 * torch.finfo(marginal.dtype).eps * high.abs()
    marginal = torch.where(high - low <= rounding, high, marginal)
    shortest = math.ceil(min_size * length)
    run, flat = normalized_runs(marginal, threshold)
    start, extent = run.long().argmax(-1), run.sum(-1)
    missing = (shortest - extent).clamp(min=0)
    # Moved into the image only where it grew; a longer run lies inside already.
    start = (start - missing // 2).clamp(min=0)
    start = torch.where(missing > 0, start.clamp(max=length - shortest), start)
    end = start + extent + missing
    first = min(shortest, length - 1)
    last = max(math.ceil((1 - min_size) * length), first + 1)
    return torch.where(flat, first, start), torch.where(flat, last, end)


def crop_boxes(images: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Crops boxes and resizes them, bilinear, corner pixels onto corner pixels.

    Args:
        images: [B, 3, H, W]. They carry no gradient.
        boxes: N boxes an image, (x1, y1, x2, y2) in pixels, ends excluded, [B, N, 4].
        size: (H', W') of the crops.

    Returns:
        [B * N, 3, H', W'], those of an image next to each other.
    """
    count = boxes.shape[1]
    work = at_least_float32(images.detach())
    xs = _sample(boxes[..., 0], boxes[..., 2], size[1], images.shape[3], work.dtype)  # (B, N, W')
    ys = _sample(boxes[..., 1], boxes[..., 3], size[0], images.shape[2], work.dtype)  # (B, N, H')
    shape = (len(boxes), count, *size)
    grid = torch.stack((xs[:, :, None].expand(shape), ys[..., None].expand(shape)), dim=-1)
    # The crops of an image as one tall picture, so that the image is not copied for each.
    tall = F.grid_sample(
        work, grid.flatten(1, 2), mode="bilinear", padding_mode="border", align_corners=True
    )
    crops = tall.unflatten(2, (count, size[0])).transpose(1, 2).flatten(0, 1)
    return crops.to(images.dtype)


def _sample(start: Tensor, end: Tensor, count: int, length: int, dtype: torch.dtype) -> Tensor:
    """Places samples from the first to the last pixel, in [-1, 1] of the image, [B, N, count]."""
    share = torch.linspace(0, 1, count, dtype=dtype, device=start.device)
    if count == 1:
        share = share * 0  # as resizing to one pixel takes the first
    pixels = start[..., None] + share * (end - 1 - start)[..., None]
    return pixels * (2 / max(length - 1, 1)) - 1
