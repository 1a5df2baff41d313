import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.models.losses import PartialBCELoss
from mmsrdl.registry import MODELS


def test_published_weights() -> None:
    """g(0.1) = 5, as rounded, and g(1) = 1, image by image."""
    logits, label = torch.zeros(2, 10), torch.zeros(2, 10)
    label[0, 1:] = -1
    one_known = 5.005 * torch.tensor(2.0).log()
    all_known = 10 * torch.tensor(2.0).log()
    assert_close(PartialBCELoss()(logits, label), (one_known + all_known) / 2)


def test_inverse_proportion_is_the_mean_over_known_entries() -> None:
    logits, label = torch.randn(1, 6), torch.tensor([[1.0, -1, 0, -1, -1, 0]])
    known = label >= 0
    mean = F.binary_cross_entropy_with_logits(logits[known], label[known])
    assert_close(PartialBCELoss(alpha=1, beta=0, gamma=-1)(logits, label), 6 * mean)


def test_an_image_without_a_known_entry_has_no_loss() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = PartialBCELoss(alpha=1, beta=0, gamma=-1)(logits, torch.full((2, 3), -1.0))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize(
    "weights", [(-2, 1, 1), (1, -0.5, 1), (-1, 2, -1), (0, 0, 1), (-2, 1.0, 0)]
)
def test_weights_that_are_not_positive(weights: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match=r"not positive for all shares p.*alpha=-4.45"):
        PartialBCELoss(*weights)


def test_registered() -> None:
    loss = MODELS.build(dict(type="mmsrdl.PartialBCELoss", alpha=0.0, beta=1.0))
    assert isinstance(loss, PartialBCELoss)
    with pytest.raises(ValueError, match="gamma=inf must be a finite number"):
        PartialBCELoss(gamma=float("inf"))
