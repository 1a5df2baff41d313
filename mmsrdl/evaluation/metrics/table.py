"""Table of per-class figures as text."""

import math
from collections.abc import Sequence
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
    table = Table(box=SIMPLE)
    table.add_column("class")
    table.add_column(title, justify="right")
    table.add_column("positives", justify="right")
    for name, value, count in zip(names, ap, positives, strict=True):
        table.add_row(name, "-" if math.isnan(value) else f"{value:.2f}", str(count))
    text = StringIO()
    # Class names are no markup, and a log file is no terminal.
    Console(
        file=text, width=100, force_terminal=False, no_color=True, markup=False, emoji=False
    ).print(table)
    return "\n" + text.getvalue().strip("\n")
