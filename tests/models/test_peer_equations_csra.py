"""CSRA's config against slow loops that were written from its paper, in value and gradient."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.models.heads import CSRAClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from tests.reference import csra as reference

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
HEADS = sorted(reference.TEMPERATURES)
EXACT = dict(rtol=1e-10, atol=1e-10)


def make_head(**options: object) -> CSRAClsHead:
    """The head of the system's config: C = 3, D = 5."""
    torch.manual_seed(0)
    cfg = Config.fromfile(CONFIGS / "_base_/systems/csra.py").model.head
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        head = MODELS.build({**cfg, "num_classes": 3, "in_channels": 5, **options}).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


def make_map(shape: tuple[int, int] = (3, 4)) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 5, *shape, generator=generator, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("num_heads", HEADS)
@pytest.mark.parametrize("shape", [(3, 4), (1, 1)])
def test_scores_and_gradients(num_heads: int, shape: tuple[int, int]) -> None:
    head, feature = make_head(num_heads=num_heads, lam=0.4), make_map(shape)
    classifiers = [module.head.weight[:, :, 0, 0] for module in head.csra_heads]
    expected = reference.csra(feature, classifiers, lam=0.4)
    found = head((feature,))
    assert_close(found, expected, **EXACT)
    sources = [feature, *head.parameters()]
    weights = torch.randn(2, 3, dtype=torch.float64)
    assert_close(
        torch.autograd.grad((found * weights).sum(), sources),
        torch.autograd.grad((expected * weights).sum(), sources),
        **EXACT,
    )


def test_loss_is_the_mean_over_images_and_classes() -> None:
    """As released: the learning rates of its schedule belong to it."""
    head, feature = make_head(), make_map()
    labels = torch.tensor([[1.0, 0, 1], [0, 0, 1]])
    samples = [DataSample().set_gt_score(row) for row in labels]
    p = head((feature,)).sigmoid()
    terms = torch.where(labels == 1, -p.log(), -(1 - p).log())
    assert_close(head.loss((feature,), samples)["loss"], terms.sum() / 6, **EXACT)


@pytest.mark.parametrize(
    ("leaf", "num_heads", "lam", "period"),
    [("coco", 4, 0.5, 5), ("voc07", 1, 0.1, 4)],
)
def test_recipe(leaf: str, num_heads: int, lam: float, period: int) -> None:
    cfg = Config.fromfile(CONFIGS / f"csra/csra_r101_{leaf}.py")
    assert (cfg.model.head.num_heads, cfg.model.head.lam) == (num_heads, lam)
    assert (cfg.data_preprocessor.mean, cfg.data_preprocessor.std) == ([0.0] * 3, [255.0] * 3)
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer == dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4)
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys == {"head": dict(lr_mult=10)}
    warm_up, steps = cfg.param_scheduler
    assert (warm_up.type, warm_up.end) == ("LinearLR", 2)
    assert (steps.type, steps.step_size, steps.gamma) == ("StepLR", period, 0.1)
    assert cfg.train_cfg.max_epochs == 30
    assert cfg.train_dataloader.batch_size == 16
    crop = cfg.train_dataloader.dataset.pipeline[1]
    assert (crop.type, crop.crop_ratio_range) == ("RandomResizedCrop", (0.7, 1.0))
