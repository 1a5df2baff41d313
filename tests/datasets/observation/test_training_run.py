"""A run sees known labels alone: its batches, its label graph, its guards."""

from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsrdl.datasets.observation import image_names
from tests.small_run import BY_EPOCH, make_config


@HOOKS.register_module(force=True)
class KeepLabelsHook(Hook):
    """Keeps the labels of all batches by the index of the image."""

    seen: dict[int, list[float]]

    def before_run(self, runner: Runner) -> None:
        KeepLabelsHook.seen = {}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        for sample in data_batch["data_samples"]:
            self.seen[sample.sample_idx] = sample.gt_score.tolist()


def test_a_run_sees_known_labels_alone(seven: Path, tmp_path: Path) -> None:
    loop = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=1, val_interval=1)
    cfg = make_config(seven, tmp_path, loop, BY_EPOCH)
    inner = cfg.train_dataloader.dataset
    part = dict(type="mmsrdl.HeldOutSplit", dataset=inner, part="fit", held_out=0.3)
    cfg.train_dataloader.dataset = dict(
        type="mmsrdl.ObservedDataset", dataset=part, keep="entries", p=0.5
    )
    cfg.train_dataloader.num_workers = 1
    held_out = dict(**{**inner, "pipeline": cfg.val_dataloader.dataset.pipeline}, test_mode=True)
    cfg.val_dataloader.dataset = dict(
        type="mmsrdl.HeldOutSplit", dataset=held_out, part="held_out", held_out=0.3
    )
    cfg.model.head.embedder.update(adjacency="cooccurrence", learn_adjacency=False)
    for name in ("DataGuardHook", "UnknownLabelGuardHook", "CooccurrenceHook"):
        cfg.default_hooks[name] = dict(type=f"mmsrdl.{name}")
    cfg.custom_hooks.append(dict(type="KeepLabelsHook"))
    runner = Runner.from_cfg(cfg)
    runner.train()
    train, val = runner.train_dataloader.dataset, runner.val_dataloader.dataset
    assert set(image_names(train)).isdisjoint(image_names(val))
    labels = torch.from_numpy(train.known_labels)
    assert KeepLabelsHook.seen == dict(enumerate(labels.tolist()))
    assert (labels == -1).any()
    known = (labels == 1).float()
    together = known.T @ known > 0
    assert together.triu(1).any()
    assert ((runner.model.head.embedder.adjacency > 0) == together).all()
