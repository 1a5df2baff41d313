"""Table of per-class figures as text."""

import math
from collections.abc import Mapping, Sequence
from io import StringIO

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table


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
    text = StringIO()
    # Class names are no markup, and a log file is no terminal.
    Console(
        file=text, width=100, force_terminal=False, no_color=True, markup=False, emoji=False
    ).print(table)
    return "\n" + text.getvalue().strip("\n")
