"""Every config with the same search and budget: what is missing is run, then tabulated."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.frozen.job import Job
from experiments.frozen.table import table_of
from experiments.trainings import best_lr, read_result, run_all
from mmsrdl.arguments import check_integer, check_number

__all__ = ["Study", "run_study"]

SEARCH_SEED = 0


@dataclass
class Study:
    """What is compared, and how.

    Attributes:
        configs: Config files of frozen maps.
        out: Folder of results, logs and table.
        lrs: Learning rates; of several the best is searched for every config.
        seeds: Seeds of the final trainings.
        extend: How many further learning rates a config may try, one at a time: the next of 1 and
            3 times a power of ten, as long as the best is the smallest or the largest tried.
        held_out: Share of the training images that the search is evaluated on.
        search_epochs: Length of the search's trainings; None takes the configs'.
        data_root: Folder of the maps; None takes the configs'.
        word_vectors: File of word vectors, for heads that read one; None takes the configs'.
        cfg_options: Dotted keys to values, for every config.

    Raises:
        ValueError: If a value is out of range or given twice.
    """

    configs: list[str]
    out: str
    lrs: list[float]
    seeds: list[int]
    extend: int = 0
    held_out: float = 0.2
    search_epochs: int | None = None
    data_root: str | None = None
    word_vectors: str | None = None
    cfg_options: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        names = [Path(config).stem for config in self.configs]
        for what, values in (("--configs", names), ("--lrs", self.lrs), ("--seeds", self.seeds)):
            if not values or len(set(values)) < len(values):
                raise ValueError(f"{what} {values} must be at least one, and each another")
        for lr in self.lrs:
            check_number("--lrs", lr, low=1e-12, example=3e-4)
        for seed in self.seeds:
            check_integer("--seeds", seed, low=0, example=0)
        check_integer("--extend", self.extend, low=0, example=2)
        if self.search_epochs is not None:
            check_integer("--search-epochs", self.search_epochs, low=1, example=4)
        check_number("--held-out", self.held_out, low=0.01, high=0.99, example=0.2)

    def job(self, config: str, stage: str, lr: float, seed: int) -> Job:
        """Makes one training of the study."""
        return Job(
            config, stage, lr, seed, self.out, self.held_out, self.search_epochs,
            self.data_root, self.word_vectors, self.cfg_options,
        )  # fmt: skip

    def searched(self, config: str) -> list[float]:
        """Returns the learning rates to search for a config, as far as results tell by now."""
        if len(self.lrs) < 2:
            return []
        lrs = sorted(self.lrs)
        for _ in range(self.extend):
            found = self._found(config, lrs)
            best = best_lr(found)
            if len(found) < len(lrs) or best not in (lrs[0], lrs[-1]):
                break
            lrs = sorted([*lrs, neighbour(best, up=best == lrs[-1])])
        return lrs

    def _found(self, config: str, lrs: Iterable[float]) -> list[dict[str, Any]]:
        jobs = (self.job(config, "search", lr, SEARCH_SEED) for lr in lrs)
        return [result for job in jobs if (result := read_result(job))]

    def searches(self, config: str) -> list[Job]:
        """Makes the trainings that the learning rate of a config is chosen by."""
        return [self.job(config, "search", lr, SEARCH_SEED) for lr in self.searched(config)]

    def finals(self, config: str) -> list[Job]:
        """Makes the trainings of a config whose search is done; none where all of it failed."""
        searched = self.searched(config)
        lr = best_lr(self._found(config, searched)) if searched else self.lrs[0]
        return [] if lr is None else [self.job(config, "final", lr, seed) for seed in self.seeds]


def neighbour(lr: float, up: bool) -> float:
    """Returns the next larger or smaller of 1 and 3 times a power of ten."""
    grid = [float(f"{digit}e{power}") for power in range(-13, 4) for digit in (1, 3)]
    return min(x for x in grid if x > lr) if up else max(x for x in grid if x < lr)


def run_study(study: Study, processes: int = 2) -> int:
    """Runs what is missing, and prints and writes the table, ``frozen.md``.

    The learning rate of each config is the one with the highest mAP on held-out training images.
    The validation images are seen once, after the last epoch of each final training. What fails is
    named and does not stop the rest; a further call tries it again.

    Args:
        study: See :class:`Study`.
        processes: How many trainings run at a time, with a thread each.

    Returns:
        0, or 1 if something failed.
    """
    check_integer("--processes", processes, low=1, example=2)
    failed: list[str] = []
    configs = [config for config in study.configs if _readable(study, config, failed)]
    _remember(study, configs)
    done: set[Job] = set()
    while jobs := {job for config in configs for job in study.searches(config)} - done:
        failed += run_all(sorted(jobs, key=str), processes)
        done |= jobs
    _remember(study, configs)
    failed += run_all([job for config in configs for job in study.finals(config)], processes)
    print("\n" + table_of(study.out))
    for line in failed:
        print(f"failed: {line}", file=sys.stderr)
    return int(bool(failed))


def _readable(study: Study, config: str, failed: list[str]) -> bool:
    """Says whether a config can be read with its maps; if not, adds why."""
    try:
        return bool(study.job(config, "final", study.lrs[0], study.seeds[0]).key)
    except Exception as error:  # whatever a config file raises
        failed.append(f"{config}: {type(error).__name__}: {error}")
        return False


def _remember(study: Study, configs: list[str]) -> None:
    """Writes ``study.json``, which the table goes by; configs of earlier calls stay."""
    path = Path(study.out, "study.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    searched = {Path(config).stem: study.searched(config) for config in configs}
    if path.is_file():
        searched = {**json.loads(path.read_text(encoding="utf-8"))["searched"], **searched}
    content = {
        "tier": "frozen",
        "configs": list(searched),
        "searched": searched,
        "lrs": study.lrs,
        "seeds": study.seeds,
        "extend": study.extend,
        "held_out": study.held_out,
        "search_epochs": study.search_epochs,
        "cfg_options": study.cfg_options,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
