"""A study that compares config files."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from experiments.config_training import ConfigTraining
from experiments.paired import check_baseline
from experiments.study import Cell, Study, check_distinct
from experiments.trainings import read_result
from mmsrdl.arguments import check_integer, check_number

__all__ = ["ConfigStudy", "neighbour"]


@dataclass(kw_only=True)
class ConfigStudy(Study):
    """What is compared, and how; dataclasses derive from it.

    Attributes:
        JOB: Class of the trainings.
        TRAINING: Fields that the trainings take from the study.
        PROTOCOL: Fields that are the same for all that stands in one table, of earlier calls, too.
        configs: Config files.
        extend: How many further learning rates a config may try, one at a time: the next of 1 and
            3 times a power of ten, as long as the best is the smallest or the largest tried.
        held_out: Share of the training images that the search is evaluated on.
        search_epochs: Length of the search's trainings; None takes the configs'.
        data_root: Folder of the data; None takes the configs'.
        word_vectors: File of word vectors, for heads that read one; None takes the configs'.
        cfg_options: Dotted keys to values, for every config.
        relative: Whether learning rates are multiples of each config's own, which differ by
            orders of magnitude where their optimisers do.
        baseline: Name of the config that the table compares all others with, of this call or of
            an earlier one; None compares with none.
    """

    JOB: ClassVar[type[ConfigTraining]]
    TRAINING: ClassVar[tuple[str, ...]] = (
        "held_out", "search_epochs", "data_root", "word_vectors", "cfg_options", "relative",
    )  # fmt: skip

    PROTOCOL: ClassVar[tuple[str, ...]] = ("held_out", "search_epochs", "cfg_options", "relative")

    configs: list[str]
    extend: int = 0
    held_out: float = 0.2
    search_epochs: int | None = None
    data_root: str | None = None
    word_vectors: str | None = None
    cfg_options: dict[str, Any] | None = None
    relative: bool = False
    baseline: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_distinct("configs", [Path(config).stem for config in self.configs])
        check_integer("--extend", self.extend, low=0, example=2)
        if self.search_epochs is not None:
            check_integer("--search-epochs", self.search_epochs, low=1, example=4)
        check_number("--held-out", self.held_out, low=0.01, high=0.99, example=0.2)
        names, before = [Path(config).stem for config in self.configs], self._before()
        self._check_protocol(before)
        if self.baseline is not None:
            check_baseline(self.baseline, {*names, *before.get("configs", [])})

    def cells(self) -> Iterable[Cell]:
        """Returns the configs."""
        return [(config,) for config in self.configs]

    def training(self, cell: Cell, **fields: Any) -> ConfigTraining:
        """Makes a training of a config."""
        own = {name: getattr(self, name) for name in self.TRAINING}
        return self.JOB(config=cell[0], **{**own, **fields})

    def beyond(self, tried: Sequence[float], up: bool) -> float | None:
        """Returns the next of 1 and 3 times a power of ten, as long as there may be more."""
        if len(tried) >= len(self.lrs) + self.extend:
            return None
        return neighbour(tried[-1 if up else 0], up)

    def leave_out(self) -> list[str]:
        """Leaves out configs that cannot be read with their data, and returns why."""
        failed = {}
        for cell in self.cells():
            try:
                _ = self._make(cell, "final", self.lrs[0], self.seeds[0]).key
            except Exception as error:  # whatever a config file raises
                failed[cell[0]] = f"{cell[0]}: {type(error).__name__}: {error}"
        self.configs = [config for config in self.configs if config not in failed]
        return list(failed.values())

    def missing(self, cell: Cell) -> list[ConfigTraining]:
        """Makes the trainings without a result, as far as they are known by now.

        Final trainings whose learning rate is still to be searched have the smallest.
        """
        lr = self.chosen(cell) or self.lrs[0]
        made = self.searches(cell) + [self._make(cell, "final", lr, seed) for seed in self.seeds]
        missing = [job for job in made if read_result(job) is None]
        return [job for job in missing if isinstance(job, ConfigTraining)]  # as all are

    def cost(self) -> list[str]:
        """Says how many images the missing trainings see, and at which speed others went."""
        counted = {cell: [job.passes for job in self.missing(cell)] for cell in self.cells()}
        trained, evaluated = (
            sum(passes[part] for each in counted.values() for passes in each) for part in (0, 1)
        )
        number = sum(map(len, counted.values()))
        if not number:
            return []
        lines = [
            f"missing: {number} trainings (before learning rates beyond the edge), {trained:,} "
            f"images forward and backward, {evaluated:,} evaluated"
        ]
        speeds = {cell: self._speed(cell) for cell, passes in counted.items() if passes}
        if all(speeds.values()):
            hours = sum(
                passes[0] / speed / 3600
                for cell, speed in speeds.items()
                if speed
                for passes in counted[cell]
            )
            lines.append(f"at the speed of their finished trainings: {hours:.2f} h, one at a time")
        return lines

    def _speed(self, cell: Cell) -> float | None:
        """Returns the images a second that finished trainings of a cell were trained on."""
        made = self.searches(cell) + self.finals(cell)
        found = [result for job in made if (result := read_result(job))]
        found = [each for each in found if "images" in each and not each.get("resumed")]
        seconds = sum(each["seconds"] for each in found)
        return sum(each["images"][0] for each in found) / seconds if seconds else None

    def content(self) -> dict[str, Any]:
        """Returns what the table goes by, which has no use for the configs; earlier ones stay."""
        before = self._before()
        cells = {Path(cell[0]).stem: cell for cell in self.cells()}
        searched = {name: self.searched(cell) for name, cell in cells.items()}
        chosen = {name: self.chosen(cell) for name, cell in cells.items()}
        searched = {**before.get("searched", {}), **searched}
        kept = ("lrs", "extend", *self.PROTOCOL)
        return {
            "tier": self.tier,
            "configs": list(searched),
            "searched": searched,
            "chosen": {**before.get("chosen", {}), **chosen},
            "seeds": sorted({*before.get("seeds", []), *self.seeds}),
            "baseline": self.baseline or before.get("baseline"),
            **{name: getattr(self, name) for name in kept},
        }

    @property
    def tier(self) -> str:
        """What the study's figures are of."""
        return self.JOB.TIER

    def _check_protocol(self, before: dict[str, Any]) -> None:
        """Refuses other settings than those of what stands in the folder's table already."""
        for name in self.PROTOCOL:
            own, other = (
                json.dumps(each, sort_keys=True)
                for each in (getattr(self, name), before.get(name, getattr(self, name)))
            )
            if own != other:
                raise ValueError(
                    f"--{name.replace('_', '-')}: it is {own}, but {other} of the study in --out "
                    f"{self.out}, with which it would share a table; give another --out, or remove "
                    f"{Path(self.out, self.FILE)} for a table of this call alone (results stay)"
                )

    def _before(self) -> dict[str, Any]:
        """Reads what earlier calls of the folder wrote, if there were any."""
        return self.read(self.out) if Path(self.out, self.FILE).is_file() else {}


def neighbour(lr: float, up: bool) -> float:
    """Returns the next larger or smaller of 1 and 3 times a power of ten."""
    grid = [float(f"{digit}e{power}") for power in range(-13, 4) for digit in (1, 3)]
    return min(x for x in grid if x > lr) if up else max(x for x in grid if x < lr)
