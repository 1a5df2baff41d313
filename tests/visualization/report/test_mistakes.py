import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from mmsrdl.visualization.report import confusions, entry_loss, worst_images, worst_of_class

SCORES = torch.tensor(
    [[0.9, 0.2, 0.6], [0.1, 0.99, 0.4], [0.8, 0.3, 0.45], [0.2, 0.7, 0.8], [0.9, 0.9, 0.9]]
)
TARGETS = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 0, 0], [-1, 1, 0], [-1, -1, 1]])
WRONG = [(0, 1), (0, 2), (1, 0), (1, 1), (3, 2)]


def test_loss_is_the_cross_entropy_of_what_is_wrong() -> None:
    loss = entry_loss(SCORES, TARGETS, 0.5)
    assert list(zip(*loss.nonzero(), strict=True)) == WRONG
    for n, c in WRONG:
        expected = log_loss([TARGETS[n, c]], [SCORES[n, c].item()], labels=[0, 1])
        assert loss[n, c] == pytest.approx(expected, rel=1e-5)


def test_certainty_has_a_finite_loss() -> None:
    loss = entry_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([[1, 0]]), 0.5)
    np.testing.assert_allclose(loss, -np.log(1e-7))


def test_thresholds_of_classes_decide_what_is_wrong() -> None:
    loss = entry_loss(SCORES, TARGETS, torch.tensor([0.05, 0.1, 0.95]))
    assert list(zip(*loss.nonzero(), strict=True)) == [(1, 1), (2, 1), (4, 2)]


def test_worst_images_first() -> None:
    loss = entry_loss(SCORES, TARGETS, 0.5)
    assert [(m.image, m.column) for m in worst_images(loss, 9)] == [(1, 1), (3, 2), (0, 1)]
    assert [m.image for m in worst_images(loss, 1)] == [1]
    assert worst_images(loss, 0) == []


def test_of_equal_images_the_one_with_more_mistakes_is_first() -> None:
    loss = np.array([[2.0, 0], [2, 1], [0, 0]])
    assert [m.image for m in worst_images(loss, 3)] == [1, 0]


def test_worst_of_a_class() -> None:
    scores = torch.tensor([[0.6], [0.9], [0.2], [0.4], [0.7], [0.99]])
    targets = torch.tensor([[0], [0], [1], [1], [1], [-1]])
    loss = entry_loss(scores, targets, 0.5)
    assert worst_of_class(loss, targets, 0, 9) == ([1, 0], [2, 3])
    assert worst_of_class(loss, targets, 0, 1) == ([1], [2])


def test_confusions() -> None:
    """Class 1 missed with 2 invented in image 0; class 0 missed with 1 invented in image 1."""
    scores = torch.cat((SCORES, SCORES[:1]))
    targets = torch.cat((TARGETS, TARGETS[:1]))
    assert confusions(scores, targets, 0.5, 9) == [(1, 2, 2), (0, 1, 1)]
    assert confusions(scores, targets, 0.5, 1) == [(1, 2, 2)]
    assert confusions(targets.clamp(min=0).float(), targets, 0.5, 9) == []
