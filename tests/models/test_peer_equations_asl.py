"""ASL's config against slow loops that were written from its paper, in value and gradient."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.testing import assert_close

from tests.reference import asl as reference

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
EXACT = dict(rtol=1e-10, atol=1e-10)
LABELS = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 1]])


def make_loss() -> nn.Module:
    """The loss of the system's config."""
    cfg = Config.fromfile(CONFIGS / "_base_/systems/asl.py")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return MODELS.build(cfg.model.head.loss)


def make_logits(scale: float) -> Tensor:
    """Logits; at a scale of 3 some negatives are below the margin of 0.05, others far above."""
    generator = torch.Generator().manual_seed(0)
    logits = scale * torch.randn(3, 6, generator=generator, dtype=torch.float64)
    return logits.requires_grad_()


@pytest.mark.parametrize("scale", [0.5, 3.0, 30.0])
def test_values_and_gradients(scale: float) -> None:
    logits = make_logits(scale)
    expected = reference.asl(logits, LABELS, reduction="batchmean")
    found = make_loss()(logits, LABELS, avg_factor=len(LABELS))
    assert_close(found, expected, **EXACT)
    assert_close(torch.autograd.grad(found, logits), torch.autograd.grad(expected, logits), **EXACT)


def test_easy_negatives_have_no_gradient() -> None:
    """Below the margin, sigmoid(-3) = 0.047 < 0.05."""
    logits = torch.full((1, 2), -3.0, dtype=torch.float64, requires_grad=True)
    make_loss()(logits, torch.tensor([[0.0, 1.0]]), avg_factor=1).backward()
    assert logits.grad[0, 0] == 0
    assert logits.grad[0, 1] < 0


def test_departure_from_the_released_code() -> None:
    """There no gradient flows through the focusing weight; docs/systems/asl.md says so."""
    logits = make_logits(3.0)
    released = reference.asl(logits, LABELS, reduction="batchmean", focus_gradient=False)
    ours = make_loss()(logits, LABELS, avg_factor=len(LABELS))
    assert_close(ours, released, **EXACT)
    (theirs,) = torch.autograd.grad(released, logits)
    (mine,) = torch.autograd.grad(ours, logits)
    assert (mine - theirs).abs().max() > 0.1
    positive = LABELS == 1  # gamma_+ = 0: there is no weight
    assert_close(mine[positive], theirs[positive], **EXACT)


@pytest.mark.parametrize("leaf", ["coco", "voc07"])
def test_recipe(leaf: str) -> None:
    cfg = Config.fromfile(CONFIGS / f"asl/asl_r101_{leaf}.py")
    loss = cfg.model.head.loss
    assert (loss.gamma_pos, loss.gamma_neg, loss.clip) == (0.0, 4.0, 0.05)
    optimizer, paramwise = cfg.optim_wrapper.optimizer, cfg.optim_wrapper.paramwise_cfg
    assert (optimizer.type, optimizer.weight_decay) == ("Adam", 1e-4)
    assert set(paramwise.values()) == {0.0}
    assert set(paramwise) == {"norm_decay_mult", "bias_decay_mult", "flat_decay_mult"}
    cycle = cfg.param_scheduler
    assert (cycle.type, cycle.eta_max, cycle.pct_start) == ("OneCycleLR", 1e-4, 0.2)
    assert (cycle.end, cfg.train_cfg.max_epochs) == (80, 40)
    (average,) = cfg.custom_hooks
    momentum = {"coco": 3e-4, "voc07": 5e-3}[leaf]  # of VOC's few iterations
    assert average == dict(type="EMAHook", momentum=momentum, update_buffers=True)
    assert cfg.train_dataloader.batch_size == 128
    steps = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert steps[2:4] == ["Cutout", "RandAugment"]
