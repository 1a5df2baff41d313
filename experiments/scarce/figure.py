"""The figure of a study: mAP against how much is known, a curve a loss."""

import os
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.scarce.losses import LOSSES, SETTINGS
from experiments.scarce.prepared import Prepared
from experiments.scarce.study import Study
from experiments.scarce.table import Cell, cell_of
from mmsrdl.visualization.canvas import COLOURS, GREY, add_legend, new_figure, save_figure

__all__ = ["draw_study"]

ONE_POSITIVE = "one_positive"
STYLES: tuple[dict[str, Any], ...] = tuple(
    dict(color=colour, ls=line, mfc=colour if line == "-" else "white", marker="o", capsize=3)
    for line in ("-", "--")
    for colour in COLOURS
)
"""Of the losses in their order."""


def draw_study(study: Study, out_file: str | os.PathLike[str]) -> Figure:
    """Draws mAP with its 95 % intervals: with one positive an image, and against p.

    Args:
        study: See :class:`Study`.
        out_file: PNG to write; its folder is made.

    Returns:
        The figure, with two axes.

    Raises:
        ValueError: If nothing was run.
    """
    cells = {
        (loss, setting): cell
        for loss in study.losses
        for setting in study.settings
        if (cell := cell_of(study, loss, setting))
    }
    if not cells:
        raise ValueError(f"--out {study.out}: there is no result of a final training to draw")
    prepared = Prepared.load(study.data)
    figure = new_figure(9.5, 4.4)
    bars, curves = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.7))
    handles = []
    for number, loss in enumerate(study.losses):
        _draw_one_positive(bars, cells.get((loss, ONE_POSITIVE)), number)
        handles.append(_draw_curve(curves, cells, study, loss, number))
    for axis in (bars, curves):
        handle = axis.axhline(prepared.chance, color=GREY, ls=":")
        axis.grid(axis="y", color="0.92")
        axis.spines[["top", "right"]].set_visible(False)
    bars.set(
        title="one positive an image known", ylabel="mAP on validation images (percent)", xticks=[]
    )
    shares = [float(setting) for setting in SETTINGS if setting != ONE_POSITIVE]
    curves.set(title="each entry known with probability p", xlabel="p", xticks=shares)
    labels = [*(LOSSES[loss].title for loss in study.losses), "a random order"]
    add_legend(figure, [*handles, handle], labels, "outside right upper")
    save_figure(figure, Path(out_file))
    return figure


def _draw_one_positive(axis: Axes, cell: Cell | None, number: int) -> None:
    if cell is not None:
        axis.errorbar(number, cell.mean, yerr=cell.half or 0, **STYLES[number])


def _draw_curve(
    axis: Axes, cells: dict[tuple[str, str], Cell], study: Study, loss: str, number: int
) -> object:
    """Draws the curve of a loss over p and returns its handle for a legend."""
    points = [
        (float(setting), cell.mean, cell.half or 0)
        for setting in study.settings
        if setting != ONE_POSITIVE and (cell := cells.get((loss, setting)))
    ]
    places, means, halves = zip(*points, strict=True) if points else ((), (), ())
    return axis.errorbar(places, means, yerr=halves, ms=4, **STYLES[number])
