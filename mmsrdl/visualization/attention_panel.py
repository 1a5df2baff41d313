"""The paper's Figure 5: an image beside the maps of some of its classes."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from PIL import Image

from mmsrdl.visualization.canvas import as_array, fit_text, new_figure, open_picture, save_figure
from mmsrdl.visualization.choose_classes import choose_classes
from mmsrdl.visualization.overlay import COLOUR_MAP, OPACITY, enlarge_map
from mmsrdl.visualization.verdict import judge

__all__ = ["draw_attention_panel"]

COLUMNS = 5
HEIGHT, WIDTHS, TOTAL_WIDTH = 2.6, (2.2, 6.0), 19.0
"""Of an image, bounds of its width, and of a whole row, in inches."""


def draw_attention_panel(
    image: str | os.PathLike[str],
    maps: Any,
    scores: Any,
    classes: Sequence[str],
    out_file: str | os.PathLike[str],
    topk: int | None = 3,
    *,
    thr: Any = 0.5,
    chosen: Sequence[str] | None = None,
    targets: Any = None,
    stretch: bool = True,
) -> Figure:
    """Draws an image and the maps of some of its classes side by side.

    Source: SRDL, Figure 5. Every map is enlarged to the image and laid over it; the titles give
    class and predicted score, and with ``targets`` say which predictions are wrong.

    Args:
        image: Image file.
        maps: SA of a :class:`CARHead`, or other non-negative maps, [C, H, W].
        scores: Probabilities, [C].
        classes: C names.
        out_file: PNG to write; its folder is made.
        topk: How many classes are drawn; None draws all that are predicted.
        thr: From which score on a class is predicted; one number, or one a class, [C].
        chosen: Names of the classes to draw instead.
        targets: [C] of 1, 0 and -1 (unknown).
        stretch: Whether every map is stretched from its own minimum to its own maximum, which
            its title then gives; otherwise all share the scale [0, 1].

    Returns:
        The figure.

    Raises:
        TypeError: If ``topk`` is no integer.
        ValueError: If ``topk`` < 1, the numbers of classes differ, a name of ``chosen`` is
            unknown, or a map leaves [0, 1] without ``stretch``.
    """
    maps, scores = as_array(maps), as_array(scores)
    if not len(maps) == len(scores) == len(classes):
        raise ValueError(
            f"maps, scores and classes are of {len(maps)}, {len(scores)} and {len(classes)} classes"
        )
    indices = choose_classes(scores, classes, topk, thr, chosen)
    if not stretch and len(indices) and not 0 <= maps[indices].min() <= maps[indices].max() <= 1:
        raise ValueError(
            "stretch=False needs maps in [0, 1], as of spatial attention, got values up to "
            f"{maps[indices].max():g}; leave stretch=True"
        )
    verdicts = None if targets is None else judge(scores, targets, thr)
    picture = open_picture(image)
    figure, axes, width = _grid(picture, 1 + len(indices))
    letters = int(10.5 * width)
    axes[0].imshow(picture)
    axes[0].set_title("input" if indices else fit_text("input: no class predicted", letters, 2))
    for axis, index in zip(axes[1:], indices, strict=True):
        verdict = verdicts[index] if verdicts else None
        _draw_map(axis, picture, maps[index], stretch)
        axis.set_title(
            f"{verdict.sign + ' ' if verdict else ''}{fit_text(classes[index], letters - 7, 2)}  "
            f"{scores[index]:.2f}" + (f"\n{verdict.word}" if verdict else ""),
            color=verdict.colour if verdict else "black",
        )
        if stretch:
            low, high = maps[index].min(), maps[index].max()
            digits = ".2f" if high >= 0.1 else ".1e"
            axis.set_xlabel(f"{low:{digits}} to {high:{digits}}", fontsize=9)
    if indices:
        bar = figure.colorbar(ScalarMappable(cmap=COLOUR_MAP), ax=axes, fraction=0.03, aspect=12)
        if stretch:
            bar.set_ticks([0, 1], labels=["low", "high"])
            bar.set_label("each map: from its\nlowest to its highest")
        else:
            bar.set_label("value of the map")
    save_figure(figure, out_file)
    return figure


def _grid(picture: Image.Image, count: int) -> tuple[Figure, list[Axes], float]:
    """Returns a figure, ``count`` axes without ticks, and the width of each in inches."""
    ratio = picture.width / picture.height
    width = min(max(HEIGHT * ratio, WIDTHS[0]), WIDTHS[1])
    columns = min(count, COLUMNS, int(TOTAL_WIDTH / width))
    rows = math.ceil(count / columns)
    height = min(HEIGHT, width / ratio) + 0.9
    figure = new_figure(columns * width + (count > 1), rows * height)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    for axis in axes[count:]:
        axis.remove()
    return figure, axes[:count], width


def _draw_map(axis: Axes, picture: Image.Image, heat: np.ndarray, stretch: bool) -> None:
    """Lays a map [H, W] over the picture."""
    large = enlarge_map(heat, picture.size, stretch)
    axis.imshow(picture)
    axis.imshow(large, cmap=COLOUR_MAP, alpha=OPACITY, vmin=0, vmax=1)
