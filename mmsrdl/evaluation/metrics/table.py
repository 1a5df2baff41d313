"""Table of per-class figures as text."""

import math
from collections.abc import Mapping, Sequence
from io import StringIO

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from mmsrdl.evaluation.functional.precision_recall import PrecisionRecallF1


def per_class_table(
    names: Sequence[str], ap: Sequence[float], positives: Sequence[int], title: str = "AP"
) -> str:
    """Draw the AP and the number of positives of every class.

    Args:
        names: C class names.
        ap: C values in percent, NaN for a class without a positive.
        positives: C counts.
        title: Heading of the column of AP.

    Returns:
        Several lines of plain text without colour codes, the first one empty.
    """
    return figures_table(names, {title: ap}, positives, "positives")


def figures_table(
    names: Sequence[str],
    figures: Mapping[str, Sequence[float]],
    counts: Sequence[int],
    counted: str,
) -> str:
    """Draw several figures of every class, and of how many images they are.

    Args:
        names: C class names.
        figures: Heading to C values in percent, NaN where there is none.
        counts: C counts.
        counted: Heading of the counts.

    Returns:
        Several lines of plain text without colour codes, the first one empty.
    """
    table = Table(box=SIMPLE)
    table.add_column("class")
    for title in (*figures, counted):
        table.add_column(title, justify="right")
    for name, count, *values in zip(names, counts, *figures.values(), strict=True):
        cells = ("-" if math.isnan(value) else f"{value:.2f}" for value in values)
        table.add_row(name, *cells, str(count))
    return as_text(table)


def protocol_table(rows: Mapping[str, Mapping[str, float]], topk: int | None = 3) -> str:
    """Draw the figures of several protocols, a row each.

    Args:
        rows: Protocol to figures in percent, by ``mAP``, ``CP`` to ``OF1`` and ``CP_top3`` to
            ``OF1_top3``; further ones are left out.
        topk: Whose figures are drawn; None for none.

    Returns:
        Several lines of plain text without colour codes, the first one empty.
    """
    keys = ["mAP", *PrecisionRecallF1._fields]
    if topk is not None:
        keys += [f"{key}_top{topk}" for key in PrecisionRecallF1._fields]
    return rows_table("protocol", rows, keys)


def rows_table(title: str, rows: Mapping[str, Mapping[str, float]], keys: Sequence[str]) -> str:
    """Draw figures, a row each of what they are of.

    Args:
        title: Heading of the names of rows.
        rows: Name to figures in percent; ``-`` stands for one that is not there.
        keys: Which figures, in order; ``_top3`` goes into a second line.

    Returns:
        Several lines of plain text without colour codes, the first one empty.
    """
    table = Table(box=SIMPLE)
    table.add_column(title)
    for key in keys:
        table.add_column(key.replace("_top", "\ntop-"), justify="right")
    for name, figures in rows.items():
        table.add_row(name, *(f"{figures[key]:.2f}" if key in figures else "-" for key in keys))
    return as_text(table)


def as_text(table: Table) -> str:
    """Draw a table as several lines of plain text without colour codes, the first one empty."""
    text = StringIO()
    # Class names are no markup, and a log file is no terminal.
    Console(
        file=text, width=120, force_terminal=False, no_color=True, markup=False, emoji=False
    ).print(table)
    return "\n" + text.getvalue().strip("\n")
