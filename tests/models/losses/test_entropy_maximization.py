import math

import pytest
import torch
from torch.distributions import Bernoulli
from torch.testing import assert_close

from mmsrdl.models.losses import EntropyMaximizationLoss, MultiLabelBCELoss
from mmsrdl.models.losses.entropy_maximization import binary_entropy


def test_entropy() -> None:
    logits = torch.linspace(-8, 8, 33, dtype=torch.float64)
    assert_close(binary_entropy(logits), Bernoulli(logits=logits).entropy())
    assert binary_entropy(torch.zeros(())).item() == pytest.approx(math.log(2))
    assert_close(binary_entropy(torch.tensor([-1e4, 1e4])), torch.zeros(2))


def test_known_entries_are_compared_with_their_label() -> None:
    logits, label = torch.randn(2, 3), torch.tensor([[1.0, -1, 0], [-1, -1, -1]])
    entropy = Bernoulli(logits=logits).entropy()[label < 0].sum() / 2
    expected = MultiLabelBCELoss()(logits, label) - 0.3 * entropy
    assert_close(EntropyMaximizationLoss(alpha=0.3)(logits, label), expected)


def test_published_gradient() -> None:
    logits = torch.randn(1, 50, dtype=torch.float64, requires_grad=True)
    EntropyMaximizationLoss(alpha=0.2)(logits, torch.full((1, 50), -1.0)).backward()
    p = logits.detach().sigmoid()
    assert_close(logits.grad, 0.2 * p * (1 - p) * torch.log(p / (1 - p)))


def test_alpha_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"alpha=-0.1 must be a finite number of at least 0"):
        EntropyMaximizationLoss(alpha=-0.1)
