"""Small random models of every multi-label head, as config and checkpoint, on the tiny VOC."""

import uuid
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import nn

from mmsrdl.datasets import VOC_CATEGORIES

EMBEDDER = dict(type="mmsrdl.GCNLabelEmbedder", classes="voc", embed_dims=6)
HEADS: dict[str, dict] = {
    "car": dict(head=dict(type="mmsrdl.CARHead", embedder=EMBEDDER)),
    "linear": dict(
        neck=dict(type="GlobalAveragePooling"), head=dict(type="MultiLabelLinearClsHead")
    ),
    "csra": dict(head=dict(type="CSRAClsHead", num_heads=2, lam=0.1)),
    "mcar": dict(
        type="mmsrdl.MCARClassifier",
        neck=dict(type="GlobalAveragePooling"),
        head=dict(type="MultiLabelLinearClsHead"),
    ),
}


def make_config(kind: str, voc: Path, work_dir: Path, **head: Any) -> Config:
    """A config whose test set is the tiny VOC at 64 pixels."""
    parts = HEADS[kind]
    head = {**parts["head"], "num_classes": 20, "in_channels": 32, "thr": 0.4, **head}
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="Resize", scale=(64, 64), interpolation="bicubic", backend="pillow"),
        dict(type="PackInputs", meta_keys=("sample_idx", "img_path", "gt_label_difficult")),
    ]
    backbone = dict(type="ResNet", depth=18, base_channels=4, stem_channels=4)
    dataset = dict(
        type="mmsrdl.VOCMultiLabel", data_root=str(voc), split="test", test_mode=True,
        pipeline=pipeline,
    )  # fmt: skip
    loader = dict(
        batch_size=2, num_workers=0, dataset=dataset, collate_fn=dict(type="default_collate"),
        sampler=dict(type="DefaultSampler", shuffle=False),
    )  # fmt: skip
    return Config(
        dict(
            default_scope="mmpretrain",
            launcher="none",
            work_dir=str(work_dir),
            experiment_name=uuid.uuid4().hex,
            log_level="ERROR",
            data_preprocessor=dict(mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True),
            model=dict(
                type=parts.get("type", "ImageClassifier"),
                backbone=backbone,
                neck=parts.get("neck"),
                head=head,
            ),
            test_dataloader=loader,
            test_evaluator=dict(type="mmsrdl.MultiLabelMetric"),
            test_cfg=dict(),
        )
    )


def write_checkpoint(cfg: Config, path: Path) -> str:
    """Writes a random model whose scores differ by image and class."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
    for name, parameter in model.head.named_parameters():
        if name.endswith(("fc.weight", "head.weight", "classifier.weight")):
            nn.init.normal_(parameter, std=0.3)
    model.backbone.conv1.weight.data *= 30
    meta = {"dataset_meta": {"classes": VOC_CATEGORIES}}
    torch.save({"state_dict": model.state_dict(), "meta": meta}, path)
    return str(path)
