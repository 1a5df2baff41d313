from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.evaluation import ScoresFile
from mmsrdl.models.losses import (
    AsymmetricVLPLLoss,
    EntropyMaximizationLoss,
    MultiLabelBCELoss,
    VLPLLoss,
)
from mmsrdl.models.losses.vlpl import label_by_scores

CLASSES = ("boat", "car", "dog", "cow")
LABEL = torch.tensor([[1.0, -1, -1, -1], [-1, 0, -1, -1]])
SCORES = torch.tensor([[0.9, 0.8, 0.2, 0.1], [0.0, 0.9, 0.4, 0.05]])


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The scores of three images, classes and images in another order."""
    scores = torch.cat([torch.rand(1, 4), SCORES.flip(0)])[:, [2, 0, 1, 3]]
    names = tuple(CLASSES[place] for place in (2, 0, 1, 3))
    images = ("/elsewhere/x.jpg", "/elsewhere/b.jpg", "/elsewhere/a.jpg")
    file = ScoresFile(names, scores, torch.zeros(3, 4, dtype=torch.int8), torch.arange(3), images)
    file.save(tmp_path / "scores.npz")
    return str(tmp_path / "scores.npz")


def started(loss: VLPLLoss | AsymmetricVLPLLoss, epoch: int = 0):
    loss.start(LABEL.to(torch.int8), ("a.jpg", "b.jpg"), CLASSES)
    loss.start_epoch(epoch, 3, lambda: pytest.fail("no prediction is needed"))
    loss.set_images(torch.arange(2))
    return loss


def entry_losses(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    positive, negative = F.softplus(-logits), F.softplus(logits)
    entropy = torch.distributions.Bernoulli(logits=logits).entropy()
    return positive, negative, entropy


def test_pseudo_labels() -> None:
    assert label_by_scores(SCORES, 0.3).tolist() == [[1, 1, -1, -1], [-1, 1, 1, -1]]
    half = label_by_scores(SCORES, 0.3, negative_share=0.5)
    assert half.tolist() == [[1, 1, 0, 0], [0, 1, 1, 0]]
    assert label_by_scores(SCORES, 0.3, negative_share=0.24).min() == -1
    # Of equal scores the first classes, and even above the threshold.
    assert label_by_scores(torch.ones(1, 4), 0.3, 0.5).tolist() == [[0, 0, 1, 1]]
    cold = label_by_scores(SCORES / 10, 0.3, temperature=0.005)  # differences of 2 to 20
    assert cold.tolist() == [[1, -1, -1, -1], [-1, 1, -1, -1]]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_pseudo_positives(path: str, smoothing: float) -> None:
    logits = torch.randn(2, 4)
    positive, negative, entropy = entry_losses(logits)
    pseudo = torch.tensor([[0, 1, 0, 0], [0, 0, 1, 0]], dtype=torch.bool)
    unknown = (LABEL == -1) & ~pseudo
    expected = positive[0, 0] + negative[1, 1] - 0.2 * entropy[unknown].sum()
    smoothed = (1 - smoothing) * positive + smoothing * negative
    expected = expected + 0.7 * smoothed[pseudo].sum()
    loss = started(VLPLLoss(path, smoothing=smoothing))
    assert_close(loss(logits, LABEL), expected / 2)


def test_pseudo_negatives_are_left_out_unless_weighed(path: str) -> None:
    logits = torch.randn(2, 4)
    plain = started(VLPLLoss(path))(logits, LABEL)
    positive, negative, entropy = entry_losses(logits)
    pseudo = torch.tensor([[0, 0, 0, 1], [1, 0, 0, 0]], dtype=torch.bool)
    without = plain + 0.2 * entropy[pseudo].sum() / 2
    assert_close(started(VLPLLoss(path, negative_share=0.25))(logits, LABEL), without)
    weighed = started(VLPLLoss(path, negative_share=0.25, beta_neg=0.3))(logits, LABEL)
    smoothed = 0.9 * negative + 0.1 * positive
    assert_close(weighed, without + 0.3 * smoothed[pseudo].sum() / 2)


@pytest.mark.parametrize("kind", [VLPLLoss, AsymmetricVLPLLoss])
def test_warm_up_is_em(kind: type, path: str) -> None:
    logits, em = torch.randn(2, 4), EntropyMaximizationLoss(0.2)
    loss = kind(path, warmup_epochs=2)
    with pytest.raises(ValueError, match="warmup_epochs=2 leaves no epoch of max_epochs=2"):
        loss.start_epoch(0, 2, lambda: logits)
    assert_close(started(loss, epoch=1)(logits, LABEL), em(logits, LABEL))
    assert not torch.equal(started(loss, epoch=2)(logits, LABEL), em(logits, LABEL))


def test_asymmetric_form(path: str) -> None:
    logits = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)
    loss = started(AsymmetricVLPLLoss(path, negative_share=0.25))
    found = torch.autograd.grad(loss(logits, LABEL), logits)[0]
    positive, negative, entropy = entry_losses(logits)
    p = logits.sigmoid()
    target = torch.tensor([[1, 1, -1, 0], [0, 0, 1, -1]])
    unknown = -((1 - p) ** 4) * entropy
    entries = torch.where(target == 1, (1 - p) ** 2 * positive, unknown)
    entries = torch.where(target == 0, p**4 * negative, entries)
    assert_close(loss(logits, LABEL), entries.sum() / 2)
    assert_close(found, torch.autograd.grad(entries.sum() / 2, logits)[0])


def test_asymmetric_form_without_focusing_is_bce(path: str) -> None:
    logits, label = torch.randn(2, 4), LABEL.clamp(min=0)
    loss = started(AsymmetricVLPLLoss(path, gamma_pos=0, gamma_neg=0, gamma_unknown=0))
    assert_close(loss(logits, label), MultiLabelBCELoss()(logits, label))


def test_files_that_do_not_fit(path: str, tmp_path: Path) -> None:
    labels = LABEL.to(torch.int8)
    with pytest.raises(FileNotFoundError, match=r"scores='nowhere.npz' does not exist"):
        VLPLLoss("nowhere.npz").start(labels, ("a.jpg", "b.jpg"), CLASSES)
    with pytest.raises(ValueError, match=r"loss.scores='.*': the scores have no image 'c.jpg'"):
        VLPLLoss(path).start(labels, ("a.jpg", "c.jpg"), CLASSES)
    with pytest.raises(ValueError, match="the scores have no class 'cat'"):
        VLPLLoss(path).start(labels, ("a.jpg", "b.jpg"), (*CLASSES[:3], "cat"))


def test_other_scores_are_refused_when_resumed(path: str) -> None:
    state = started(VLPLLoss(path)).state_dict()
    resumed = VLPLLoss(path, threshold=0.85)
    resumed.load_state_dict(state)
    with pytest.raises(ValueError, match="belongs to another training set"):
        started(resumed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(temperature=0), "temperature=0 must be"),
        (dict(negative_share=2), "negative_share=2"),
        (dict(beta_pos=-1), "beta_pos=-1"),
        (dict(smoothing=0.7), r"smoothing=0.7 must be a number in \[0, 0.5\]"),
        (dict(warmup_epochs=-1), "warmup_epochs=-1"),
    ],
)
def test_out_of_range(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VLPLLoss("scores.npz", **options)
    with pytest.raises(TypeError, match=r"scores=None must be a file of scores"):
        VLPLLoss(None)
    with pytest.raises(ValueError, match="gamma_unknown=-1"):
        AsymmetricVLPLLoss("scores.npz", gamma_unknown=-1)
