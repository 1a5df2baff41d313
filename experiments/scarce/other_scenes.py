"""The demo tier's start weights and teacher: a network that learned other scenes."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch import Tensor, nn
from torch.utils.data import DataLoader

from experiments.prepared import digest
from experiments.scarce.prepared import SCORES, START, Prepared, chance_level, write_teacher
from experiments.scarce.tiers import CONFIGS, TIERS
from mmsrdl.apis import load_config, train
from mmsrdl.datasets.demo_scenes import write_demo_scenes
from mmsrdl.datasets.observation.stored_labels import image_names, stored_labels
from mmsrdl.models.losses.tri_state import TriStateLoss
from mmsrdl.registry import MODELS

__all__ = ["OnePositiveSoftmaxLoss", "prepare_demo"]

SEED, OTHER_SEED, SIZE = 1, 2, 64
OTHER = 3000


@MODELS.register_module()
class OnePositiveSoftmaxLoss(TriStateLoss):
    """Cross entropy of a softmax over classes, of images with one known positive: ImageNet's."""

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the loss of every entry, [B, C]; 0 but at positives."""
        return torch.where(label == 1, -logits.log_softmax(-1), 0)


def prepare_demo(
    out: str | os.PathLike[str], scenes: int = 800, val: int = 500, other: int = OTHER
) -> Prepared:
    """Prepares the demo tier: scenes, start weights, the teacher's scores of the training scenes.

    What is drawn of one seed is the study's; a network that learns one class an image on scenes of
    another seed is what all trainings start from, and VLPL's teacher.

    Args:
        out: Folder to write.
        scenes: Number of training scenes.
        val: Number of validation scenes.
        other: Number of scenes of the other seed.
    """
    folder = Path(out)
    write_demo_scenes(folder / "scenes", train=scenes, val=val, seed=SEED, size=SIZE)
    write_demo_scenes(folder / "other_scenes", train=other, val=1, seed=OTHER_SEED, size=SIZE)
    torch.set_num_threads(1)
    cfg = load_config(
        str(CONFIGS / "other_scenes.py"),
        work_dir=str(folder / "other_scenes_run"),
        data_root=str(folder / "other_scenes"),
        seed=OTHER_SEED,
    )
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    model: Any = train(cfg).eval()
    torch.save(model.backbone.state_dict(), folder / START)
    shown, evaluated = (_plain(folder / "scenes", part) for part in ("train", "val"))
    labels = stored_labels(shown)
    scores = _softmax_of(model, shown)
    quality = write_teacher(
        folder,
        scores,
        scores,
        labels,
        tuple(shown.metainfo["classes"]),
        image_names(shown),
        TIERS["demo"].threshold,
    )
    prepared = Prepared(
        tier="demo",
        train=len(shown),
        val=len(evaluated),
        classes=labels.shape[1],
        positives=float((labels == 1).sum(1).mean()),
        chance=chance_level(stored_labels(evaluated)),
        sources={
            "scenes": (folder / "scenes" / "demo_scenes.json").read_text(encoding="utf-8"),
            "start": digest(folder / START),
            "teacher": digest(folder / SCORES),
        },
        teacher=quality,
    )
    prepared.save(folder)
    return prepared


def _plain(scenes: Path, part: str) -> Any:
    """Builds the training or validation scenes as they are evaluated."""
    cfg = load_config(str(CONFIGS / "demo.py"), data_root=str(scenes))
    dataset = {**cfg[f"{part}_dataloader"].dataset, "pipeline": cfg.val_dataloader.dataset.pipeline}
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return DATASETS.build({**dataset, "test_mode": True})


@torch.inference_mode()
def _softmax_of(model: Any, dataset: Any) -> np.ndarray:
    """Computes the probabilities of a model that learned one class an image, [N, C]."""
    found = []
    for batch in DataLoader(dataset, batch_size=100, collate_fn=pseudo_collate):
        inputs = model.data_preprocessor(batch, training=False)["inputs"]
        logits: Tensor = model(inputs, mode="tensor")
        found.append(nn.functional.softmax(logits, -1))
    return torch.cat(found).numpy()
