"""A study: cells side by side, with the same search of the learning rate and the same budget."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from experiments.records import Record
from experiments.trainings import Training, best_lr, read_result, run_all
from mmsrdl.arguments import check_integer, check_number

__all__ = ["Cell", "Study", "check_distinct", "run_study"]

SEARCH_SEED = 0
Cell = tuple[str, ...]
"""One of what is compared: a config, a loss in a setting."""


@dataclass(kw_only=True)
class Study(Record, ABC):
    """What is compared, and how; dataclasses derive from it.

    The learning rate of a cell is the one of the highest mAP on held-out training images, of a
    complete search. The validation images are seen once, after the last epoch of each final
    training.

    Attributes:
        CHOICES: Attributes that list what is compared, to what may be listed.
        out: Folder of results, logs and table.
        lrs: Learning rates; of several the best is searched for every cell, see :meth:`searched`.
        seeds: Seeds of the final trainings.

    Raises:
        ValueError: If a value is unknown, out of range or given twice.
    """

    FILE, OPTION, COMMAND = "study.json", "--out", "run"
    CHOICES: ClassVar[Mapping[str, Collection[str]]] = {}

    out: str
    lrs: list[float]
    seeds: list[int]

    def __post_init__(self) -> None:
        for what in (*self.CHOICES, "lrs", "seeds"):
            check_distinct(what, getattr(self, what))
        for what, known in self.CHOICES.items():
            strangers = [each for each in getattr(self, what) if each not in known]
            if strangers:
                raise ValueError(f"--{what} {strangers} are none of {list(known)}")
        for lr in self.lrs:
            check_number("--lrs", lr, low=1e-12, example=3e-4)
        for seed in self.seeds:
            check_integer("--seeds", seed, low=0, example=0)
        self.lrs = sorted(self.lrs)

    @classmethod
    def read(cls, folder: Any) -> dict[str, Any]:
        """Reads ``study.json``, of a folder that may have been moved."""
        return {**super().read(folder), "out": str(folder)}

    def content(self) -> dict[str, Any]:
        """Returns what the table goes by; what earlier calls ran stays."""
        content = super().content()
        if Path(self.out, self.FILE).is_file():
            before = self.read(self.out)
            for what, known in self.CHOICES.items():
                content[what] = [each for each in known if each in (*before[what], *content[what])]
            content["seeds"] = sorted({*before["seeds"], *content["seeds"]})
        return content

    @abstractmethod
    def cells(self) -> Iterable[Cell]:
        """Returns what is trained."""

    @abstractmethod
    def training(self, cell: Cell, **fields: Any) -> Training:
        """Makes a training of a cell, with the fields that all studies have."""

    def leave_out(self) -> list[str]:
        """Leaves out what cannot be read, and returns why."""
        return []

    def cost(self) -> list[str]:
        """Says what is missing, in images; nothing where a study does not count them."""
        return []

    def first_lrs(self) -> list[float]:
        """Returns the learning rates that a search begins with, at least two."""
        return self.lrs

    def beyond(self, tried: Sequence[float], up: bool) -> float | None:
        """Returns what is tried next where the best is the largest or smallest, or None."""

    def searched(self, cell: Cell) -> list[float]:
        """Returns the learning rates to search for a cell, as far as results tell by now."""
        if len(self.lrs) < 2:
            return []
        tried = self.first_lrs()
        while (best := self._best(cell, tried)) in (tried[0], tried[-1]):
            further = self.beyond(tried, up=best == tried[-1])
            if further is None:
                break
            tried = sorted([*tried, further])
        return tried

    def searches(self, cell: Cell) -> list[Training]:
        """Makes the trainings that a cell is searched by; none of a single learning rate."""
        return self._searches(cell, self.searched(cell))

    def chosen(self, cell: Cell) -> float | None:
        """Returns the learning rate of the best search; None while some are missing."""
        searched = self.searched(cell)
        return self._best(cell, searched) if searched else self.lrs[0]

    def finals(self, cell: Cell) -> list[Training]:
        """Makes the trainings with the chosen learning rate; none while there is none."""
        lr = self.chosen(cell)
        return [] if lr is None else [self._make(cell, "final", lr, seed) for seed in self.seeds]

    def results(self, cell: Cell) -> list[dict[str, Any]]:
        """Reads the results of the final trainings of a cell."""
        return _results(self.finals(cell))

    def at_edge(self, lr: float) -> bool:
        """Says whether a learning rate is the smallest or largest of several."""
        return len(self.lrs) > 1 and lr in (self.lrs[0], self.lrs[-1])

    def _best(self, cell: Cell, lrs: Sequence[float]) -> float | None:
        found = _results(self._searches(cell, lrs))
        return best_lr(found) if len(found) == len(lrs) else None

    def _searches(self, cell: Cell, lrs: Sequence[float]) -> list[Training]:
        return [self._make(cell, "search", lr, SEARCH_SEED) for lr in lrs]

    def _make(self, cell: Cell, stage: str, lr: float, seed: int) -> Training:
        return self.training(cell, stage=stage, lr=lr, seed=seed, out=self.out)


def check_distinct(what: str, values: Sequence[Any]) -> None:
    """Raises a ValueError if an option lists nothing, or something twice."""
    if not values or len(set(values)) < len(values):
        raise ValueError(f"--{what} {values} must be at least one, and each another")


def _results(trainings: Iterable[Training]) -> list[dict[str, Any]]:
    return [result for training in trainings if (result := read_result(training))]


def run_study(
    study: Study, table_of: Callable[[str], str], processes: int = 1, dry_run: bool = False
) -> int:
    """Runs what is missing, says what failed, and prints the table.

    What fails is named and does not stop the rest; a further call tries it again.

    Args:
        study: See :class:`Study`.
        table_of: Makes the table of the study in a folder, and writes it there.
        processes: How many trainings run at a time, with a thread each.
        dry_run: Whether to say what is missing, and run nothing.

    Returns:
        0, or 1 if something failed.
    """
    check_integer("--processes", processes, low=1, example=2)
    failed = study.leave_out()
    if dry_run:
        _announce(study)
    else:
        study.save(study.out)
        done: set[Training] = set()
        while jobs := {job for cell in study.cells() for job in study.searches(cell)} - done:
            failed += run_all(sorted(jobs, key=str), processes)
            done |= jobs
        study.save(study.out)
        failed += run_all([job for cell in study.cells() for job in study.finals(cell)], processes)
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    if not dry_run:
        print("\n" + table_of(study.out))
    return int(bool(failed))


def _announce(study: Study) -> None:
    """Prints what a call would run."""
    for cell in study.cells():
        missing = [job for job in study.searches(cell) if read_result(job) is None]
        seeds = [job.seed for job in study.finals(cell) if read_result(job) is None]
        if missing:
            rates = ", ".join(f"{job.lr:g}" for job in missing)
            print(f"{', '.join(cell)}: search of {rates}, then {len(study.seeds)} seeds")
        elif seeds:
            print(f"{', '.join(cell)}: lr {study.chosen(cell):g}, seeds {seeds}")
    for line in study.cost():
        print(line)
