"""One training of the study: a method, from the prepared encoder on."""

import copy
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from experiments.open_vocabulary.combinations import SEEN
from experiments.open_vocabulary.prepared import ENCODER_FILE, Prepared, make_config
from experiments.open_vocabulary.rows import ROWS
from experiments.trainings import Training
from mmsrdl.datasets.feature_maps import fingerprint

__all__ = ["HELD_OUT", "Job"]

HELD_OUT = dict(held_out=0.2, seed=1200)
"""The part of the training scenes that learning rates are selected on."""


@dataclass(frozen=True)
class Job(Training):
    """A training of the study.

    Attributes:
        row: Key of :data:`ROWS`.
        stage: ``'search'`` trains on a part of the training scenes and is evaluated on the rest of
            them, where there is no unseen label; ``'final'`` trains on all and is evaluated on the
            validation scenes.
        lr: Learning rate.
        seed: Seed of the training.
        out: Folder of the study.
        data: Folder that ``prepare`` wrote.
    """

    row: str
    stage: str
    lr: float
    seed: int
    out: str
    data: str

    @property
    def folder(self) -> Path:
        """Folder of logs, resolved config, scores and result."""
        return Path(self.out, self.row, f"{self.stage}_lr{self.lr:g}_seed{self.seed}")

    def __str__(self) -> str:
        return f"{self.row}, {self.stage}, lr {self.lr:g}, seed {self.seed}"

    @cached_property
    def resolved(self) -> Config:
        """The config of the training."""
        return self._resolve(self.data)

    @cached_property
    def key(self) -> str:
        """What a result depends on, wherever data and results lie.

        Raises:
            FileNotFoundError: If nothing was prepared.
        """
        content = self._resolve("").to_dict()
        content.pop("work_dir")
        return fingerprint([content, Prepared.load(self.data).sources])

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures."""
        return {"row": self.row, "stage": self.stage, "lr": self.lr, "seed": self.seed}

    def fresh(self) -> "Job":
        """Returns the same training without anything that was read."""
        return replace(self)

    def _resolve(self, data: str) -> Config:
        """Makes the config with the data in a folder, which need not exist."""
        cfg = make_config("demo", data)
        cfg.work_dir, cfg.randomness.seed = str(self.folder), self.seed
        cfg.optim_wrapper.optimizer.lr = self.lr
        cfg.model.head.attention = copy.deepcopy(ROWS[self.row].attention)
        encoder = os.path.join(data, ENCODER_FILE)
        for part in ("backbone", "neck"):
            cfg.model[part].init_cfg = dict(
                type="Pretrained", checkpoint=encoder, prefix=f"{part}."
            )
        if self.stage == "search":
            _split(cfg)
        return cfg


def _split(cfg: Config) -> None:
    """Divides the training scenes, and evaluates on those that are held out."""
    shown = cfg.train_dataloader.dataset
    evaluated = {**shown, "test_mode": True, "pipeline": cfg.val_dataloader.dataset.pipeline}
    for loader, part, dataset in (
        (cfg.train_dataloader, "fit", shown),
        (cfg.val_dataloader, "held_out", evaluated),
    ):
        loader.dataset = ConfigDict(
            type="mmsrdl.HeldOutSplit", dataset=dataset, part=part, **HELD_OUT
        )
    assert tuple(shown.metainfo.classes) == SEEN
    cfg.model.head.zsl_vocabulary = None
    cfg.val_evaluator = cfg.val_evaluator[:1]
