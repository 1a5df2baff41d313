"""One training of a head on frozen maps, in a process of its own."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from experiments.config_training import SEARCH_SPLIT_SEED, ConfigTraining
from experiments.prepared import with_digests
from mmsrdl.apis.config import LOADERS
from mmsrdl.datasets import FeatureMaps
from mmsrdl.datasets.feature_maps import fingerprint

__all__ = ["Job"]


@dataclass(frozen=True, kw_only=True)
class Job(ConfigTraining):
    """A training of the frozen tier, without checkpoints; ``data_root`` is that of the maps."""

    TIER = "frozen"

    def load(self) -> Config:
        """Reads the config, which must be one of frozen maps."""
        cfg = self.read()
        for loader in LOADERS:
            kind = cfg[loader].dataset.type
            if kind != "mmsrdl.FeatureMapDataset":
                raise ValueError(
                    f"{self.config}: {loader}.dataset is {kind}, not mmsrdl.FeatureMapDataset; "
                    "give configs that inherit _base_/datasets/*_maps.py"
                )
        embedder: Any = cfg.model.head.get("embedder") or {}
        if embedder.get("cooccurrence"):
            root = cfg.train_dataloader.dataset.data_root
            embedder.cooccurrence = os.path.join(root, "cooccurrence.npz")
        cfg.default_hooks.checkpoint = None
        cfg.val_evaluator = dict(type="mmsrdl.MultiLabelMetric")
        return cfg

    def hold_out(self, cfg: Config) -> None:
        """Divides the training maps, and evaluates on those that are held out."""
        maps, split = cfg.train_dataloader.dataset, dict(held_out=self.held_out)
        split["seed"] = SEARCH_SPLIT_SEED
        cfg.val_dataloader.dataset.ann_file = maps.ann_file
        cfg.val_dataloader.dataset.split = dict(part="held_out", **split)
        maps.split = dict(part="fit", **split)

    @cached_property
    def maps(self) -> dict[str, FeatureMaps]:
        """The maps of the training and of the evaluation, by the names of their loaders."""
        return {
            name: FeatureMaps.load(
                Path(self.resolved[name].dataset.data_root, self.resolved[name].dataset.ann_file)
            )
            for name in LOADERS[:2]
        }

    @property
    def images(self) -> tuple[int, int]:
        """Number of training images and of images that the training is evaluated on."""
        train, val = (maps.labels.shape[0] for maps in self.maps.values())
        if self.stage == "final":
            return train, val
        held_out = round(self.held_out * train)
        return train - held_out, held_out

    @cached_property
    def key(self) -> str:
        """What a result depends on, wherever maps, vectors and results lie."""
        content = self.resolved.to_dict()
        content.pop("work_dir")
        content["model"] = with_digests(content["model"])
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
        return {**super().facts, "maps": maps}
