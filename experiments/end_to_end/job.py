"""One training of a whole model, which goes on from its checkpoint if it was stopped."""

import copy
import json
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from experiments.config_training import SEARCH_SPLIT_SEED, ConfigTraining
from experiments.prepared import hold_out, with_digests
from mmsrdl.apis.config import LOADERS, datasets_of
from mmsrdl.apis.run import metric_config
from mmsrdl.datasets.feature_maps import fingerprint
from mmsrdl.datasets.observation.stored_labels import image_names, stored_labels

__all__ = ["Job"]

OF_THE_MACHINE = ("num_workers", "persistent_workers", "pin_memory")
"""What a loader's config says that changes no figure."""


@dataclass(frozen=True, kw_only=True)
class Job(ConfigTraining):
    """A training of the tier *end to end*.

    Attributes:
        weights: ImageNet weights of the backbone; None takes the config's.
        launcher: Processes (GPUs) of the training, which share the config's batch.
    """

    TIER = "end to end"

    weights: str | None = None
    launcher: int = 1

    @property
    def resumes(self) -> bool:
        """It keeps the checkpoints of the last two epochs."""
        return True

    @property
    def command(self) -> list[str] | None:
        """Command line of several processes."""
        if self.launcher == 1:
            return None
        return [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *(f"--nproc_per_node={self.launcher}", "-m", "experiments.worker", str(self.folder)),
        ]

    def load(self) -> Config:
        """Reads the config.

        The first evaluator is ``mmsrdl.MultiLabelMetric`` with the protocol ``paper``; what the
        config has beside its own stays. The best epoch is not kept, as it would be chosen on the
        validation images.
        """
        cfg = self.read(weights=self.weights)
        cfg.launcher = "none" if self.launcher == 1 else "pytorch"
        if cfg.train_dataloader.dataset.type == "mmsrdl.FeatureMapDataset":
            raise ValueError(f"{self.config} is of frozen maps; give it to experiments.frozen")
        if cfg.train_cfg.get("type") != "mmsrdl.ResumableEpochLoop":
            raise ValueError(
                f"{self.config}: train_cfg is of {cfg.train_cfg.get('type', 'no type')}; use "
                "mmsrdl.ResumableEpochLoop, which goes on exactly where it was stopped"
            )
        self._share_batch(cfg)
        evaluators = cfg.val_evaluator
        evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
        further = [each for each in evaluators if metric_config(cfg, [each]) is None]
        cfg.val_evaluator = [dict(type="mmsrdl.MultiLabelMetric"), *further]
        kept = cfg.default_hooks.get("checkpoint") or {}
        cfg.default_hooks.checkpoint = ConfigDict(
            type="mmsrdl.SafeCheckpointHook",
            interval=kept.get("interval", 1),
            by_epoch=kept.get("by_epoch", True),
            max_keep_ckpts=2,
        )
        return cfg

    def _share_batch(self, cfg: Config) -> None:
        batch = cfg.train_dataloader.batch_size
        if batch % self.launcher:
            raise ValueError(
                f"--launcher {self.launcher}: {self.config} has batches of {batch} images, which "
                "that many processes cannot share; give a divisor of it, or --processes with a "
                "GPU for each training"
            )
        cfg.train_dataloader.batch_size = batch // self.launcher

    def hold_out(self, cfg: Config) -> None:
        """Divides the training images, and evaluates on those that are held out."""
        hold_out(cfg, held_out=self.held_out, seed=SEARCH_SPLIT_SEED, method="stratified")

    @property
    def images(self) -> tuple[int, int]:
        """Number of training images and of images that the training is evaluated on."""
        found = self._data
        train = sum(images for _, images in found[LOADERS[0]])
        if self.stage == "final":
            return train, sum(images for _, images in found[LOADERS[1]])
        held_out = round(self.held_out * train)
        return train - held_out, held_out

    @cached_property
    def _data(self) -> dict[str, list[tuple[str, int]]]:
        """Fingerprint and number of images of each data set, by loader."""
        scope = self.resolved.get("default_scope") or "mmpretrain"
        return {
            name: [
                _identity(json.dumps(dataset, sort_keys=True), scope)
                for dataset in datasets_of(self.resolved[name].dataset)
            ]
            for name in LOADERS[:2]
        }

    @cached_property
    def key(self) -> str:
        """What a result depends on, wherever data, weights, vectors and results lie."""
        cfg = copy.deepcopy(self.resolved)
        for name in LOADERS[:2]:
            for place in OF_THE_MACHINE:
                cfg[name].pop(place, None)
            for dataset in datasets_of(cfg[name].dataset):
                dataset.pop("data_root", None)
        content = cfg.to_dict()
        for place in ("work_dir", "launcher"):
            content.pop(place)
        content["default_hooks"].pop("checkpoint")
        content["model"] = with_digests(content["model"])
        return fingerprint([content, self._data])

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures."""
        data = {name: [list(each) for each in found] for name, found in self._data.items()}
        return {**super().facts, "launcher": self.launcher, "data": data}


@cache
def _identity(dataset: str, scope: str) -> tuple[str, int]:
    """Returns fingerprint and number of the images and labels of a data set's config (JSON)."""
    with DefaultScope.overwrite_default_scope(scope):
        built = DATASETS.build({**json.loads(dataset), "pipeline": []})
    labels = stored_labels(built)
    return fingerprint([image_names(built), labels.shape, labels.tobytes().hex()]), len(labels)
