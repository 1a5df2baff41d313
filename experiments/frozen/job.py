"""One training of a head on frozen maps, in a process of its own."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from experiments.trainings import Training
from mmsrdl.apis import load_config
from mmsrdl.apis.config import LOADERS
from mmsrdl.datasets import FeatureMaps
from mmsrdl.datasets.feature_maps import fingerprint

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job(Training):
    """A training of a study.

    Attributes:
        config: Config file.
        held_out: Share of the training images that a search is evaluated on.
        search_epochs: Length of a search's training; None takes the config's.
        data_root: Folder of the maps; None takes the config's.
        word_vectors: File of word vectors for heads whose embedder reads one; None likewise.
        cfg_options: Dotted keys to values, for every config.
    """

    config: str
    held_out: float = 0.2
    search_epochs: int | None = None
    data_root: str | None = None
    word_vectors: str | None = None
    cfg_options: dict[str, Any] | None = field(default=None, hash=False)

    @property
    def cell(self) -> dict[str, str]:
        """Name of the config."""
        return {"config": Path(self.config).stem}

    @cached_property
    def resolved(self) -> Config:
        """The config of the training.

        Every config gets the same protocol, one evaluation after the last epoch, and no
        checkpoints.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the config is not one of frozen maps, or an option does not fit.
        """
        cfg = load_config(
            self.config,
            work_dir=str(self.folder),
            data_root=self.data_root,
            seed=self.seed,
            cfg_options=self.cfg_options,
        )
        for loader in LOADERS:
            kind = cfg[loader].dataset.type
            if kind != "mmsrdl.FeatureMapDataset":
                raise ValueError(
                    f"{self.config}: {loader}.dataset is {kind}, not mmsrdl.FeatureMapDataset; "
                    "give configs that inherit _base_/datasets/*_maps.py"
                )
        maps = cfg.train_dataloader.dataset
        if self.stage == "search":
            split = dict(held_out=self.held_out, seed=0)
            cfg.val_dataloader.dataset.ann_file = maps.ann_file
            cfg.val_dataloader.dataset.split = dict(part="held_out", **split)
            maps.split = dict(part="fit", **split)
            cfg.train_cfg.max_epochs = self.search_epochs or cfg.train_cfg.max_epochs
        embedder: Any = cfg.model.head.get("embedder") or {}
        if embedder.get("word_vectors") and self.word_vectors is not None:
            embedder.word_vectors = self.word_vectors
        if embedder.get("cooccurrence"):
            embedder.cooccurrence = os.path.join(maps.data_root, "cooccurrence.npz")
        cfg.optim_wrapper.optimizer.lr = self.lr
        cfg.train_cfg.val_interval = cfg.train_cfg.max_epochs
        cfg.default_hooks.checkpoint = None
        cfg.val_evaluator = dict(type="mmsrdl.MultiLabelMetric")
        cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
        return cfg

    @cached_property
    def maps(self) -> dict[str, FeatureMaps]:
        """The maps of the training and of the evaluation, by the names of their loaders."""
        return {
            name: FeatureMaps.load(
                Path(self.resolved[name].dataset.data_root, self.resolved[name].dataset.ann_file)
            )
            for name in LOADERS[:2]
        }

    @cached_property
    def key(self) -> str:
        """What a result depends on, wherever maps and results lie."""
        content = self.resolved.to_dict()
        content.pop("work_dir")
        for name in LOADERS[:2]:
            content[name]["dataset"].pop("data_root")
        return fingerprint([content, [maps.fingerprint for maps in self.maps.values()]])

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures."""
        maps = {
            name: {"fingerprint": maps.fingerprint, "shape": list(maps.maps().shape)}
            for name, maps in self.maps.items()
        }
        return {"tier": "frozen", **super().facts, "maps": maps}
