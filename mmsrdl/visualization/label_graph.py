"""The paper's Figure 1: an image beside the co-occurrence graph of its labels."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from mmsrdl.arguments import check_number
from mmsrdl.visualization.canvas import (
    BLUE,
    GREY,
    as_array,
    fit_text,
    new_figure,
    open_picture,
    save_figure,
)

__all__ = ["draw_label_graph"]

ALL_ARROWS = 6
"""Up to so many labels the low probabilities are drawn too."""

BEND = 0.16
"""Of the arrows, as a part of their length, so that the two of a pair stand apart."""


def draw_label_graph(
    image: str | os.PathLike[str],
    labels: Sequence[str],
    probability: Any,
    out_file: str | os.PathLike[str],
    thr: float = 0.3,
) -> Figure:
    """Draws an image beside its labels on a circle, with an arrow i -> j for each P(j | i).

    Source: SRDL, Figure 1. High probabilities are solid lines, low ones dotted; zero has none,
    and of more than 6 labels only the high ones are drawn.

    Args:
        image: Image file.
        labels: K names of the classes to draw, usually those that the image shows.
        probability: P[i, j] = P(class j | class i) in [0, 1], [K, K], as of
            :func:`conditional_probability`. The diagonal is not used.
        out_file: PNG to write; its folder is made.
        thr: From which probability on a line is solid.

    Returns:
        The figure: image, graph.

    Raises:
        TypeError: If ``thr`` is no number.
        ValueError: If there is no label, or ``probability`` is not [K, K] in [0, 1].
    """
    check_number("thr", thr, 0, 1, 0.3)
    table = as_array(probability).astype(float)
    if not labels or table.shape != (len(labels), len(labels)):
        raise ValueError(
            f"probability must be [K, K] for the {len(labels)} labels, at least one, got "
            f"{table.shape}"
        )
    if not ((table >= 0) & (table <= 1)).all():
        raise ValueError("probability must lie in [0, 1]; see conditional_probability")
    picture = open_picture(image)
    height = 4.6 + 0.25 * max(0, len(labels) - 5)
    width = min(max(height * picture.width / picture.height, 2.2), 7.0)
    figure = new_figure(width + height + 1.4, height)
    axes = figure.subplots(1, 2, width_ratios=(width, height + 1.4))
    axes[0].imshow(picture)
    axes[0].set_axis_off()
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(labels)) / len(labels)
    places = np.stack((np.cos(angles), np.sin(angles)), 1) * (len(labels) > 1)
    boxes = [
        axes[1].text(
            *place, fit_text(label, 16, 3), ha="center", va="center", fontsize=11, zorder=2,
            bbox=dict(boxstyle="round,pad=0.4", facecolor="#E8F1F8", edgecolor=BLUE),
        ).get_bbox_patch()
        for place, label in zip(places, labels, strict=True)
    ]  # fmt: skip
    if len(labels) > ALL_ARROWS:
        table = np.where(table < thr, 0, table)
    _draw_arrows(axes[1], places, boxes, table, thr)
    axes[1].set(xlim=(-1.5, 1.5), ylim=(-1.25, 1.25), aspect="equal")
    axes[1].set_axis_off()
    other = "else no arrow" if len(labels) > ALL_ARROWS else "dotted: less,  no arrow: never"
    note = f"i → j: how often j is shown where i is\nsolid: {thr:g} or more,  {other}"
    axes[1].set_title(note, fontsize=9, color=GREY)
    save_figure(figure, out_file)
    return figure


def _draw_arrows(
    axis: Axes, places: np.ndarray, boxes: list[Any], table: np.ndarray, thr: float
) -> None:
    """Draws an arrow from box to box, and its number, for every probability above 0."""
    for i, j in np.argwhere(table > 0):
        if i == j:
            continue
        start, end, value = places[i], places[j], table[i, j]
        is_high = value >= thr
        arrow = FancyArrowPatch(
            start, end, connectionstyle=f"arc3,rad={BEND}", arrowstyle="-|>", mutation_scale=11,
            patchA=boxes[i], patchB=boxes[j], shrinkA=1, shrinkB=2, lw=0.8 + 2.4 * value,
            zorder=3,  # drawn after the boxes, whose places are known only then
            linestyle="-" if is_high else ":", color=BLUE if is_high else GREY,
        )  # fmt: skip
        axis.add_patch(arrow)
        # A third of the way, and on the side to which the arc bends there.
        along = end - start
        x, y = start + 0.36 * along + 0.46 * BEND * np.array((along[1], -along[0]))
        axis.text(
            x, y, f"{value:.2f}", fontsize=8, ha="center", va="center", zorder=4,
            color=BLUE if is_high else GREY,
            bbox=dict(boxstyle="round,pad=0.1", facecolor="white", edgecolor="none"),
        )  # fmt: skip
