"""Average precision of every class as bars, of one model or several."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsrdl.visualization.canvas import (
    COLOURS,
    GREY,
    add_legend,
    as_array,
    fit_text,
    new_figure,
    save_figure,
)

__all__ = ["draw_ap_bars"]

ROWS = 40
"""Classes one below the other before a further column begins."""


def draw_ap_bars(
    ap: Sequence[Any],
    names: Sequence[str],
    classes: Sequence[str],
    out_file: str | os.PathLike[str],
) -> Figure:
    """Draws the AP of every class, sorted by the first model's, and each model's mAP as a line.

    Args:
        ap: One [C] a model: fractions, NaN for a class without a positive.
        names: What the models are called.
        classes: C names.
        out_file: PNG to write; its folder is made.

    Returns:
        The figure, one axes for each 40 classes.

    Raises:
        ValueError: If there is no model or no class, there are more than 7 models, the numbers
            of classes differ, or an AP is outside [0, 1].
    """
    values = [as_array(value).astype(float) for value in ap]
    if not 1 <= len(values) <= len(COLOURS) or len(values) != len(names):
        raise ValueError(
            f"ap and names must be of 1 to {len(COLOURS)} models, got {len(values)} and "
            f"{len(names)}"
        )
    if not len(classes) or any(value.shape != (len(classes),) for value in values):
        raise ValueError(
            f"ap must hold one value for each of the {len(classes)} classes, got "
            f"{[value.shape for value in values]}"
        )
    if any(((value < 0) | (value > 1)).any() for value in values):
        raise ValueError("ap must hold fractions in [0, 1]; divide percents by 100")
    order = np.argsort(-np.nan_to_num(values[0], nan=-1), kind="stable")
    columns = math.ceil(len(classes) / ROWS)
    rows = math.ceil(len(classes) / columns)
    row_height = 0.1 + 0.12 * len(values)
    figure = new_figure(
        1.5 + 5.2 * columns, max(2.2, row_height * rows + 0.5) + 0.28 * len(values) + 0.4
    )
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for column, axis in enumerate(axes):
        part = order[column * rows : (column + 1) * rows]
        _draw_column(axis, [value[part] for value in values], [classes[c] for c in part], rows)
        for value, colour in zip(values, COLOURS, strict=False):
            axis.axvline(100 * _mean(value), color=colour, ls="--", lw=1.2)
    labels = [
        f"{fit_text(name, 50)}: mAP {100 * _mean(value):.1f}"
        for name, value in zip(names, values, strict=True)
    ]
    add_legend(figure, axes[0].containers, labels, "outside upper left")
    figure.supxlabel("average precision in percent (dashed: mean over the classes)", fontsize=10)
    save_figure(figure, out_file)
    return figure


def _mean(ap: np.ndarray) -> float:
    """MAP, over the classes that have a positive."""
    return float(np.nanmean(ap)) if not np.isnan(ap).all() else math.nan


def _draw_column(axis: Axes, values: list[np.ndarray], classes: list[str], rows: int) -> None:
    """Draws some classes' bars; all columns have room for as many rows."""
    height = 0.8 / len(values)
    places = np.arange(len(classes))
    for number, (value, colour) in enumerate(zip(values, COLOURS, strict=False)):
        offset = (number - (len(values) - 1) / 2) * height
        axis.barh(places + offset, 100 * np.nan_to_num(value), height=height, color=colour)
    for place in places:
        for number, value in enumerate(values):
            offset = (number - (len(values) - 1) / 2) * height
            is_empty = np.isnan(value[place])
            axis.text(
                101 if not is_empty else 1, place + offset,
                "no positive" if is_empty else f"{100 * value[place]:.1f}",
                va="center", fontsize=8 if len(values) == 1 else 7,
                color=GREY if is_empty else "black",
            )  # fmt: skip
    axis.set_yticks(places, [fit_text(name, 30, 1) for name in classes], fontsize=9)
    axis.set(xlim=(0, 100), ylim=(rows - 0.4, -0.6))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", color="0.9")
    axis.set_axisbelow(True)
