"""One training of the study: a loss where a part of the labels is known."""

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mmengine.config import Config, ConfigDict

import experiments.scarce.maps  # noqa: F401  (registers the data set)
from experiments.prepared import HELD_OUT, PreparedTraining, hold_out, read_config
from experiments.scarce.losses import LOSSES, loss_config, observation_config
from experiments.scarce.prepared import SCORES, START, Prepared
from experiments.scarce.tiers import TIERS
from mmsrdl.apis.config import datasets_of

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job(PreparedTraining):
    """A training of the study; the seed is that of what is known, too.

    Attributes:
        loss: Key of :data:`LOSSES`.
        setting: Key of :data:`SETTINGS`; all labels of what a search is evaluated on are known.
    """

    loss: str
    setting: str

    @property
    def cell(self) -> dict[str, str]:
        """Loss and setting."""
        return {"loss": self.loss, "setting": self.setting}

    @cached_property
    def prepared(self) -> Prepared:
        """What is known of the data; see :meth:`Prepared.load`."""
        return Prepared.load(self.data)

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures."""
        return {"tier": self.prepared.tier, **super().facts}

    def resolve(self, data: str) -> Config:
        """Makes the config with the data in a folder, which need not exist."""
        prepared, tier = self.prepared, TIERS[self.prepared.tier]
        cfg = read_config(tier.config)
        cfg.work_dir, cfg.randomness.seed = str(self.folder), self.seed
        cfg.optim_wrapper.optimizer.lr = self.lr
        if self.stage == "search":
            hold_out(cfg)
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
