"""What all losses over tri-state labels have in common."""

from collections.abc import Callable

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models.losses import (
    AssumeNegativeLoss,
    EntropyMaximizationLoss,
    MultiLabelASLLoss,
    MultiLabelBCELoss,
    PartialBCELoss,
    RankingLoss,
    TriStateLoss,
    check_known,
)

BCE_LIKE: dict[str, Callable[..., TriStateLoss]] = {
    "partial_bce": PartialBCELoss,
    "an": AssumeNegativeLoss,
    "wan": lambda **kwargs: AssumeNegativeLoss(weight="wan", **kwargs),
    "em": EntropyMaximizationLoss,
    "asl": lambda **kwargs: MultiLabelASLLoss(gamma_neg=0.0, gamma_pos=0.0, clip=0.0, **kwargs),
}
OTHERS: dict[str, Callable[..., TriStateLoss]] = {
    "an_ls": lambda **kwargs: AssumeNegativeLoss(smoothing=0.1, **kwargs),
    "focused": MultiLabelASLLoss,
    "ranking": RankingLoss,
    "focused_both": lambda **kwargs: MultiLabelASLLoss(gamma_pos=0.5, gamma_neg=0.5, **kwargs),
}
ALL = {**BCE_LIKE, **OTHERS}


def each(losses: dict[str, Callable[..., TriStateLoss]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", losses.values(), ids=losses.keys())


def logits_and_label(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    label = torch.randint(-1, 2, (6, 5), generator=generator).float()
    return logits.to(dtype).requires_grad_(), label


@each(BCE_LIKE)
def test_it_is_bce_where_everything_is_known(make: Callable[..., TriStateLoss]) -> None:
    logits, label = logits_and_label(torch.float64)
    label = label.clamp(min=0)
    loss, expected = make()(logits, label), MultiLabelBCELoss()(logits, label)
    assert_close(loss, expected)
    gradients = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    assert_close(*gradients)


@each(ALL)
@pytest.mark.parametrize("known", ["all", "some", "none"])
def test_extreme_logits_have_a_finite_gradient(
    make: Callable[..., TriStateLoss], known: str
) -> None:
    logits = torch.tensor([[100.0, -100, 100, -100, 1e4, -1e4]], requires_grad=True)
    label = {"all": [1, 1, 0, 0, 0, 1], "some": [1, 1, 0, 0, -1, -1], "none": [-1] * 6}[known]
    loss = make()(logits, torch.tensor([label]))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@each(ALL)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(
    make: Callable[..., TriStateLoss], dtype: torch.dtype
) -> None:
    logits, label = logits_and_label(dtype)
    loss = make()(logits, label)
    loss.backward()
    assert loss.dtype == torch.float32
    assert logits.grad.dtype == dtype
    assert_close(loss, make()(logits.detach().float(), label))


@each(ALL)
def test_double_precision_is_kept(make: Callable[..., TriStateLoss]) -> None:
    logits, label = logits_and_label(torch.float64)
    assert make()(logits, label).dtype == torch.float64


@each(ALL)
def test_scale(make: Callable[..., TriStateLoss]) -> None:
    logits, label = logits_and_label()
    loss = make()(logits, label)
    twice = make()(torch.cat([logits, logits]), torch.cat([label, label]))
    assert_close(twice, loss)  # a mean over images
    assert_close(make()(logits, label, avg_factor=12), loss / 2)
    assert_close(make(loss_weight=0.25)(logits, label), loss / 4)


@each(ALL)
def test_no_image_is_zero(make: Callable[..., TriStateLoss]) -> None:
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = make()(logits, torch.zeros(0, 5))
    loss.backward()
    assert loss == 0


@each(ALL)
def test_other_shapes_are_refused(make: Callable[..., TriStateLoss]) -> None:
    with pytest.raises(ValueError, match=r"cls_score \[2, 3\] and label \[2, 4\] must both be"):
        make()(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="loss_weight=-1 must be a finite number"):
        make(loss_weight=-1)


@each(ALL)
def test_in_a_stock_head(make: Callable[..., TriStateLoss]) -> None:
    head = MODELS.build(
        dict(type="MultiLabelLinearClsHead", num_classes=5, in_channels=4, loss=make())
    )
    feature = (torch.randn(6, 4),)
    _, label = logits_and_label()
    check_known(head.loss_module, label)
    samples = [DataSample().set_gt_score(row) for row in label]
    assert_close(head.loss(feature, samples)["loss"], make()(head(feature), label))
