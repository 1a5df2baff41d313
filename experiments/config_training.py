"""A training that a config file describes, with the protocol that all of a study have."""

import copy
import json
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from experiments.trainings import Training
from mmsrdl.apis import load_config
from mmsrdl.apis.model_index import config_path
from mmsrdl.apis.report import no_report

__all__ = ["SEARCH_SPLIT_SEED", "ConfigTraining"]

SEARCH_SPLIT_SEED = 0
"""Seed of the stratified split of the training images that a search goes by."""


@dataclass(frozen=True, kw_only=True)
class ConfigTraining(Training):
    """A training of a config; dataclasses derive from it, one a tier.

    Attributes:
        TIER: Name of the tier.
        config: Config file.
        held_out: Share of the training images that a search is evaluated on.
        search_epochs: Length of a search's training; None takes the config's.
        data_root: Folder of the data; None takes the config's.
        word_vectors: File of word vectors for heads whose embedder reads one; None likewise.
        cfg_options: Dotted keys to values, for every config.
        relative: Whether the learning rate is a multiple of the config's own.
        variant: Name of what ``cfg_options`` make of the config, where a study has several.
    """

    TIER = ""

    config: str
    held_out: float = 0.2
    search_epochs: int | None = None
    data_root: str | None = None
    word_vectors: str | None = None
    cfg_options: dict[str, Any] | None = field(default=None, hash=False)
    relative: bool = False
    variant: str | None = None

    @property
    def cell(self) -> dict[str, str]:
        """Name of the config, and of the variant if there are several."""
        name = {"config": Path(self.config).stem}
        return name if self.variant is None else {**name, "variant": self.variant}

    @cached_property
    def resolved(self) -> Config:
        """The config of the training.

        Every config gets the same protocol, one evaluation after the last epoch.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the config is not one of the tier, or an option does not fit.
        """
        cfg = self.load()
        if self.stage == "search":
            self.hold_out(cfg)
            cfg.train_cfg.max_epochs = self.search_epochs or cfg.train_cfg.max_epochs
        embedder: Any = cfg.model.get("head", {}).get("embedder") or {}
        if embedder.get("word_vectors") and self.word_vectors is not None:
            embedder.word_vectors = self.word_vectors
        optimizer = cfg.optim_wrapper.optimizer
        optimizer.lr = self.lr * (optimizer.lr if self.relative else 1)
        cfg.train_cfg.val_interval = cfg.train_cfg.max_epochs
        cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
        return cfg

    def read(self, weights: str | None = None) -> Config:
        """Reads the config file with what the training says of any tier.

        Args:
            weights: See :func:`load_config`.
        """
        options = json.dumps(self.cfg_options or {}, sort_keys=True)
        written = Path(config_path(self.config)).stat().st_mtime_ns
        cfg = copy.deepcopy(_read(self.config, self.data_root, weights, options, written))
        cfg.work_dir = str(self.folder)
        cfg.randomness = {**cfg.get("randomness", {}), "seed": self.seed}
        return cfg

    @abstractmethod
    def load(self) -> Config:
        """Reads the config, with the options and the evaluators and hooks of the tier."""

    @abstractmethod
    def hold_out(self, cfg: Config) -> None:
        """Divides the training images, and evaluates on those that are held out."""

    @property
    @abstractmethod
    def images(self) -> tuple[int, int]:
        """Number of training images and of images that the training is evaluated on."""

    @property
    def passes(self) -> tuple[int, int]:
        """How many images are trained on (forward and backward), and how many are evaluated."""
        trained, evaluated = self.images
        return trained * self.resolved.train_cfg.max_epochs, evaluated

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures; its images as ``passes``."""
        return {"tier": self.TIER, **super().facts, "images": list(self.passes)}


@cache
def _read(
    config: str, data_root: str | None, weights: str | None, options: str, written: int
) -> Config:
    """Reads a config with its options (JSON), once as long as its file was not written anew.

    Weights are matched by building a backbone, which takes its time.
    """
    with no_report():
        return load_config(
            config, data_root=data_root, weights=weights, cfg_options=json.loads(options)
        )
