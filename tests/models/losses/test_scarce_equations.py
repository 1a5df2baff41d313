"""Losses of scarce labels against slow loops that were written from papers and public code alone.

Values and gradients, in float64. A loss that looks a label up in a table is compared with the loop
that is handed the rows of the batch.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.evaluation import ScoresFile
from mmsrdl.models.losses import (
    AssumeNegativeLoss,
    AsymmetricVLPLLoss,
    EMAPLLoss,
    EntropyMaximizationLoss,
    ImageStateLoss,
    MultiLabelASLLoss,
    MultiLabelBCELoss,
    PartialBCELoss,
    ROLELoss,
    TriStateLoss,
    VLPLLoss,
)
from tests.reference import scarce as reference

EXACT = dict(rtol=1e-10, atol=1e-10)
B, C = 6, 9
N = 10  # training images
INDEX = torch.tensor([7, 0, 3, 9, 3, 1])  # those of the batch, one of them twice
IMAGES = tuple(f"{n}.jpg" for n in range(N))
CLASSES = tuple("abcdefghi")

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
    """Far from 0, where torch's softplus leaves exp(-20) = 2e-9 out."""
    loss, loop = STATELESS[name]
    logits, label = make_logits(30.0), tri_state()
    found, expected = loss(logits, label), loop(logits, label)
    assert_close(found, expected, **EXACT)
    wanted = torch.autograd.grad(expected, logits)
    assert_close(torch.autograd.grad(found, logits), wanted, **EXACT)


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


def train_labels() -> Tensor:
    return torch.randint(-1, 2, (N, C), generator=generator(6)).to(torch.int8)


def tell(loss: ImageStateLoss, epoch: int = 0, max_epochs: int = 5) -> None:
    """Begins an epoch of training and the first batch of it."""
    loss.start(train_labels(), IMAGES, CLASSES)
    loss.start_epoch(epoch, max_epochs, lambda: torch.zeros(N, C))
    loss.set_images(INDEX)


@pytest.mark.parametrize("scale", [0.5, 7.0])
@pytest.mark.parametrize("labels", LABELS)
def test_role(labels: Callable[[], Tensor], scale: float) -> None:
    """In logits and in the table, of which the batch has the gradient."""
    loss, logits, label = ROLELoss(N, C, 1.5).double(), make_logits(scale), labels()
    tell(loss)
    theta = torch.randn(N, C, generator=generator(7), dtype=torch.float64).requires_grad_()
    with torch.no_grad():
        loss.table.copy_(theta)
    found, expected = loss(logits, label), reference.role(logits, theta[INDEX], label, 1.5)
    assert_close(found, expected, **EXACT)
    wanted = torch.autograd.grad(expected, (logits, theta))
    assert_close(torch.autograd.grad(found, (logits, loss.table)), wanted, **EXACT)
    others = torch.ones(N, dtype=torch.bool).index_fill(0, INDEX, False)
    assert (wanted[1][others] == 0).all()


def test_start_of_role() -> None:
    torch.manual_seed(0)
    loss, label = ROLELoss(N, C, 1.5), train_labels()
    tell(loss)
    start = loss.table.detach().double()
    draws = (start / torch.logit(torch.tensor(0.6)) + 1) / 2
    expected = reference.role_start(label, draws)
    assert_close(start, expected, rtol=1e-6, atol=1e-6)
    unknown = draws[label == -1]
    assert -1e-6 < unknown.min() < 0.2
    assert 0.8 < unknown.max() < 1 + 1e-6


@pytest.mark.parametrize("labels", LABELS)
def test_em_apl(labels: Callable[[], Tensor]) -> None:
    loss, logits, label = EMAPLLoss(N, C, alpha=0.2, beta=0.4).double(), make_logits(), labels()
    tell(loss, max_epochs=10)
    pseudo = torch.rand(N, C, generator=generator(8), dtype=torch.float64)
    pseudo[pseudo > 0.6] = torch.nan
    loss.pseudo_labels.copy_(pseudo.nan_to_num(-1))
    expected = reference.em_apl(logits, label, pseudo[INDEX], 0.2, 0.4)
    compare(loss(logits, label), expected, logits)


@pytest.mark.parametrize(("warmup", "epochs"), [(0, 1), (2, 5), (5, 10)])
def test_updates_of_em_apl(warmup: int, epochs: int) -> None:
    many, label = 40, torch.randint(-1, 2, (40, C), generator=generator(9)).to(torch.int8)
    label[:, 0], label[:, 1] = -1, 1
    loss = EMAPLLoss(many, C, negative_share=0.9, warmup_epochs=warmup)
    loss.start(label, tuple(map(str, range(many))), CLASSES)
    expected = torch.full((many, C), torch.nan)
    for epoch in range(epochs):
        logits = 3 * torch.randn(many, C, generator=generator(epoch))
        if epoch >= warmup:
            p = logits.sigmoid()
            expected = reference.apl_update(p, label, expected, 0.9, epochs, warmup)
        loss.start_epoch(epoch, epochs, lambda logits=logits: logits)
        assert_close(loss.pseudo_labels, expected.nan_to_num(-1), rtol=1e-6, atol=0)
    updates = epochs - warmup
    assert (loss.pseudo_labels[:, 0] >= 0).sum() == updates * (36 // updates)  # 0.9 of 40


@pytest.fixture
def scores(tmp_path: Path) -> tuple[str, Tensor]:
    """A teacher's scores of all training images, as a file of another order and as a table."""
    table = torch.rand(N, C, generator=generator(10))
    backwards = ScoresFile(
        CLASSES[::-1],
        table.flip(0, 1),
        torch.zeros(N, C, dtype=torch.int8),
        torch.arange(N),
        tuple(f"/folder/{image}" for image in IMAGES[::-1]),
    )
    backwards.save(tmp_path / "scores.npz")
    return str(tmp_path / "scores.npz"), table[INDEX]


@pytest.mark.parametrize("temperature", [None, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.25])
@pytest.mark.parametrize("labels", LABELS)
def test_vlpl(
    scores: tuple[str, Tensor],
    labels: Callable[[], Tensor],
    share: float,
    temperature: float | None,
) -> None:
    path, rows = scores
    rows = rows if temperature is None else reference.class_shares(rows, temperature)
    logits, label = make_logits(), labels()
    options = dict(threshold=0.3, temperature=temperature, negative_share=share)
    pseudo = reference.vlpl_labels(rows, label, 0.3, share)
    if (label == -1).all():
        assert sorted(pseudo.unique().tolist()) == ([-1, 0, 1] if share else [-1, 1])

    loss = VLPLLoss(path, alpha=0.2, beta_neg=0.3, **options)
    tell(loss)
    expected = reference.vlpl(logits, label, pseudo, 0.2, beta_neg=0.3)
    compare(loss(logits, label), expected, logits)

    asymmetric = AsymmetricVLPLLoss(path, **options)
    tell(asymmetric)
    expected = reference.vlpl_asymmetric(logits, label, pseudo)
    compare(asymmetric(logits, label), expected, logits)


@pytest.mark.parametrize("loss_type", [VLPLLoss, AsymmetricVLPLLoss])
def test_vlpl_is_em_during_the_warmup(
    scores: tuple[str, Tensor], loss_type: type[ImageStateLoss]
) -> None:
    """Public code counts epochs from 1 and warms up while the number is at most that given."""
    loss, logits, label = loss_type(scores[0], warmup_epochs=2), make_logits(), tri_state()
    for epoch in range(3):
        tell(loss, epoch)
        found, expected = loss(logits, label), reference.em(logits, label, 0.2)
        assert torch.allclose(found, expected, **EXACT) == (epoch < 2)


@pytest.mark.parametrize("labels", [known, known_soft])
def test_with_a_state_bce_where_everything_is_known(
    scores: tuple[str, Tensor], labels: Callable[[], Tensor]
) -> None:
    """Save ROLE, whose estimates are compared with everywhere."""
    logits, label = make_logits(), labels()
    flat = AsymmetricVLPLLoss(scores[0], gamma_pos=0.0, gamma_neg=0.0)
    for loss in (EMAPLLoss(N, C), VLPLLoss(scores[0], negative_share=0.25), flat):
        tell(loss, max_epochs=10)
        compare(loss(logits, label), MultiLabelBCELoss()(logits, label), logits)
    role = ROLELoss(N, C, 1.5)
    tell(role)
    role.table.data.zero_()
    assert (role(logits, label) - MultiLabelBCELoss()(logits, label)).abs() > 0.1
