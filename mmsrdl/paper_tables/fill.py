"""The paper's tables with our figures beside its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from mmsrdl.paper_tables.place import PlacedRun, Runs
from mmsrdl.paper_tables.published import (
    BACKBONE,
    DATA,
    PROTOCOL,
    SIZE,
    SWEEPS,
    SYSTEMS,
    PaperTable,
    Row,
    Sweep,
)

__all__ = ["Sheet", "fill_sweep", "fill_table", "mean_and_spread"]

OTHER, ELSEWHERE = "†", "‡"


@dataclass(frozen=True)
class Sheet:
    """A table as text.

    Attributes:
        title: What it is.
        headings: One a column.
        rows: One cell a column; empty where there is nothing.
        extras: How many of the rows, the last ones, are not in the paper.
        notes: What the reader needs to know.
    """

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    extras: int
    notes: Sequence[str]


def fill_table(table: PaperTable, runs: Runs) -> Sheet:
    """Fills one of the paper's tables.

    Args:
        table: The table.
        runs: What was run.
    """
    figures = [heading for column in table.columns for heading in _headings(column.heading)]
    headings = ["Method", *table.facts, *figures, "Ours was run with"]
    rows = [_fill_row(table, row, runs) for row in table.rows]
    extras, sources = _extras(table, runs)
    used = _runs_of(table, runs)
    return Sheet(
        f"Table {table.number}: {table.title} (%)",
        headings,
        [*rows, *extras],
        len(extras),
        [*table.notes, *_notes(used), *sources],
    )


def fill_sweep(sweep: Sweep, runs: Runs) -> Sheet:
    """Fills one of the curves of Figure 6 as a table.

    Args:
        sweep: The curve.
        runs: What was run.
    """
    ours = {data: runs.sweeps.get((sweep.setting, data), {}) for data in DATA}
    values = sorted({*sweep.values, *(value for points in ours.values() for value in points)})
    rows = []
    for data, points in ours.items():
        name = DATA[data].name
        used = [run for found in points.values() for run in found]
        cells = [_ours(points.get(value, ()), "mAP") for value in values]
        rows.append([f"{name}, paper", *("" for _ in values), ""])
        rows.append([f"{name}, ours", *cells, used[0].conditions.describe() if used else ""])
    others = ", ".join(
        f"{other.symbol} as in the paper" for other in SWEEPS if other.setting != sweep.setting
    )
    return Sheet(
        f"Figure 6: mAP (%) against {sweep.symbol}",
        [sweep.symbol, *(f"{value:g}" for value in values), "Ours was run with"],
        rows,
        0,
        [
            f"{others}. The paper only draws its values.",
            *_notes([run for points in ours.values() for each in points.values() for run in each]),
        ],
    )


def mean_and_spread(runs: Sequence[PlacedRun], metric: str) -> tuple[float, float | None]:
    """Returns the mean over runs, and their sample standard deviation if they are several.

    Args:
        runs: At least one.
        metric: Such as ``'mAP'``.
    """
    values = [run.figures[metric] for run in runs]
    return fmean(values), stdev(values) if len(values) > 1 else None


def _headings(name: str) -> tuple[str, str]:
    return f"{name}, paper", f"{name}, ours"


def _fill_row(table: PaperTable, row: Row, runs: Runs) -> list[str]:
    """Fills a row of the paper."""
    found = {data: runs.rows.get((row.system or row.label, data), ()) for data in DATA}
    cells = [row.label, *row.facts]
    for column, value in zip(table.columns, row.values, strict=True):
        cells += [str(value), _ours(found[column.data], column.metric)]
    return [*cells, _conditions(table, found)]


def _extras(table: PaperTable, runs: Runs) -> tuple[list[list[str]], list[str]]:
    """Fills the rows of systems that the paper lacks, and says where their figures are from."""
    rows, sources = [], []
    for name, system in SYSTEMS.items():
        found = {data: runs.rows.get((name, data), ()) for data in DATA}
        if not (table.with_extras and system.extra):
            continue
        if not any(found[column.data] for column in table.columns):
            continue
        cells = [name, *("" for _ in table.facts)]
        for column in table.columns:
            own = system.own.get((column.data, column.metric))
            cells.append("" if own is None else f"{own.value} {ELSEWHERE}")
            cells.append(_ours(found[column.data], column.metric))
            if own is not None:
                sources.append(f"{ELSEWHERE} {name}: not SRDL's figure but that of {own.source}.")
        rows.append([*cells, _conditions(table, found)])
    return rows, sources


def _ours(runs: Sequence[PlacedRun], metric: str) -> str:
    """Writes the figure of some runs; empty if there are none."""
    if not runs:
        return ""
    mean, spread = mean_and_spread(runs, metric)
    text = f"{mean:.1f}" if spread is None else f"{mean:.1f} ± {spread:.1f} (n = {len(runs)})"
    return text if runs[0].conditions.is_papers else f"{text} {OTHER}"


def _conditions(table: PaperTable, found: dict[str, Sequence[PlacedRun]]) -> str:
    """Says under which conditions the runs of a row were made."""
    shown = list(dict.fromkeys(column.data for column in table.columns))
    texts = []
    for data in shown:
        if found[data]:
            seeds = ", ".join("?" if run.seed is None else str(run.seed) for run in found[data])
            name = f"{DATA[data].name}: " if len(shown) > 1 else ""
            texts.append(f"{name}{found[data][0].conditions.describe()}, seed {seeds}")
    return "; ".join(texts)


def _runs_of(table: PaperTable, runs: Runs) -> list[PlacedRun]:
    """Returns the runs that stand in a table."""
    labels = {row.system or row.label for row in table.rows}
    labels |= {name for name, system in SYSTEMS.items() if system.extra and table.with_extras}
    shown = {column.data for column in table.columns}
    return [
        run
        for (row, data), found in runs.rows.items()
        if row in labels and data in shown
        for run in found
    ]


def _notes(runs: Iterable[PlacedRun]) -> list[str]:
    """Explains our figures, if there are any."""
    runs = list(runs)
    if not runs:
        return ["Not run so far."]
    notes = [
        "Ours: the newest test of the work directory, otherwise its last validation. Of the last "
        "epoch where no other checkpoint is named: the best one would be chosen on the images that "
        "the figure is of. n runs: mean ± sample standard deviation. Recipes are each system's own."
    ]
    for data in dict.fromkeys(run.conditions.data for run in runs if not run.conditions.is_papers):
        paper = DATA[data]
        notes.append(
            f"{OTHER} Not the paper's conditions on {paper.name}: {BACKBONE}, {SIZE} px, "
            f"{paper.images:,} images of {paper.test}, trained on {paper.train}, protocol "
            f"{PROTOCOL}. Not comparable with the paper's column."
        )
    return notes
