"""What is compared: every method, with the same search and budget."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.open_vocabulary.job import Job
from experiments.open_vocabulary.rows import ROWS
from experiments.trainings import best_lr, read_result
from mmsrdl.arguments import check_integer, check_number

__all__ = ["Study"]

SEARCH_SEED = 0


@dataclass
class Study:
    """What is compared, and how.

    Attributes:
        data: Folder that ``prepare`` wrote.
        out: Folder of results, logs and table.
        rows: Keys of :data:`ROWS`.
        lrs: Learning rates; of several the best is searched for every method.
        seeds: Seeds of the final trainings.

    Raises:
        ValueError: If a value is unknown, out of range or given twice.
    """

    data: str
    out: str
    rows: list[str]
    lrs: list[float]
    seeds: list[int]

    def __post_init__(self) -> None:
        for what in ("rows", "lrs", "seeds"):
            values = getattr(self, what)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{what} {values} must be at least one, and each another")
        strangers = [row for row in self.rows if row not in ROWS]
        if strangers:
            raise ValueError(f"--rows {strangers} are none of {list(ROWS)}")
        for lr in self.lrs:
            check_number("--lrs", lr, low=1e-12, example=3e-3)
        for seed in self.seeds:
            check_integer("--seeds", seed, low=0, example=0)
        self.lrs = sorted(self.lrs)

    @classmethod
    def load(cls, out: str) -> "Study":
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no study.
        """
        path = Path(out, "study.json")
        if not path.is_file():
            raise FileNotFoundError(
                f"--out {out}: there is no study.json; `python -m experiments.open_vocabulary run` "
                "writes it"
            )
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self) -> None:
        """Writes ``study.json``, which the table goes by."""
        path = Path(self.out, "study.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    def searches(self, row: str) -> list[Job]:
        """Makes the trainings of a method's search; none of a single learning rate."""
        lrs = self.lrs if len(self.lrs) > 1 else []
        return [self._job(row, "search", lr, SEARCH_SEED) for lr in lrs]

    def chosen(self, row: str) -> float | None:
        """Returns the learning rate of the best search; None while some are missing."""
        jobs = self.searches(row)
        if not jobs:
            return self.lrs[0]
        found = [result for job in jobs if (result := read_result(job))]
        return best_lr(found) if len(found) == len(jobs) else None

    def finals(self, row: str) -> list[Job]:
        """Makes the trainings with the chosen learning rate; none while there is none."""
        lr = self.chosen(row)
        return [] if lr is None else [self._job(row, "final", lr, seed) for seed in self.seeds]

    def results(self, row: str) -> list[dict[str, Any]]:
        """Reads the results of the final trainings of a method."""
        return [result for job in self.finals(row) if (result := read_result(job))]

    def _job(self, row: str, stage: str, lr: float, seed: int) -> Job:
        return Job(row, stage, lr, seed, self.out, self.data)
