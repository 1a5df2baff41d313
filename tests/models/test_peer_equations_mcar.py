"""MCAR against slow loops that a second reader wrote, in value and gradient."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.models import MCARClassifier
from mmsrdl.models.classifiers import attentional_boxes, crop_boxes
from tests.reference import mcar as ref

EXACT = dict(rtol=1e-10, atol=1e-10)
NECKS = {
    "avg": dict(type="GlobalAveragePooling"),
    "max": dict(type="mmsrdl.GlobalMaxPooling"),
    "gwp": dict(type="mmsrdl.GlobalWeightedPooling"),
}


class Backbone(nn.Module):
    """One convolution, [B, 6, H/2, W/2]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return (self.conv(inputs).tanh(),)


def make_model(pooling: str = "gwp", **options: object) -> MCARClassifier:
    torch.manual_seed(0)
    loss = dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean")
    head = dict(type="MultiLabelLinearClsHead", num_classes=5, in_channels=6, loss=loss)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(
            dict(
                type="mmsrdl.MCARClassifier",
                backbone=Backbone(),
                neck=NECKS[pooling],
                head=head,
                **options,
            )
        )
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    return model.double()


def make_images() -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, 12, 16, dtype=torch.float64, generator=generator)


def streams(model: MCARClassifier, images: Tensor, pooling: str) -> tuple[Tensor, Tensor]:
    """Logits of both streams as the reference has them."""
    W, b = model.head.fc.weight, model.head.fc.bias
    F = model.backbone(images)[-1]
    z_global = ref.stream(F, W, b, pooling)
    A = ref.class_maps(F, W, b, *images.shape[2:])
    local = []
    for image, found in zip(images, ref.regions(A, z_global, model.regions), strict=True):
        crops = torch.stack([ref.crop(image, corners) for _, corners in found])
        local.append(ref.aggregate(ref.stream(model.backbone(crops)[-1], W, b, pooling)))
    return z_global, torch.stack(local)


@pytest.mark.parametrize("size", [(20, 24), (17, 9)])
@pytest.mark.parametrize(("threshold", "least"), [(0.5, 0.125), (0.9, 0.4), (0.2, 0.0)])
def test_boxes(size: tuple[int, int], threshold: float, least: float) -> None:
    maps = torch.rand(8, 3, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    boxes = attentional_boxes(maps, size, threshold, least)
    for n in range(8):
        for c in range(3):
            expected = ref.box(ref.resize(maps[n, c], *size), threshold, least)
            assert tuple(boxes[n, c].tolist()) == expected


def test_crops() -> None:
    images = make_images()
    boxes = torch.tensor([[[0, 0, 16, 12], [3, 2, 5, 4]], [[14, 1, 16, 12], [7, 11, 8, 12]]])
    crops = crop_boxes(images, boxes, (12, 16))
    for index, corners in enumerate(boxes.flatten(0, 1).tolist()):
        assert_close(crops[index], ref.crop(images[index // 2], tuple(corners)), **EXACT)


@pytest.mark.parametrize("pooling", NECKS)
def test_logits(pooling: str) -> None:
    model, images = make_model(pooling), make_images()
    z_global, z_local = streams(model, images, pooling)
    assert_close(model(images), ref.combine(z_global, z_local), **EXACT)
    assert (z_local > z_global).any()
    assert (z_local < z_global).any()


@pytest.mark.parametrize("pooling", NECKS)
def test_losses_and_gradients(pooling: str) -> None:
    model, images = make_model(pooling), make_images()
    y = torch.tensor([[1.0, 0, 0, 1, 0], [0, 0, 1, 0, 1]], dtype=torch.float64)
    losses = model.loss(images, [DataSample().set_gt_score(row) for row in y])
    assert set(losses) == {"loss_global", "loss_local"}
    z_global, z_local = streams(model, images, pooling)
    expected = ref.loss(z_global, z_local, y)
    ours = losses["loss_global"] + losses["loss_local"]
    assert_close(ours, expected, **EXACT)
    parameters = list(model.parameters())
    for left, right in zip(
        torch.autograd.grad(ours, parameters),
        torch.autograd.grad(expected, parameters),
        strict=True,
    ):
        assert_close(left, right, **EXACT)
