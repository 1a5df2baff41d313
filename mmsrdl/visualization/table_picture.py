"""A table as a picture."""

import os
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsrdl.visualization.canvas import GREY, fit_text, new_figure, save_figure

__all__ = ["draw_table"]

HEADING, WIDTH, LINES = 11, 52, 8
"""Characters of a line in a heading and in a cell, and lines, before an ellipsis."""

LETTER, LINE = 0.083, 0.18
"""Inches of a letter and a line at 9 points."""


def draw_table(
    title: str,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    extras: int,
    notes: Sequence[str],
    out_file: str | os.PathLike[str],
) -> Figure:
    """Draws a table.

    Args:
        title: Above it.
        headings: One a column.
        rows: One cell a column.
        extras: How many of the last rows stand below a line of their own.
        notes: Below it.
        out_file: PNG to write; its folder is made.

    Returns:
        The figure.

    Raises:
        ValueError: If a row has more or fewer cells than there are headings, or there are fewer
            rows than ``extras``.
    """
    wrong = [list(row) for row in rows if len(row) != len(headings)]
    if wrong:
        raise ValueError(f"a row must have {len(headings)} cells, got {wrong[0]}")
    if not 0 <= extras <= len(rows):
        raise ValueError(f"extras={extras} must be 0 to the number of rows, {len(rows)}")
    lines = [[fit_text(cell, HEADING, LINES) for cell in headings]]
    lines += [[fit_text(cell, WIDTH, LINES) for cell in row] for row in rows]
    widths = [max(_width(row[c]) for row in lines) for c in range(len(headings))]
    heights = [max(cell.count("\n") + 1 for cell in row) + 0.5 for row in lines]
    total = LETTER * sum(widths)
    below = [fit_text(note, max(int(total / LETTER), 60), 4) for note in notes]
    space = 2 + sum(note.count("\n") + 1 for note in below)
    figure = new_figure(max(total, 60 * LETTER), LINE * (sum(heights) + space + 1))
    axis = figure.subplots()
    axis.set_axis_off()
    axis.set(xlim=(0, sum(widths)), ylim=(sum(heights) + space, -1.5))
    axis.text(0, -1.0, title, fontsize=10, fontweight="bold", va="center")
    _draw_rows(axis, lines, widths, heights, extras)
    axis.text(0, sum(heights) + 0.6, "\n".join(below), fontsize=8, color=GREY, va="top")
    save_figure(figure, out_file)
    return figure


def _width(cell: str) -> int:
    """Characters of a cell's longest line, and the space beside it."""
    return max(map(len, cell.split("\n"))) + 2


def _draw_rows(
    axis: Axes,
    lines: Sequence[Sequence[str]],
    widths: Sequence[int],
    heights: Sequence[float],
    extras: int,
) -> None:
    """Draws headings, rows and the rules between them; a unit is a letter, or a line."""
    top = 0.0
    for number, (row, height) in enumerate(zip(lines, heights, strict=True)):
        bold = number in (0, 1) or (extras and number == len(lines) - extras)
        axis.axhline(top, color="black" if bold else "0.88", lw=1.0 if bold else 0.6)
        left = 0
        for cell, width in zip(row, widths, strict=True):
            axis.text(
                left + 0.5, top + height / 2, cell, va="center", fontsize=9,
                fontweight="normal" if number else "bold",
            )  # fmt: skip
            left += width
        top += height
    axis.axhline(top, color="black", lw=1.0)
