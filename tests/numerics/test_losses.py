"""Every loss: finite values and gradients on logits and labels that training may meet."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mmsrdl.evaluation import ScoresFile
from mmsrdl.models import losses
from mmsrdl.models.losses import ImageStateLoss
from mmsrdl.registry import MODELS

IMAGES, CLASSES = 3, 4
STATE = dict(num_images=IMAGES, num_classes=CLASSES)
LOSSES: dict[str, dict[str, Any]] = {
    "MultiLabelBCELoss": {},
    "MultiLabelBCELoss mean": dict(reduction="mean"),
    "MultiLabelASLLoss": {},
    "MultiLabelASLLoss focal": dict(gamma_pos=2.0, clip=0.0),
    "PartialBCELoss": {},
    "PartialBCELoss inverse": dict(alpha=1.0, beta=0.0, gamma=-1.0),
    "AssumeNegativeLoss": {},
    "AssumeNegativeLoss wan": dict(weight="wan", smoothing=0.1),
    "EntropyMaximizationLoss": {},
    "RankingLoss": {},
    "EMAPLLoss": dict(**STATE, warmup_epochs=0),
    "ROLELoss": dict(**STATE, expected_positives=1.5),
    "VLPLLoss": dict(negative_share=0.5),
    "AsymmetricVLPLLoss": dict(negative_share=0.5),
}
"""By class, and what sets it apart: its options."""

LABELS = {
    "mixed": torch.tensor([[1, 0, -1, 0], [0, 1, 1, -1], [-1, -1, 1, 0]]),
    "all negative": torch.zeros(IMAGES, CLASSES, dtype=torch.long),
    "all positive": torch.ones(IMAGES, CLASSES, dtype=torch.long),
    "all unknown": torch.full((IMAGES, CLASSES), -1),
}
RANDOM = torch.randn(IMAGES, CLASSES, generator=torch.Generator().manual_seed(0))
LOGITS = {
    "zeros": torch.zeros_like(RANDOM),
    "usual": RANDOM,
    "large": RANDOM * 100,
    "extreme": RANDOM * 1e4,
    "highest": RANDOM.sign() * 1e30,
}


def make(name: str, folder: Path, labels: Tensor) -> Any:
    kind, options = name.split()[0], dict(LOSSES[name])
    images = [f"{i}.jpg" for i in range(IMAGES)]
    classes = [f"class {c}" for c in range(CLASSES)]
    if "VLPL" in kind:
        options["scores"] = str(folder / "scores.npz")
        scores = torch.rand(IMAGES, CLASSES, generator=torch.Generator().manual_seed(1))
        index = torch.arange(IMAGES)
        ScoresFile(tuple(classes), scores, labels.to(torch.int8), index, tuple(images)).save(
            options["scores"]
        )
    loss = MODELS.build(dict(type=f"mmsrdl.{kind}", **options))
    if isinstance(loss, ImageStateLoss):
        loss.start(labels.to(torch.int8), images, classes)
        loss.start_epoch(0, 2, lambda: RANDOM)
        loss.set_images(torch.arange(IMAGES))
    return loss


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("name", LOSSES)
def test_any_logits_and_labels(name: str, labels: Tensor, tmp_path: Path) -> None:
    loss = make(name, tmp_path, labels)
    for kind, values in LOGITS.items():
        if kind == "highest" and name == "RankingLoss":
            continue  # the sum of such margins is beyond float32
        logits = values.clone().requires_grad_()
        value = loss(logits, labels)
        value.backward()
        assert value.isfinite(), kind
        assert logits.grad.isfinite().all(), kind


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    labels = LABELS["mixed"]
    loss = make(name, tmp_path, labels)
    for values in (RANDOM, RANDOM * 100, torch.full_like(RANDOM, torch.finfo(dtype).max / 2**20)):
        half = values.to(dtype)
        logits = half.clone().requires_grad_()
        with torch.autocast("cpu", dtype):
            value = loss(logits, labels)
        value.backward()
        assert value.isfinite()
        assert logits.grad.isfinite().all()
        torch.testing.assert_close(value.float(), loss(half.float(), labels), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_unknown_everywhere_teaches_nothing_or_says_so(name: str, tmp_path: Path) -> None:
    labels = LABELS["all unknown"]
    loss = make(name, tmp_path, labels)
    logits = RANDOM.clone().requires_grad_()
    value = loss(logits, labels)
    value.backward()
    if getattr(loss, "uses_unknown", False) and name.split()[0] != "PartialBCELoss":
        assert logits.grad.any()
    else:
        assert value == 0
        assert not logits.grad.any()


def test_every_loss_is_among_these() -> None:
    bases = {"ImageStateLoss", "TriStateLoss"}
    kinds = {name for name in losses.__all__ if name.endswith("Loss")} - bases
    assert {name.split()[0] for name in LOSSES} == kinds
