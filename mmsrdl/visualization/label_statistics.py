"""What the labels of a data set are like: frequency, labels an image, co-occurrence."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmsrdl.visualization.canvas import BLUE, GREY, as_array, fit_text, new_figure, save_figure

__all__ = ["draw_label_statistics"]

CLASSES = 80
"""More are not readable in one picture: the most frequent are drawn."""

NUMBERED = 12
"""Up to so many classes P(j | i) is written into its cells."""


def draw_label_statistics(
    classes: Sequence[str],
    counts: Any,
    conditional: Any,
    cardinality: Any,
    out_file: str | os.PathLike[str],
) -> Figure:
    """Draws label frequency, labels an image, and co-occurrence P(j | i).

    The classes stand from the most frequent down. Of more than 80 those are drawn.

    Args:
        classes: C names.
        counts: Images that show each class, [C].
        conditional: P(class j | class i), [C, C] in [0, 1]; see :func:`conditional_probability`.
        cardinality: Images that show 0, 1, 2, ... classes, [K].
        out_file: PNG to write; its folder is made.

    Returns:
        The figure: bars, histogram, heat map and its colour bar.

    Raises:
        ValueError: If the numbers of classes differ, or ``conditional`` are no probabilities.
    """
    counts, chance, sizes = map(as_array, (counts, conditional, cardinality))
    number = len(classes)
    if not number or counts.shape != (number,) or chance.shape != (number, number):
        raise ValueError(
            f"counts must be [C] and conditional [C, C] for the {number} classes, got "
            f"{counts.shape} and {chance.shape}"
        )
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError(
            f"conditional must lie in [0, 1], got {chance.min():g} to {chance.max():g}; turn "
            "counts into probabilities with mmsrdl.datasets.conditional_probability"
        )
    order = np.argsort(-counts, kind="stable")[:CLASSES]
    names = [fit_text(classes[index], 24) for index in order]
    side = max(4.2, 0.15 * len(order) + 1.6)
    figure = new_figure(side + 6.0, side + 2.6)
    grid = figure.add_gridspec(2, 2, width_ratios=(4.2, side + 1), height_ratios=(1.8, side))
    bars, histogram, heat = (
        figure.add_subplot(part) for part in (grid[:, 0], grid[0, 1], grid[1, 1])
    )
    size = 9 if len(order) <= 30 else 7
    _draw_frequency(bars, counts[order], names, size)
    if number > len(order):
        bars.set_title(f"images of the {len(order)} most frequent of {number} classes")
    _draw_cardinality(histogram, sizes)
    _draw_conditional(heat, chance[np.ix_(order, order)], names, size)
    save_figure(figure, out_file)
    return figure


def _draw_frequency(axis: Axes, counts: np.ndarray, names: list[str], size: int) -> None:
    axis.barh(range(len(names)), counts, color=BLUE)
    for row, count in enumerate(counts):
        axis.text(count, row, f" {count:,}", va="center", fontsize=size)
    axis.set_yticks(range(len(names)), names, fontsize=size)
    axis.set(ylim=(len(names) - 0.4, -0.6), xlim=(0, 1.18 * max(1, counts.max())))
    axis.set_title(f"images of each of the {len(names)} classes")
    axis.spines[["top", "right"]].set_visible(False)


def _draw_cardinality(axis: Axes, sizes: np.ndarray) -> None:
    images = max(1, sizes.sum())
    mean = (np.arange(len(sizes)) * sizes).sum() / images
    axis.bar(range(len(sizes)), sizes, color=BLUE)
    axis.axvline(mean, color="black", ls="--", lw=1)
    axis.set_title(f"labels an image: {mean:.2f} on average")
    axis.set(ylabel="images")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.spines[["top", "right"]].set_visible(False)


def _draw_conditional(axis: Axes, probability: np.ndarray, names: list[str], size: int) -> None:
    cells = probability.copy()
    np.fill_diagonal(cells, np.nan)
    picture = axis.imshow(cells, cmap="cividis", vmin=0, vmax=1)
    axis.set_facecolor("0.85")
    axis.set_xticks(range(len(names)), names, fontsize=size, rotation=90)
    axis.set_yticks(range(len(names)), names, fontsize=size)
    axis.set(xlabel="class j", ylabel="class i")
    axis.set_title("P(j | i): how often j is shown where i is")
    if len(names) <= NUMBERED:
        for (i, j), value in np.ndenumerate(cells):
            if i != j:
                colour = "black" if value > 0.5 else "white"
                axis.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    bar = axis.figure.colorbar(picture, ax=axis, fraction=0.04)
    bar.ax.tick_params(labelsize=8, labelcolor=GREY)
