import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models.losses import ROLELoss

LABELS = torch.tensor([[1, -1, -1, -1], [-1, 0, 1, -1], [-1, -1, -1, -1]], dtype=torch.int8)
NAMES = (("a", "b", "c"), ("boat", "car", "dog", "cow"))


def started() -> ROLELoss:
    loss = ROLELoss(3, 4, expected_positives=1.5)
    loss.start(LABELS, *NAMES)
    return loss


def bce(p: Tensor, y: Tensor) -> Tensor:
    return -(y * p.log() + (1 - y) * (1 - p).log())


def test_first_estimates() -> None:
    estimate = started().table.detach().sigmoid()
    assert_close(estimate[LABELS == 1], torch.full((2,), 0.995))
    assert_close(estimate[LABELS == 0], torch.full((1,), 0.005))
    unknown = estimate[LABELS == -1]
    assert ((unknown > 0.4) & (unknown < 0.6)).all()
    assert len(unknown.unique()) == len(unknown)


def test_both_teach_each_other() -> None:
    loss = started().double()
    index = torch.tensor([1, 0])
    logits = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    loss.set_images(index)
    value = loss(logits, LABELS[index])

    x = logits.detach().clone().requires_grad_()
    theta = loss.table.detach().clone().requires_grad_()
    p, q = x.sigmoid(), theta[index].sigmoid()
    label = LABELS[index].double()
    halves = []
    for ours, other in ((p, q), (q, p)):
        known = bce(ours, label.clamp(min=0))[label >= 0].sum() / 2
        cross = bce(ours, other.detach()).sum() / 2
        halves.append(known + cross + (ours.sum(1).mean() - 1.5) ** 2 / 4)
    expected = sum(halves) / 2
    assert_close(value, expected)

    found = torch.autograd.grad(value, [logits, loss.table])
    assert_close(found, torch.autograd.grad(expected, [x, theta]))
    assert (found[1][2] == 0).all()  # an image that is not in the batch
    assert (found[1][:2] != 0).all()


def test_estimates_learn_from_the_classifier() -> None:
    loss = started()
    loss.set_images(torch.arange(3))
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.1)
    logits = torch.tensor([[3.0, 3, -3, -3]]).expand(3, 4)
    for _ in range(200):
        optimizer.zero_grad()
        loss(logits, LABELS).backward()
        optimizer.step()
    estimate = loss.table.detach().sigmoid()
    assert (estimate[2, :2] > 0.9).all()
    assert (estimate[2, 2:] < 0.1).all()


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (
            (2, 4),
            "num_images=2 but the training set has 3 images; set model.head.loss.num_images=3",
        ),
        ((3, 5), "num_classes=5 but the training set has 4 classes"),
    ],
)
def test_other_sizes(sizes: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ROLELoss(*sizes, expected_positives=1.5).start(LABELS, *NAMES)


def test_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"expected_positives=5 must be a number in \[0, 4\]"):
        ROLELoss(3, 4, expected_positives=5)
    with pytest.raises(ValueError, match="num_images=0 must be at least 1"):
        ROLELoss(0, 4, expected_positives=1)
