"""What is compared: every loss in every setting, with the same search and budget."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.scarce.job import Job
from experiments.scarce.losses import EVERYTHING, LOSSES, SETTINGS
from experiments.trainings import best_lr, read_result
from mmsrdl.arguments import check_integer, check_number

__all__ = ["Study"]

SEARCH_SEED = 0


@dataclass
class Study:
    """What is compared.

    Attributes:
        data: Folder that ``prepare`` wrote.
        out: Folder of results, logs and table.
        losses: Keys of :data:`LOSSES`.
        settings: Keys of :data:`SETTINGS`.
        lrs: Learning rates; of several the best is searched for every loss and setting, see
            :meth:`searched`.
        seeds: Seeds of the final trainings.

    Raises:
        ValueError: If a value is unknown, out of range or given twice.
    """

    data: str
    out: str
    losses: list[str]
    settings: list[str]
    lrs: list[float]
    seeds: list[int]

    def __post_init__(self) -> None:
        for what in ("losses", "settings", "lrs", "seeds"):
            values = getattr(self, what)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{what} {values} must be at least one, and each another")
        self.lrs = sorted(self.lrs)
        for what, known in (("losses", LOSSES), ("settings", SETTINGS)):
            strangers = [each for each in getattr(self, what) if each not in known]
            if strangers:
                raise ValueError(f"--{what} {strangers} are none of {list(known)}")
        for lr in self.lrs:
            check_number("--lrs", lr, low=1e-12, example=3e-4)
        for seed in self.seeds:
            check_integer("--seeds", seed, low=0, example=0)

    @classmethod
    def load(cls, out: str) -> "Study":
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no study.
        """
        path = Path(out, "study.json")
        if not path.is_file():
            raise FileNotFoundError(
                f"--out {out}: there is no study.json; `python -m experiments.scarce run` writes it"
            )
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def save(self) -> None:
        """Writes ``study.json``, which table and figure go by; what earlier calls ran stays."""
        path = Path(self.out, "study.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        content = asdict(self)
        if path.is_file():
            before = asdict(Study.load(self.out))
            for what, order in (("losses", [*LOSSES]), ("settings", [*SETTINGS])):
                content[what] = sorted({*before[what], *content[what]}, key=order.index)
            content["seeds"] = sorted({*before["seeds"], *content["seeds"]})
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    def cells(self) -> Iterator[tuple[str, str]]:
        """Yields losses and settings that are trained; the rest is BCE, see :meth:`trained`."""
        pairs = [(loss, setting) for setting in self.settings for loss in self.losses]
        yield from dict.fromkeys((self.trained(*pair), pair[1]) for pair in pairs)

    @staticmethod
    def trained(loss: str, setting: str) -> str:
        """Returns the loss that stands for another in a setting: BCE, where all is known."""
        return "bce" if setting == EVERYTHING and LOSSES[loss].reduces else loss

    def searched(self, loss: str, setting: str) -> list[float]:
        """Returns the learning rates to try in a cell, as far as results tell by now.

        These are the two in the middle, and then one after the other beyond the best, as long as
        that is the smallest or largest tried.
        """
        if len(self.lrs) < 2:
            return []
        low, high = len(self.lrs) // 2 - 1, len(self.lrs) // 2
        while True:
            tried = self.lrs[low : high + 1]
            found = self._found(loss, setting, tried)
            best = best_lr(found)
            if len(found) == len(tried) and best == tried[0] and low > 0:
                low -= 1
            elif len(found) == len(tried) and best == tried[-1] and high + 1 < len(self.lrs):
                high += 1
            else:
                return tried

    def searches(self, loss: str, setting: str) -> list[Job]:
        """Makes the trainings of a cell that are searched by now; none of a single rate."""
        return self._searches(loss, setting, self.searched(loss, setting))

    def chosen(self, loss: str, setting: str) -> float | None:
        """Returns the learning rate of the best search; None while some are missing."""
        tried = self.searched(loss, setting)
        if not tried:
            return self.lrs[0]
        found = self._found(loss, setting, tried)
        return best_lr(found) if len(found) == len(tried) else None

    def _searches(self, loss: str, setting: str, lrs: list[float]) -> list[Job]:
        return [self._job(loss, setting, "search", lr, SEARCH_SEED) for lr in lrs]

    def _found(self, loss: str, setting: str, lrs: list[float]) -> list[dict[str, Any]]:
        jobs = self._searches(loss, setting, lrs)
        return [result for job in jobs if (result := read_result(job))]

    def finals(self, loss: str, setting: str) -> list[Job]:
        """Makes the trainings with the chosen learning rate; none while there is none."""
        lr = self.chosen(loss, setting)
        if lr is None:
            return []
        return [self._job(loss, setting, "final", lr, seed) for seed in self.seeds]

    def results(self, loss: str, setting: str) -> list[dict[str, Any]]:
        """Reads the results of the final trainings of a cell."""
        jobs = self.finals(self.trained(loss, setting), setting)
        return [result for job in jobs if (result := read_result(job))]

    def _job(self, loss: str, setting: str, stage: str, lr: float, seed: int) -> Job:
        return Job(loss, setting, stage, lr, seed, self.out, self.data)
