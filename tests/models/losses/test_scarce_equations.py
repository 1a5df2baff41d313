"""Losses of scarce labels against slow loops that were written from papers and public code alone.

Values and gradients, in float64. A loss that looks a label up in a table is compared with the loop
that is handed the rows of the batch.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models.losses import (
    AssumeNegativeLoss,
    EntropyMaximizationLoss,
    MultiLabelASLLoss,
    MultiLabelBCELoss,
    PartialBCELoss,
    TriStateLoss,
)
from tests.reference import scarce as reference

EXACT = dict(rtol=1e-10, atol=1e-10)
B, C = 6, 9

Loop = Callable[[Tensor, Tensor], Tensor]


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_logits(scale: float = 2.0, seed: int = 0) -> Tensor:
    logits = scale * torch.randn(B, C, generator=generator(seed), dtype=torch.float64)
    return logits.requires_grad_()


def tri_state() -> Tensor:
    """Labels of 1, 0 and -1; the first image is unknown, the second known, the last class too."""
    label = torch.randint(-1, 2, (B, C), generator=generator(1)).double()
    label[0], label[1] = -1, label[1].abs()
    label[:, -1] = -1
    return label


def one_positive() -> Tensor:
    label = torch.full((B, C), -1.0, dtype=torch.float64)
    return label.scatter_(1, torch.randint(C, (B, 1), generator=generator(2)), 1.0)


def soft() -> Tensor:
    """Labels between 0 and 1 beside hard and unknown ones."""
    label = tri_state()
    values = torch.rand(B, C, generator=generator(3), dtype=torch.float64)
    return torch.where((label == 1) & (values < 0.7), values, label)


def known() -> Tensor:
    return torch.randint(2, (B, C), generator=generator(4)).double()


def known_soft() -> Tensor:
    return torch.rand(B, C, generator=generator(5), dtype=torch.float64)


def unknown() -> Tensor:
    return torch.full((B, C), -1.0, dtype=torch.float64)


LABELS = [tri_state, one_positive, soft, known, known_soft, unknown]

STATELESS = {
    "partial_bce": (PartialBCELoss(), reference.partial_bce),
    "partial_bce_power": (
        PartialBCELoss(alpha=1.0, beta=0.25, gamma=-0.5),
        lambda z, y: reference.partial_bce(z, y, 1.0, 0.25, -0.5),
    ),
    "an": (AssumeNegativeLoss(), reference.an),
    "an_ls": (
        AssumeNegativeLoss(smoothing=0.05),
        lambda z, y: reference.an_ls(z, y, share=0.05),
    ),
    "wan": (AssumeNegativeLoss(weight="wan"), reference.wan),
    "wan_weight": (AssumeNegativeLoss(weight=0.3), lambda z, y: reference.wan(z, y, 0.3)),
    "em": (EntropyMaximizationLoss(alpha=0.2), lambda z, y: reference.em(z, y, 0.2)),
    "asl": (MultiLabelASLLoss(), reference.asl),
    "asl_no_shift": (
        MultiLabelASLLoss(gamma_neg=2.0, gamma_pos=1.0, clip=0.0),
        lambda z, y: reference.asl(z, y, 1.0, 2.0, 0.0),
    ),
}


def compare(found: Tensor, expected: Tensor, *of: Tensor) -> None:
    assert found.dtype == torch.float64
    assert_close(found, expected, **EXACT)
    wanted = torch.autograd.grad(expected, of)
    assert_close(torch.autograd.grad(found, of), wanted, **EXACT)


@pytest.mark.parametrize("scale", [0.5, 3.0, 7.0])
@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("name", STATELESS)
def test_values_and_gradients(name: str, labels: Callable[[], Tensor], scale: float) -> None:
    loss, loop = STATELESS[name]
    logits, label = make_logits(scale), labels()
    compare(loss(logits, label), loop(logits, label), logits)


@pytest.mark.parametrize("name", STATELESS)
def test_far_logits(name: str) -> None:
    """torch's softplus is linear beyond 20, where exp(-20) = 2e-9 is left out."""
    loss, loop = STATELESS[name]
    logits, label = make_logits(30.0), tri_state()
    found, expected = loss(logits, label), loop(logits, label)
    assert_close(found, expected, rtol=1e-8, atol=1e-8)
    wanted = torch.autograd.grad(expected, logits)
    assert_close(torch.autograd.grad(found, logits), wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("labels", [known, known_soft])
@pytest.mark.parametrize(
    "loss",
    [
        PartialBCELoss(),
        AssumeNegativeLoss(),
        AssumeNegativeLoss(weight="wan"),
        EntropyMaximizationLoss(),
        MultiLabelASLLoss(gamma_neg=0.0, gamma_pos=0.0, clip=0.0),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_bce_where_everything_is_known(loss: TriStateLoss, labels: Callable[[], Tensor]) -> None:
    logits, label = make_logits(), labels()
    compare(loss(logits, label), MultiLabelBCELoss()(logits, label), logits)


def test_smoothing_of_paper_and_of_public_code() -> None:
    """The paper gives epsilon / 2 of epsilon = 0.1 to the other side, the code all of it."""
    logits, label = make_logits(), one_positive()
    paper, code = AssumeNegativeLoss(smoothing=0.05), AssumeNegativeLoss(smoothing=0.1)
    assert_close(paper(logits, label), reference.an_ls(logits, label), **EXACT)
    assert (paper(logits, label) - code(logits, label)).abs() > 1e-3
