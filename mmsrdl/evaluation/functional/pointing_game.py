r"""The pointing game: does the maximum of a class's map lie on an object of the class?

Source: Zhang et al., "Top-Down Neural Attention by Excitation Backprop", IJCV 2018, Sec. 4.1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmsrdl.arguments import check_number

__all__ = ["PointingAccuracy", "is_hard", "point_hits", "pointing_accuracy", "pointing_hits"]


class PointingAccuracy(NamedTuple):
    """Shares of hits, in [0, 1].

    Attributes:
        per_class: Of the pairs of every class, [C]; NaN for a class without one.
        mean: Mean over the classes that have pairs: the figure of the paper; NaN without any.
        overall: Of all pairs, so that frequent classes weigh more; NaN without any.
        pairs: Number of pairs of every class, [C].
    """

    per_class: Tensor
    mean: float
    overall: float
    pairs: Tensor


def point_hits(points: Tensor, boxes: Tensor, tolerance: float = 0.0) -> Tensor:
    """Tells which points lie in a box, or no farther than the tolerance from one.

    Args:
        points: x and y in pixels, [P, 2].
        boxes: Corners x1, y1, x2, y2 in pixels, [M, 4].
        tolerance: Distance in pixels.

    Returns:
        [P], bool.
    """
    beyond = torch.maximum(boxes[:, :2] - points[:, None], points[:, None] - boxes[:, 2:])
    return (beyond.clamp(min=0).norm(dim=-1) <= tolerance).any(1)  # (P, M) -> (P,)


def pointing_hits(
    maps: Tensor, boxes: Sequence[Tensor], size: tuple[int, int], tolerance: float = 0.0
) -> Tensor:
    r"""Plays the game once for every map of an image.

    The point is the centre of the map's largest cell. There the map that is enlarged bilinearly
    has its maximum, too. The cells of a map [h, w] divide the whole image evenly: what
    a test pipeline shows the model must be the whole image, of whatever size. Where several cells
    are the largest, the result is the share of them that hit: a flat map scores what a random
    point does, and not what the corner does.

    Args:
        maps: Maps of K classes, [K, h, w].
        boxes: Boxes of each of these classes, K of [M, 4]: x1, y1, x2, y2 in pixels of the image.
        size: Height and width of the image.
        tolerance: How many pixels off a box still count as a hit. Zhang et al. take 15, on their
            images; 0 asks for a point inside.

    Returns:
        Chance of a hit, [K], float64: 0 or 1 where the maximum is one cell.

    Raises:
        TypeError: If ``tolerance`` is no number.
        ValueError: If the shapes do not fit, a map is not finite, or ``tolerance`` is negative.
    """
    check_number("tolerance", tolerance, low=0, example=15)
    if maps.dim() != 3 or len(maps) != len(boxes) or 0 in maps.shape[1:]:
        raise ValueError(
            f"maps must be [K, h, w] with boxes for each of K, got {list(maps.shape)} and "
            f"{len(boxes)} lists of boxes"
        )
    if not maps.isfinite().all():
        raise ValueError("maps hold NaN or infinite numbers; check the model's weights")
    centres = _centres(maps.shape[1], maps.shape[2], size)
    hits = []
    for each, around in zip(maps.cpu().flatten(1), boxes, strict=True):
        points = centres[each == each.max()]
        hits.append(point_hits(points, around.cpu().double(), tolerance).double().mean())
    return torch.stack(hits) if hits else torch.empty(0, dtype=torch.float64)


def _centres(rows: int, columns: int, size: tuple[int, int]) -> Tensor:
    """Returns x and y of every cell's centre, [rows * columns, 2]."""
    height, width = size
    y = (torch.arange(rows, dtype=torch.float64) + 0.5) * height / rows
    x = (torch.arange(columns, dtype=torch.float64) + 0.5) * width / columns
    return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], dim=1)


def is_hard(boxes: Tensor, size: tuple[int, int], num_classes: int) -> bool:
    """Tells whether a pair belongs to the paper's "Diff" subset.

    Args:
        boxes: Boxes of the class, [M, 4].
        size: Height and width of the image.
        num_classes: Number of classes in the image.

    Returns:
        Whether the boxes' areas sum up to less than a quarter of the image, and the image shows
        another class.
    """
    sides = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0)
    return num_classes > 1 and float(sides.prod(1).sum()) < size[0] * size[1] / 4


def pointing_accuracy(hits: Tensor, classes: Tensor, num_classes: int) -> PointingAccuracy:
    """Averages the game over pairs of an image and a class that it shows.

    Args:
        hits: Chance of a hit of every pair, [R].
        classes: Class of every pair, integers, [R].
        num_classes: C.
    """
    pairs = torch.bincount(classes, minlength=num_classes)
    per_class = torch.bincount(classes, hits.double(), minlength=num_classes) / pairs
    return PointingAccuracy(
        per_class, per_class.nanmean().item(), hits.double().mean().item(), pairs
    )
