import pytest
import torch
from mmpretrain.models.losses import AsymmetricLoss
from torch.testing import assert_close

from mmsrdl.models.losses import MultiLabelASLLoss
from mmsrdl.models.losses.asymmetric import focal_weight


def random(known: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = 4 * torch.randn(5, 7, generator=generator, dtype=torch.float64)
    label = torch.randint(0 if known else -1, 2, (5, 7), generator=generator).double()
    return logits.requires_grad_(), label


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_value_of_mmpretrain(clip: float) -> None:
    logits, label = random()
    theirs = AsymmetricLoss(gamma_pos=1.0, gamma_neg=4.0, clip=clip, reduction="sum", eps=1e-300)
    ours = MultiLabelASLLoss(gamma_pos=1.0, gamma_neg=4.0, clip=clip)
    assert_close(ours(logits, label), theirs(logits, label) / 5)


def test_no_gradient_through_the_focusing_weights() -> None:
    logits, label = random()
    MultiLabelASLLoss(gamma_pos=1.0, gamma_neg=4.0, clip=0.0)(logits, label).backward()
    p = logits.detach().sigmoid()
    weight = torch.where(label == 1, 1 - p, p**4)
    assert_close(logits.grad, weight * (p - label) / 5)


def test_unknown_entries_are_left_out() -> None:
    logits, label = random(known=False)
    loss = MultiLabelASLLoss()(logits, label)
    loss.backward()
    assert (label == -1).any()
    assert (logits.grad[label == -1] == 0).all()
    known = (label >= 0).nonzero(as_tuple=True)
    alone = [(logits[i, c].view(1, 1), label[i, c].view(1, 1)) for i, c in zip(*known, strict=True)]
    assert_close(loss, sum(MultiLabelASLLoss()(*entry) for entry in alone) / 5)


def test_easy_negatives_have_no_loss() -> None:
    logits = torch.tensor([[-3.0, -10.0]], requires_grad=True)  # both under the margin
    loss = MultiLabelASLLoss(gamma_neg=0.0, clip=0.05)(logits, torch.zeros(1, 2))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_focal_weight_has_a_finite_gradient() -> None:
    logits = torch.tensor([-100.0, 0.0, 100.0], requires_grad=True)
    weight = focal_weight(logits, 0.5)
    weight.sum().backward()
    assert_close(weight[:2], torch.tensor([1.0, 0.5**0.5]))
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", ["gamma_neg", "gamma_pos", "clip"])
def test_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=-1"):
        MultiLabelASLLoss(**{name: -1})
