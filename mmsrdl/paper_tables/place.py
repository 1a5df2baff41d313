"""Which run belongs to which system of the tables, and with which figures."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmsrdl.paper_tables.conditions import Conditions, data_of, read_conditions
from mmsrdl.paper_tables.published import DATA, OURS, SWEEPS, SYSTEMS, TABLES
from mmsrdl.paper_tables.run_folder import Evaluation, RunFolder, find_run_folders
from mmsrdl.paper_tables.systems import (
    ERASING,
    compare_settings,
    describe_leaf,
    describe_model,
    match_system,
)

__all__ = ["PlacedRun", "Runs", "place_runs"]

BY_HAND = "placed by hand"

SWEPT = tuple(f"{ERASING}.{sweep.setting}" for sweep in SWEEPS)
"""What Figure 6 varies."""


@dataclass(frozen=True)
class PlacedRun:
    """A run that belongs to a row.

    Attributes:
        folder: Its work directory.
        row: Key of ``SYSTEMS``, or the label of a row that this project does not build.
        conditions: Of its figures.
        figures: In percent.
        seed: Of its training; None where unknown.
        erasing: Settings of object erasing that Figure 6 varies, where the row is "Ours".
    """

    folder: Path
    row: str
    conditions: Conditions
    figures: Mapping[str, float]
    seed: int | None
    erasing: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_usual(self) -> bool:
        """Whether it belongs to its row, and not to Figure 6 alone."""
        return not self.erasing or self.erasing == _usual_erasing(self.conditions.data)


@dataclass(frozen=True)
class Runs:
    """All runs that were found.

    Attributes:
        rows: (row, data set) to the runs of one row, all of one kind.
        sweeps: (setting, data set) to its values, and those to their runs.
        left_out: Work directories that are in no table, and why.
    """

    rows: Mapping[tuple[str, str], Sequence[PlacedRun]]
    sweeps: Mapping[tuple[str, str], Mapping[float, Sequence[PlacedRun]]]
    left_out: Mapping[Path, str]


def place_runs(
    work_dirs: Sequence[str | os.PathLike[str]], rows: Sequence[tuple[str, str]] = ()
) -> Runs:
    """Reads work directories and finds the rows that they belong to.

    Args:
        work_dirs: Work directories, or folders of them; see :func:`match_system`.
        rows: (row, work directory) pairs that are placed as they say. Runs that would be found
            for the same row and data set are then left out.

    Raises:
        FileNotFoundError: If a folder does not exist or holds no run.
        ValueError: If a row is unknown, a log is damaged, a folder given by hand holds no
            figures of a data set of the paper, or the runs of a row differ in more than their seed.
    """
    if not work_dirs and not rows:
        raise ValueError("work_dirs is empty: give work directories, or rows (--row 'Ours=DIR')")
    placed = [
        _place_by_hand(folder, _known_row(row))
        for row, path in rows
        for folder in find_run_folders([path])
    ]
    taken = {run.folder.resolve() for run in placed}
    decided = {(run.row, run.conditions.data) for run in placed}
    left_out = {}
    for folder in find_run_folders(work_dirs):
        if folder.folder.resolve() in taken:
            continue
        found = _place(folder)
        if isinstance(found, str):
            left_out[folder.folder] = found
        elif found.is_usual and (found.row, found.conditions.data) in decided:
            left_out[folder.folder] = f"--row says which runs are {found.row}"
        else:
            placed.append(found)
    rows_of, sweeps = _rows(placed), _sweeps(placed)
    swept = [run for points in sweeps.values() for runs in points.values() for run in runs]
    for run in placed:
        if not run.is_usual and run not in swept:
            left_out[run.folder] = f"neither topk nor alpha is the paper's: {dict(run.erasing)}"
    return Runs(rows_of, sweeps, left_out)


def _known_row(row: str) -> str:
    """Checks the name of a row."""
    printed = [each.label for table in TABLES for each in table.rows if each.system is None]
    known = list(dict.fromkeys((*SYSTEMS, *printed)))
    if row not in known:
        raise ValueError(f"--row {row!r} is none of the rows: {', '.join(known)}")
    return row


def _place_by_hand(folder: RunFolder, row: str) -> PlacedRun:
    """Places a work directory in the row that was given for it."""
    found = _place(folder, row)
    if isinstance(found, str):
        raise ValueError(f"--row {row!r}: '{folder.folder}' has no figure for it: {found}")
    return found


def _place(folder: RunFolder, row: str | None = None) -> PlacedRun | str:
    """Places one work directory, or says why it is in no table."""
    known = [(each, data) for each in folder.evaluations if (data := data_of(each)) is not None]
    if not folder.evaluations:
        return "no figures of mmsrdl.MultiLabelMetric so far"
    if not known:
        return "its images are neither MS-COCO's nor PASCAL VOC 2007's"
    evaluation, data = _choose(known)
    cfg = folder.training or evaluation.cfg
    if row is None:
        match = match_system(cfg, data)
        if match.system is None:
            return match.reason
        name, differences = match.system, match.differences
    else:
        name, differences = row, _differences_by_hand(cfg, row, data)
    # What was given by hand stands in its row, whatever it erases.
    is_swept = name == OURS and (row is None or not {*SWEPT, BY_HAND} & {*differences})
    settings = [
        BY_HAND if key == BY_HAND else f"{key.removeprefix('head.')}={value!r}"
        for key, (value, _) in differences.items()
        if not (is_swept and key in SWEPT)
    ]
    return PlacedRun(
        folder.folder,
        name,
        read_conditions(evaluation, folder.training, data, settings),
        evaluation.figures,
        cfg.get("randomness", {}).get("seed") if folder.training else None,
        _erasing(describe_model(cfg)) if is_swept else {},
    )


def _choose(known: Sequence[tuple[Evaluation, str]]) -> tuple[Evaluation, str]:
    """Chooses the newest evaluation, of the data set's test images if there is one.

    Never the best: that would choose on the images that the figure is of.
    """

    def is_official(found: tuple[Evaluation, str]) -> bool:
        evaluation, data = found
        conditions = read_conditions(evaluation, None, data, ())
        return (conditions.test, conditions.images) == (DATA[data].test, DATA[data].images)

    return ([found for found in known if is_official(found)] or list(known))[-1]


def _differences_by_hand(cfg: Config, row: str, data: str) -> dict[str, tuple[Any, Any]]:
    """Returns what differs from the leaf config of a row that was given by hand."""
    leaf = describe_leaf(row, data) if row in SYSTEMS else None
    if leaf is not None:
        differences = compare_settings(describe_model(cfg), leaf)
        if not any(name.endswith("type") for name in differences):
            return differences
    return {BY_HAND: (None, None)}


def _erasing(described: Mapping[str, Any]) -> dict[str, float]:
    """Returns the settings of object erasing that Figure 6 varies."""
    return {sweep.setting: described[f"{ERASING}.{sweep.setting}"] for sweep in SWEEPS}


def _usual_erasing(data: str) -> Mapping[str, float]:
    """Returns the paper's settings of object erasing."""
    leaf = describe_leaf(OURS, data)
    assert leaf is not None  # a run of "Ours" was compared with it
    return _erasing(leaf)


def _rows(placed: Iterable[PlacedRun]) -> dict[tuple[str, str], list[PlacedRun]]:
    """Groups runs by row and data set."""
    rows: dict[tuple[str, str], list[PlacedRun]] = {}
    for run in placed:
        if run.is_usual:
            rows.setdefault((run.row, run.conditions.data), []).append(run)
    for (row, data), runs in rows.items():
        _check_alike(f"the row {row!r} for {DATA[data].name}", runs)
    return rows


def _sweeps(placed: Iterable[PlacedRun]) -> dict[tuple[str, str], dict[float, list[PlacedRun]]]:
    """Groups the runs of Figure 6: all other settings of object erasing are the paper's."""
    sweeps: dict[tuple[str, str], dict[float, list[PlacedRun]]] = {}
    for run in placed:
        data = run.conditions.data
        for name, value in run.erasing.items():
            usual = {**_usual_erasing(data), name: value}
            if run.erasing == usual:
                sweeps.setdefault((name, data), {}).setdefault(value, []).append(run)
    for (name, data), points in sweeps.items():
        runs = [run for each in points.values() for run in each]
        _check_alike(f"Figure 6 ({name}) for {DATA[data].name}", runs)
    return sweeps


def _check_alike(what: str, runs: Sequence[PlacedRun]) -> None:
    """Refuses runs whose figures have no common mean."""
    for run in runs[1:]:
        if run.conditions != runs[0].conditions:
            raise ValueError(
                f"{what} would mix runs that differ in more than their seed: '{runs[0].folder}' "
                f"and '{run.folder}' have {runs[0].conditions.compare(run.conditions)}. Give "
                "folders of one kind, or say which are meant with --row 'ROW=DIR'"
            )
