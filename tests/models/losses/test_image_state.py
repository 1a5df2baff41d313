"""What all losses with a state of the training images have in common."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.evaluation import ScoresFile
from mmsrdl.models.losses import (
    AsymmetricVLPLLoss,
    EMAPLLoss,
    ImageStateLoss,
    MultiLabelBCELoss,
    ROLELoss,
    VLPLLoss,
)

CLASSES = ("boat", "car", "dog", "cow", "cat")
IMAGES = tuple(f"{number}.jpg" for number in range(8))
LABELS = torch.randint(-1, 2, (8, 5), generator=torch.Generator().manual_seed(0)).to(torch.int8)

Make = Callable[[], ImageStateLoss]


@pytest.fixture
def scores(tmp_path: Path) -> str:
    values = torch.rand(8, 5, generator=torch.Generator().manual_seed(1))
    targets = torch.zeros(8, 5, dtype=torch.int8)
    file = ScoresFile(CLASSES, values, targets, torch.arange(8), IMAGES)
    file.save(tmp_path / "scores.npz")
    return str(tmp_path / "scores.npz")


@pytest.fixture(params=["role", "em_apl", "vlpl", "asymmetric_vlpl"])
def make(request: pytest.FixtureRequest, scores: str) -> Make:
    kinds: dict[str, Make] = {
        "role": lambda: ROLELoss(8, 5, expected_positives=1.5),
        "em_apl": lambda: EMAPLLoss(8, 5, warmup_epochs=1),
        "vlpl": lambda: VLPLLoss(scores, threshold=0.5, negative_share=0.4, beta_neg=0.3),
        "asymmetric_vlpl": lambda: AsymmetricVLPLLoss(
            scores, threshold=0.5, gamma_pos=0.5, gamma_unknown=0.5, negative_share=0.4
        ),
    }
    return kinds[request.param]


def logits_of(images: int = 8) -> Tensor:
    return 2 * torch.randn(images, 5, generator=torch.Generator().manual_seed(2))


def started(loss: ImageStateLoss, labels: Tensor = LABELS) -> ImageStateLoss:
    """A loss in its third epoch of four, with all images in the batch."""
    loss.start(labels, IMAGES, CLASSES)
    for epoch in range(3):
        loss.start_epoch(epoch, 4, logits_of)
    loss.set_images(torch.arange(8))
    return loss


def test_without_the_images_of_the_batch(make: Make) -> None:
    loss = make()
    with pytest.raises(RuntimeError, match=r"not told which images .*mmsrdl.LabelStateHook"):
        loss(logits_of(), LABELS)
    started(loss).set_images(None)
    with pytest.raises(RuntimeError, match="compute no loss outside of training"):
        loss(logits_of(), LABELS)
    loss.set_images(torch.arange(3))
    with pytest.raises(ValueError, match=r"told of 3 images and got logits of 8; use no augm"):
        loss(logits_of(), LABELS)


def test_images_are_told_by_their_places(make: Make) -> None:
    loss, order = started(make()), torch.tensor([5, 1, 6])
    loss.set_images(order)
    some = loss(logits_of()[order], LABELS[order])
    loss.set_images(order.flip(0))
    assert_close(loss(logits_of()[order.flip(0)], LABELS[order.flip(0)]), some)


@pytest.mark.parametrize("labels", [LABELS, torch.full_like(LABELS, -1), LABELS.clamp(min=0)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_precision_and_extreme_logits(make: Make, labels: Tensor, dtype: torch.dtype) -> None:
    loss = started(make(), labels)
    logits = (100 * logits_of().sign()).to(dtype).requires_grad_()
    value = loss(logits, labels)
    value.backward()
    assert value.dtype == torch.promote_types(dtype, torch.float32)
    assert value.isfinite()
    assert logits.grad.isfinite().all()


def test_no_image_is_zero(make: Make) -> None:
    loss = started(make())
    loss.set_images(torch.arange(0))
    logits = torch.zeros(0, 5, requires_grad=True)
    value = loss(logits, torch.zeros(0, 5))
    value.backward()
    assert value == 0


def test_scale(make: Make) -> None:
    loss = started(make())
    value = loss(logits_of(), LABELS)
    assert_close(loss(logits_of(), LABELS, avg_factor=16), value / 2)
    loss.set_images(torch.arange(8).repeat(2))
    assert_close(loss(logits_of().repeat(2, 1), LABELS.repeat(2, 1)), value)
    loss.loss_weight = 0.25
    assert_close(loss(logits_of().repeat(2, 1), LABELS.repeat(2, 1)), value / 4)


def test_the_state_goes_on(make: Make) -> None:
    loss = started(make())
    for value in loss.parameters():
        with torch.no_grad():
            value.add_(torch.randn(value.shape))
    resumed = make()
    resumed.load_state_dict(copy.deepcopy(loss.state_dict()))
    resumed.start(LABELS, IMAGES, CLASSES)
    resumed.start_epoch(2, 4, lambda: pytest.fail("the epoch's labels are there"))
    resumed.set_images(torch.arange(8))
    assert_close(resumed(logits_of(), LABELS), loss(logits_of(), LABELS), rtol=0, atol=0)


def test_another_training_set_is_refused(make: Make) -> None:
    state = started(make()).state_dict()
    other = LABELS.clone()
    other[3, 2] = 1 - other[3, 2].clamp(min=0)
    with_other_order = (IMAGES[1], IMAGES[0], *IMAGES[2:])
    for labels, images, classes in (
        (other, IMAGES, CLASSES),
        (LABELS, with_other_order, CLASSES),
        (LABELS, IMAGES, ("car", "boat", *CLASSES[2:])),
    ):
        loss = make()
        loss.load_state_dict(state)
        with pytest.raises(ValueError, match=r"belongs to another training set than this one of"):
            loss.start(labels, images, classes)
    with pytest.raises(ValueError, match=r"labels \[8, 5\] must be \[7, 5\]"):
        make().start(LABELS, IMAGES[1:], CLASSES)


@pytest.mark.parametrize("update_buffers", [False, True])
def test_ema_follows(make: Make, update_buffers: bool) -> None:
    loss = make()
    ema = ExponentialMovingAverage(loss, momentum=0.1, update_buffers=update_buffers)
    started(loss)  # after EMAHook has copied the model
    for _ in range(2):
        ema.update_parameters(loss)
    for name, value in loss.state_dict().items():
        assert_close(ema.module.state_dict()[name], value)


@pytest.mark.parametrize("make", ["em_apl", "vlpl"], indirect=True)
def test_it_is_bce_where_everything_is_known(make: Make) -> None:
    """Whatever the state says. ROLE is not, by its paper; the asymmetric form has its own test."""
    loss = started(make())
    label = LABELS.clamp(min=0)
    assert_close(loss(logits_of(), label), MultiLabelBCELoss()(logits_of(), label.float()))
