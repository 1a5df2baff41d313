"""A run of a second or two: SRDL with what a resumed run can get wrong, on seven images."""

import uuid
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

CLASSES = ["boat", "car", "dog"]
LENGTH = 4  # batches an epoch: seven images, two a batch


@HOOKS.register_module(force=True)
class StopHook(Hook):
    """Interrupts at one place of a run."""

    priority = "LOWEST"

    def __init__(self, place: str, iteration: int) -> None:
        self.place, self.iteration = place, iteration

    def _at(self, place: str, now: int) -> None:
        if (place, now) == (self.place, self.iteration):
            raise KeyboardInterrupt

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self._at("iteration", runner.iter + 1)

    def before_val_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        self._at("validation", runner.iter)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self._at("saving", runner.iter)


def make_config(
    root: Path,
    work_dir: Path,
    loop: dict,
    checkpoint: dict,
    seed: int = 3,
    batch_size: int = 2,
    stop: tuple[str, int] = ("never", 0),
) -> Config:
    """SRDL with what a resumed run can get wrong: EMA, erasing, BN, stochastic depth, crops."""
    load = [dict(type="LoadImageFromFile")]
    train_pipeline = [*load, dict(type="RandomResizedCrop", scale=32), dict(type="PackInputs")]
    val_pipeline = [*load, dict(type="Resize", scale=(32, 32)), dict(type="PackInputs")]
    dataset = dict(
        type="mmsrdl.MultiLabelDataset", data_root=str(root), data_prefix="", ann_file="ann.json"
    )
    loader = dict(
        batch_size=batch_size,
        num_workers=0,
        collate_fn=dict(type="default_collate"),
    )
    return Config(
        dict(
            default_scope="mmpretrain",
            launcher="none",
            work_dir=str(work_dir),
            model=dict(
                type="ImageClassifier",
                backbone=dict(
                    type="ResNet", depth=18, base_channels=4, stem_channels=4, num_stages=2,
                    out_indices=(1,), strides=(1, 2), dilations=(1, 1), drop_path_rate=0.5,
                ),
                head=dict(
                    type="mmsrdl.CARHead",
                    num_classes=3,
                    in_channels=8,
                    embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=4),
                ),
            ),
            train_dataloader=dict(
                **loader,
                sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
                dataset=dict(**dataset, pipeline=train_pipeline),
            ),
            val_dataloader=dict(
                **loader,
                sampler=dict(type="DefaultSampler", shuffle=False),
                dataset=dict(**dataset, pipeline=val_pipeline, test_mode=True),
            ),
            val_evaluator=dict(type="mmsrdl.MultiLabelMetric"),
            train_cfg=loop,
            val_cfg=dict(),
            optim_wrapper=dict(optimizer=dict(type="Adam", lr=1e-2)),
            param_scheduler=[
                dict(type="LinearLR", start_factor=0.1, by_epoch=False, end=5),
                dict(type="StepLR", by_epoch=True, step_size=2),
            ],
            default_hooks=dict(
                logger=None,
                checkpoint=dict(type="CheckpointHook", save_best="mlr/mAP", **checkpoint),
                oe=dict(type="mmsrdl.OEErasingHook", topk=2, begin=5, by_epoch=False),
                iteration_seed=dict(type="mmsrdl.IterationSeedHook"),
            ),
            custom_hooks=[
                dict(type="EMAHook", momentum=0.1),
                dict(type="StopHook", place=stop[0], iteration=stop[1]),
            ],
            randomness=dict(seed=seed),
            log_level="ERROR",
            experiment_name=uuid.uuid4().hex,  # MMEngine keeps state under this name
        )
    )  # fmt: skip


EPOCHS = dict(type="mmsrdl.ResumableEpochLoop", max_epochs=3, val_interval=1)
ITERS = dict(type="mmsrdl.ResumableIterLoop", max_iters=3 * LENGTH, val_interval=5)
BY_EPOCH = dict(by_epoch=True, interval=1)
BY_ITER = dict(by_epoch=False, interval=2)
