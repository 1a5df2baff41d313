"""Studies whose trainings share what was made once: its record, and trainings that read it."""

import copy
import hashlib
import os
from abc import abstractmethod
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from experiments.records import Record
from experiments.trainings import Training
from mmsrdl.apis import load_config
from mmsrdl.datasets.feature_maps import fingerprint

__all__ = [
    "HELD_OUT", "PreparedData", "PreparedTraining", "digest", "hold_out", "read_config",
    "with_digests",
]  # fmt: skip

HELD_OUT = dict(held_out=0.2, seed=1200)
"""The literature's part of the training images that hyper-parameters are selected on."""


@dataclass(frozen=True, kw_only=True)
class PreparedData(Record):
    """What is known of a folder that ``prepare`` wrote, which keeps it last of all.

    Attributes:
        train: Number of training images.
        val: Number of validation images.
        positives: Mean number of positives of an image, all labels known.
        sources: What the data were made of, by name; results of others do not count.
    """

    FILE, OPTION, COMMAND = "prepared.json", "--data", "prepare"

    train: int
    val: int
    positives: float
    sources: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class PreparedTraining(Training):
    """A training on prepared data.

    Attributes:
        data: Folder that ``prepare`` wrote.
    """

    data: str

    @property
    @abstractmethod
    def prepared(self) -> PreparedData:
        """What is known of the data.

        Raises:
            FileNotFoundError: If nothing was prepared.
        """

    @abstractmethod
    def resolve(self, data: str) -> Config:
        """Makes the config with the data in a folder, which need not exist."""

    @cached_property
    def resolved(self) -> Config:
        """The config of the training."""
        return self.resolve(self.data)

    @cached_property
    def key(self) -> str:
        """What a result depends on, wherever data and results lie."""
        content = self.resolve("").to_dict()
        content.pop("work_dir")
        return fingerprint([content, self.prepared.sources])


def hold_out(cfg: Config, **split: Any) -> None:
    """Divides the training images, and evaluates on those that are held out.

    Args:
        cfg: The config, which is changed.
        **split: Options of :class:`mmsrdl.HeldOutSplit`. Defaults to :data:`HELD_OUT`.
    """
    shown = cfg.train_dataloader.dataset
    evaluated = {**shown, "test_mode": True, "pipeline": cfg.val_dataloader.dataset.pipeline}
    for loader, part, dataset in (
        (cfg.train_dataloader, "fit", shown),
        (cfg.val_dataloader, "held_out", evaluated),
    ):
        loader.dataset = ConfigDict(
            type="mmsrdl.HeldOutSplit", dataset=dataset, part=part, **(split or HELD_OUT)
        )


def read_config(path: str | os.PathLike[str]) -> Config:
    """Reads a config file, from memory when it is asked for again."""
    return copy.deepcopy(_read(os.fspath(path)))


@cache
def _read(path: str) -> Config:
    return load_config(path)


def digest(path: str | os.PathLike[str]) -> str:
    """Returns 16 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def with_digests(content: Any) -> Any:
    """Puts digests of files in the place of their names, anywhere in a config."""
    if isinstance(content, dict):
        return {name: with_digests(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [with_digests(value) for value in content]
    if isinstance(content, str) and Path(content).is_file():
        state = Path(content).stat()
        return _digest(content, state.st_size, state.st_mtime_ns)
    return content


@cache
def _digest(path: str, size: int, changed: int) -> str:
    return digest(path)
