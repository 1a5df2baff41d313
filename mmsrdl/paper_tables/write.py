"""Writes the paper's tables with our figures as Markdown and pictures."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmsrdl.paper_tables.fill import Sheet, fill_sweep, fill_table, mean_and_spread
from mmsrdl.paper_tables.place import Runs, place_runs
from mmsrdl.paper_tables.published import DATA, SWEEPS, TABLES
from mmsrdl.visualization import draw_sweep_curves, draw_table

__all__ = ["write_tables"]

EXTRAS = "*not in the paper's table:*"


def write_tables(
    work_dirs: Sequence[str | os.PathLike[str]],
    out_dir: str | os.PathLike[str],
    rows: Sequence[tuple[str, str]] = (),
) -> list[Path]:
    """Writes Tables 1, 2, 4, 5, 6 and Figure 6 of SRDL's paper, its figures beside ours.

    Args:
        work_dirs: Work directories, or folders of them.
        out_dir: Folder for ``tables.md``, ``table1.png``, ... and ``figure6.png``; it is made.
        rows: (row, work directory) pairs that are placed as they say, see :func:`place_runs`.

    Returns:
        The files, ``tables.md`` first.

    Raises:
        FileNotFoundError: If a folder does not exist or holds no run.
        ValueError: If the runs cannot be placed, see :func:`place_runs`.
    """
    runs = place_runs(work_dirs, rows)
    tables = {table.number: fill_table(table, runs) for table in TABLES}
    sweeps = [fill_sweep(sweep, runs) for sweep in SWEEPS]
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    files = [out / "tables.md"]
    parts = [_markdown(sheet) for sheet in (*tables.values(), *sweeps)]
    files[0].write_text("\n".join([*parts, _list_runs(runs)]), encoding="utf-8")
    for number, sheet in tables.items():
        files.append(out / f"table{number}.png")
        draw_table(sheet.title, sheet.headings, sheet.rows, sheet.extras, sheet.notes, files[-1])
    files.append(out / "figure6.png")
    ticks = {sweep.symbol: sweep.values for sweep in SWEEPS}
    draw_sweep_curves(_curves(runs), ticks, "mAP in percent", files[-1])
    return files


def _curves(runs: Runs) -> dict[str, dict[str, list[tuple[float, float, float | None]]]]:
    """Returns the points of Figure 6: axis, data set with conditions, (value, mean, spread)."""
    curves: dict[str, dict[str, list[tuple[float, float, float | None]]]] = {
        sweep.symbol: {} for sweep in SWEEPS
    }
    for sweep in SWEEPS:
        for data in DATA:
            points = sorted(runs.sweeps.get((sweep.setting, data), {}).items())
            if points:
                conditions = points[0][1][0].conditions
                name = f"{DATA[data].name}: {conditions.label()}"
                curves[sweep.symbol][name] = [
                    (value, *mean_and_spread(found, "mAP")) for value, found in points
                ]
    return curves


def _markdown(sheet: Sheet) -> str:
    """Writes one table."""
    first = len(sheet.rows) - sheet.extras
    lines = [f"## {sheet.title}", "", _line(sheet.headings), _line(["---"] * len(sheet.headings))]
    for number, row in enumerate(sheet.rows):
        if sheet.extras and number == first:
            lines.append(_line([EXTRAS, *([""] * (len(sheet.headings) - 1))], escape=False))
        lines.append(_line(row))
    notes = [f"- {_escape(note)}" for note in sheet.notes]
    return "\n".join([*lines, "", *notes, ""])


def _line(cells: Sequence[str], escape: bool = True) -> str:
    return f"| {' | '.join(_escape(cell) if escape else cell for cell in cells)} |"


def _escape(text: str) -> str:
    """Keeps Markdown from reading stars, underscores and bars as its own."""
    for sign in "\\*_|":
        text = text.replace(sign, f"\\{sign}")
    return text


def _list_runs(runs: Runs) -> str:
    """Lists which work directory stands where, and those that stand nowhere."""
    lines = ["## Runs", ""]
    for (row, data), found in runs.rows.items():
        for run in found:
            lines.append(f"- {row}, {DATA[data].name}: `{run.folder}`")
    for (setting, data), points in runs.sweeps.items():
        for value, found in sorted(points.items()):
            for run in found:
                lines.append(
                    f"- Figure 6, {setting} = {value:g}, {DATA[data].name}: `{run.folder}`"
                )
    lines += _left_out(runs.left_out)
    return "\n".join([*lines, ""])


def _left_out(folders: Mapping[Path, str]) -> list[str]:
    return [f"- In no table: `{folder}`: {_escape(why)}" for folder, why in folders.items()]
