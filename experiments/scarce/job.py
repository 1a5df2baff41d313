"""One training of the study: a loss where a part of the labels is known."""

import copy
import os
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

import experiments.scarce.maps  # noqa: F401  (registers the data set)
from experiments.scarce.losses import LOSSES, loss_config, observation_config
from experiments.scarce.prepared import SCORES, START, Prepared
from experiments.scarce.tiers import TIERS
from experiments.trainings import Training
from mmsrdl.apis import load_config
from mmsrdl.apis.config import datasets_of
from mmsrdl.datasets.feature_maps import fingerprint

__all__ = ["HELD_OUT", "Job"]

HELD_OUT = dict(held_out=0.2, seed=1200)
"""The literature's part of the training images that hyper-parameters are selected on."""


@dataclass(frozen=True)
class Job(Training):
    """A training of the study.

    Attributes:
        loss: Key of :data:`LOSSES`.
        setting: Key of :data:`SETTINGS`.
        stage: ``'search'`` trains on a part of the training images and is evaluated on the rest of
            them, whose labels are all known; ``'final'`` trains on all and is evaluated on the
            validation images.
        lr: Learning rate.
        seed: Seed of the training and of what is known.
        out: Folder of the study.
        data: Folder that ``prepare`` wrote.
    """

    loss: str
    setting: str
    stage: str
    lr: float
    seed: int
    out: str
    data: str

    @property
    def folder(self) -> Path:
        """Folder of logs, resolved config, scores and result."""
        return Path(
            self.out, self.loss, self.setting, f"{self.stage}_lr{self.lr:g}_seed{self.seed}"
        )

    def __str__(self) -> str:
        return f"{self.loss}, {self.setting}, {self.stage}, lr {self.lr:g}, seed {self.seed}"

    @cached_property
    def prepared(self) -> Prepared:
        """What is known of the data."""
        return _prepared(self.data)

    @cached_property
    def resolved(self) -> Config:
        """The config of the training.

        Raises:
            FileNotFoundError: If nothing was prepared.
        """
        return self._resolve(self.data)

    @cached_property
    def key(self) -> str:
        """What a result depends on, wherever data and results lie."""
        content = self._resolve("").to_dict()
        content.pop("work_dir")
        return fingerprint([content, self.prepared.sources])

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures."""
        return {
            "tier": self.prepared.tier,
            "loss": self.loss,
            "setting": self.setting,
            "stage": self.stage,
            "lr": self.lr,
            "seed": self.seed,
        }

    def fresh(self) -> "Job":
        """Returns the same training without anything that was read."""
        return replace(self)

    def _resolve(self, data: str) -> Config:
        """Makes the config with the data in a folder, which need not exist."""
        prepared, tier = self.prepared, TIERS[self.prepared.tier]
        cfg = copy.deepcopy(_read(str(tier.config)))
        cfg.work_dir, cfg.randomness.seed = str(self.folder), self.seed
        cfg.optim_wrapper.optimizer.lr = self.lr
        self._split(cfg)
        observed = observation_config(self.setting, self.seed)
        shown = cfg.train_dataloader.dataset
        cfg.train_dataloader.dataset = ConfigDict(
            type="mmsrdl.ObservedDataset", dataset=shown, **observed
        )
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            for dataset in datasets_of(loader.dataset):
                folder = "scenes" if prepared.tier == "demo" else ""
                dataset.data_root = os.path.join(data, folder)
        if prepared.tier == "demo":
            start = os.path.join(data, START)
            cfg.model.backbone.init_cfg = dict(type="Pretrained", checkpoint=start)
        held_out = round(HELD_OUT["held_out"] * prepared.train)
        cfg.model.head.loss = loss_config(
            self.loss,
            tier,
            prepared,
            images=prepared.train - (held_out if self.stage == "search" else 0),
            epochs=cfg.train_cfg.max_epochs,
            scores=os.path.join(data, SCORES),
        )
        if LOSSES[self.loss].paramwise:
            paramwise = cfg.optim_wrapper.setdefault("paramwise_cfg", {})
            paramwise["custom_keys"] = {"loss_module": LOSSES[self.loss].paramwise}
        cfg.default_hooks.checkpoint = None
        cfg.val_evaluator = dict(type="mmsrdl.MultiLabelMetric")
        cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
        return cfg

    def _split(self, cfg: Config) -> None:
        """Divides the training images, where they are what is evaluated, too."""
        if self.stage == "final":
            return
        shown = cfg.train_dataloader.dataset
        evaluated = {**shown, "test_mode": True, "pipeline": cfg.val_dataloader.dataset.pipeline}
        for loader, part, dataset in (
            (cfg.train_dataloader, "fit", shown),
            (cfg.val_dataloader, "held_out", evaluated),
        ):
            loader.dataset = ConfigDict(
                type="mmsrdl.HeldOutSplit", dataset=dataset, part=part, **HELD_OUT
            )


@cache
def _read(path: str) -> Config:
    return load_config(path)


@cache
def _prepared(folder: str) -> Prepared:
    return Prepared.load(folder)
