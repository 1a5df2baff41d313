import pytest
import torch
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models.losses import RankingLoss


def loop(logits: Tensor, label: Tensor, margin: float) -> Tensor:
    """The mean over images with a positive of the mean of their terms above 0."""
    values = []
    for scores, labels in zip(logits, label, strict=True):
        if not (labels == 1).any():
            continue
        terms = [
            margin + scores[n] - scores[p]
            for p in range(len(labels))
            for n in range(len(labels))
            if labels[p] == 1 and labels[n] == 0
        ]
        above = [term for term in terms if term > 0]
        values.append(sum(above) / len(above) if above else 0 * scores.sum())
    return sum(values) / len(values)


@pytest.mark.parametrize("margin", [0.0, 1.0, 2.5])
def test_it_is_the_loop_over_pairs(margin: float) -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(7, 11, generator=generator, dtype=torch.float64, requires_grad=True)
    label = torch.randint(-1, 2, (7, 11), generator=generator)
    label[2] = label[2].clamp(max=0)  # no positive
    label[3] = label[3].abs()  # nothing unknown
    label[4] = torch.where(label[4] == 0, -1, label[4])  # no negative
    loss, expected = RankingLoss(margin)(logits, label), loop(logits, label, margin)
    assert_close(loss, expected)
    gradients = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    assert_close(*gradients)
    assert gradients[0].count_nonzero() > 20
    assert (gradients[0][label == -1] == 0).all()


def test_by_hand() -> None:
    """Image 1: pairs 1 + 0 - 2 < 0, 1 + 1.5 - 2 = 0.5; image 2 has no positive."""
    logits = torch.tensor([[2.0, 0, 1.5, 9], [5, 1, 2, 3]])
    label = torch.tensor([[1, 0, 0, -1], [0, 0, -1, 0]])
    assert RankingLoss()(logits, label) == 0.5
    assert RankingLoss(loss_weight=2.0)(logits, label) == 1
    assert RankingLoss(margin=0.0)(logits, label) == 0


def test_images_without_a_positive_do_not_count_in_the_avg_factor() -> None:
    """One of two images counts, so of an average over 8 images 4 do."""
    logits = torch.tensor([[2.0, 1.5], [5, 1]])
    label = torch.tensor([[1, 0], [0, 0]])
    assert RankingLoss()(logits, label, avg_factor=2) == 0.5
    assert RankingLoss()(logits, label, avg_factor=8) == 0.5 / 4


@pytest.mark.parametrize("label", [torch.zeros(2, 3), torch.full((2, 3), -1), torch.ones(2, 3)])
def test_without_a_pair_loss_and_gradient_are_zero(label: Tensor) -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = RankingLoss()(logits, label)
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_no_image() -> None:
    assert RankingLoss()(torch.empty(0, 3), torch.empty(0, 3)) == 0


def test_many_classes_need_no_table_of_pairs() -> None:
    """[B, C, C] floats would be 6.4 GB."""
    logits = torch.randn(4, 20_000, requires_grad=True)
    label = torch.zeros(4, 20_000)
    label[:, :3] = 1
    RankingLoss()(logits, label).backward()
    assert logits.grad.isfinite().all()


def test_soft_labels_and_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"got a label of 0\.3; leave label smoothing"):
        RankingLoss()(torch.randn(1, 2), torch.tensor([[0.3, 1]]))
    with pytest.raises(ValueError, match=r"margin=-1 must be a finite number of at least 0"):
        RankingLoss(margin=-1)


def test_registered() -> None:
    loss = MODELS.build(dict(type="mmsrdl.RankingLoss", margin=0.5))
    assert isinstance(loss, RankingLoss)
    assert loss.ignores_unknown
    assert not loss.uses_unknown
