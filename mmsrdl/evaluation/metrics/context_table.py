"""The figures of context as text."""

import math
from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.evaluation.functional.context import CompanionRule, ContextFigures
from mmsrdl.evaluation.functional.resampling import interval_95
from mmsrdl.evaluation.metrics.table import as_text

__all__ = [
    "GROUP_WORDS",
    "comparison_table",
    "context_class_table",
    "context_figures_dict",
    "context_table",
    "context_text",
    "with_interval",
]

GROUP_WORDS = {
    ("context", "with"): "in context: a usual companion is there",
    ("context", "without"): "out of context: none is",
    ("context", "gap"): "lost out of context",
    ("false_alarms", "with"): "against images with companions alone",
    ("false_alarms", "without"): "against images with none",
    ("false_alarms", "gap"): "lost to companions",
    ("rarity", "rare"): "classes rare in training",
    ("rarity", "medium"): "classes in between",
    ("rarity", "frequent"): "classes frequent in training",
    ("labels", "1"): "images of 1 label",
    ("labels", "2"): "images of 2 labels",
    ("labels", "3"): "images of 3 labels",
    ("labels", "4+"): "images of 4 labels or more",
    ("size", "small"): "small objects",
    ("size", "medium"): "medium objects",
    ("size", "large"): "large objects",
}
"""What a group is of, by breakdown and group."""


def with_interval(values: np.ndarray, sign: bool = False) -> str:
    """Write a figure in percent with its interval, ``-`` where there is none.

    Args:
        values: Fractions [1 + B]: the figure, then its replicates.
        sign: Whether to write a plus.
    """
    if math.isnan(values[0]):
        return "-"
    text = f"{100 * values[0]:{'+' if sign else ''}.1f}"
    if len(values) == 1:
        return text
    low, high = interval_95(values)
    return f"{text} [{100 * low:.1f}, {100 * high:.1f}]"


def context_table(figures: ContextFigures) -> Table:
    """Make the table of all groups: AP_N, that of the same classes' all, and the difference.

    Args:
        figures: See :func:`context_figures`.
    """
    table = Table(box=SIMPLE)
    table.add_column("group")
    for title in ("AP_N", "same\nclasses", "difference", "classes", "n"):
        table.add_column(title, justify="right")
    last = ""
    table.add_row("all", with_interval(figures.overall))
    for name, group, values, figure in figures.flat():
        if name != last:
            table.add_section()
            last = name
        cells = [GROUP_WORDS[name, group], with_interval(values, sign=figure is None)]
        if figure is not None:
            difference = with_interval(figure.ap - figure.same, sign=True)
            same = "-" if math.isnan(figure.same[0]) else f"{100 * figure.same[0]:.1f}"
            cells += [same, difference, str(len(figure.classes)), str(figure.count)]
        table.add_row(*cells)
    return table


def context_text(
    figures: ContextFigures,
    names: Sequence[str],
    rule: CompanionRule,
    min_positives: int,
    min_negatives: int,
) -> str:
    """Write what was measured, and the table.

    Args:
        figures: See :func:`context_figures`.
        names: C class names.
        rule: By which companions are usual.
        min_positives: How many positives a class needed in a group.
        min_negatives: How many negatives it needed in a group of false alarms.

    Returns:
        Several lines of plain text.
    """
    alone = [
        name
        for name, any_ in zip(names, figures.companions.any(1).tolist(), strict=True)
        if not any_
    ]
    lines = [
        f"AP_N in percent at N = {figures.positives:.1f} positives, mean over classes with "
        f"{min_positives} positives or more in the group ({min_negatives} negatives in false "
        f"alarms); companions: {rule.describe()}"
    ]
    if alone:
        lines.append(f"{len(alone)} of {len(names)} classes have no companion: {first_of(alone)}")
    for name, breakdown in figures.breakdowns.items():
        few = [names[c] for c in breakdown.left_out if names[c] not in alone]
        if few:
            lines.append(f"{name}: {len(few)} further classes have too few: {first_of(few)}")
    return "\n".join(lines) + as_text(context_table(figures))


def context_class_table(figures: ContextFigures, names: Sequence[str]) -> str:
    """Draw AP_N with and without companions of every class that has some.

    Args:
        figures: See :func:`context_figures`.
        names: C class names.

    Returns:
        Several lines of plain text, the first one empty.
    """
    table = Table(box=SIMPLE)
    table.add_column("class")
    for title in ("with", "n", "without", "n"):
        table.add_column(title, justify="right")
    table.add_column("usual companions")
    for c, links in enumerate(figures.companions.tolist()):
        if not any(links):
            continue
        cells = [names[c]]
        for group, values in figures.per_class.items():
            value = values[c]
            cells += ["-" if math.isnan(value) else f"{100 * value:.1f}"]
            cells += [str(figures.counts[group][c])]
        friends = [name for name, is_one in zip(names, links, strict=True) if is_one]
        table.add_row(*cells, ", ".join(friends))
    return as_text(table)


def comparison_table(first: ContextFigures, second: ContextFigures, names: Sequence[str]) -> str:
    """Draw the figures of two systems and their differences, replicate by replicate.

    Args:
        first: See :func:`context_figures`.
        second: Of the same images, with the same options.
        names: What the two are called.

    Returns:
        Several lines of plain text, the first one empty.
    """
    table = Table(box=SIMPLE)
    table.add_column("group")
    for title in (*names, f"{names[0]} - {names[1]}"):
        table.add_column(title, justify="right")
    rows = [(("overall", "all"), first.overall, second.overall)]
    for (name, group, one, _), (_, _, other, _) in zip(first.flat(), second.flat(), strict=True):
        rows.append(((name, group), one, other))
    for key, one, other in rows:
        pair = (with_interval(values) for values in (one, other))
        table.add_row(GROUP_WORDS.get(key, "all"), *pair, with_interval(one - other, sign=True))
    return as_text(table)


def context_figures_dict(figures: ContextFigures) -> dict[str, float]:
    """Return figures by key, as of :class:`ContextMetric`, in percent.

    Args:
        figures: See :func:`context_figures`.
    """
    values = _keys("all", figures.overall)
    for name, group, ap, figure in figures.flat():
        values |= _keys(f"{name}/{group}", ap)
        if figure is not None and figure.classes:
            values[f"{name}/{group}_n"] = float(figure.count)
    return values


def _keys(key: str, values: np.ndarray) -> dict[str, float]:
    """A figure and its interval, nothing where there is none."""
    if math.isnan(values[0]):
        return {}
    found = {key: 100 * float(values[0])}
    if len(values) > 1:
        low, high = interval_95(values)
        found |= {f"{key}_low": 100 * low, f"{key}_high": 100 * high}
    return found
