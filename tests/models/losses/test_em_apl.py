import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.models.losses import EMAPLLoss, EntropyMaximizationLoss
from mmsrdl.models.losses.em_apl import lowest

IMAGES, CLASSES = tuple(map(str, range(10))), ("boat", "car")


def labels() -> Tensor:
    """Ten unknown entries of the first class, and five of the second."""
    found = torch.full((10, 2), -1, dtype=torch.int8)
    found[::2, 1] = 1
    return found


def logits_of(epoch: int = 0) -> Tensor:
    return torch.randn(10, 2, generator=torch.Generator().manual_seed(epoch))


def test_pseudo_labels_accumulate_and_stay() -> None:
    loss = EMAPLLoss(10, 2, negative_share=0.9, warmup_epochs=2)
    loss.start(labels(), IMAGES, CLASSES)
    for epoch in range(2):
        loss.start_epoch(epoch, 5, lambda: pytest.fail("there is nothing to label yet"))
    assert (loss.pseudo_labels == -1).all()
    free, before = labels() < 0, loss.pseudo_labels.clone()
    for epoch in range(2, 5):
        scores = logits_of(epoch)
        loss.start_epoch(epoch, 5, lambda scores=scores: scores)
        # int(0.9 * 10 / 3) and int(0.9 * 5 / 3) more entries, the lowest that are left.
        for column, quota in ((0, 3), (1, 1)):
            rows = free[:, column].nonzero()[:, 0]
            chosen = rows[scores[rows, column].argsort()[:quota]]
            assert_close(loss.pseudo_labels[chosen, column], scores[chosen, column].sigmoid())
            free[chosen, column] = False
        kept = before >= 0
        assert_close(loss.pseudo_labels[kept], before[kept], rtol=0, atol=0)
        before = loss.pseudo_labels.clone()
    assert ((before >= 0).sum(0) == torch.tensor([9, 3])).all()
    assert (before[::2, 1] == -1).all()  # known


def test_the_loss_of_pseudo_labels() -> None:
    loss = EMAPLLoss(10, 2, alpha=0.2, beta=0.4, warmup_epochs=0)
    loss.start(labels(), IMAGES, CLASSES)
    loss.set_images(torch.arange(10))
    logits, label = logits_of(9), labels().float()
    assert_close(loss(logits, label), EntropyMaximizationLoss(0.2)(logits, label))
    loss.start_epoch(0, 2, logits_of)
    pseudo = loss.pseudo_labels
    entries = F.binary_cross_entropy_with_logits(logits, pseudo.clamp(min=0), reduction="none")
    has = pseudo >= 0
    assert 0 < has.sum() < has.numel()
    others = EntropyMaximizationLoss(0.2)(logits[~has][None], label[~has][None])
    assert_close(10 * loss(logits, label), 0.4 * entries[has].sum() + others)


def test_no_epoch_after_the_warm_up() -> None:
    loss = EMAPLLoss(10, 2, warmup_epochs=3)
    loss.start(labels(), IMAGES, CLASSES)
    with pytest.raises(ValueError, match=r"warmup_epochs=3 leaves no epoch of max_epochs=3 .*2"):
        loss.start_epoch(0, 3, logits_of)


def test_lowest() -> None:
    scores = torch.tensor([[2.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    candidates = torch.tensor([[True, True], [True, False], [True, True], [False, True]])
    found = lowest(scores, candidates, torch.tensor([1, 9]))
    assert found.tolist() == [[False, True], [True, False], [False, True], [False, True]]
    assert not lowest(scores, candidates, torch.tensor([0, 0])).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(negative_share=1.1), r"negative_share=1.1 must be a number in \[0, 1\]"),
        (dict(beta=-1), "beta=-1"),
        (dict(alpha=-1), "alpha=-1"),
        (dict(warmup_epochs=-1), "warmup_epochs=-1"),
    ],
)
def test_out_of_range(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EMAPLLoss(10, 2, **options)
    with pytest.raises(ValueError, match="num_images=9 but the training set has 10 images"):
        EMAPLLoss(9, 2).start(labels(), IMAGES, CLASSES)
