"""Losses and observation of scarce labels against numbers worked out by hand, and numpy's own.

psi(ln 3) = 3/4, psi(0) = 1/2, psi(-ln 3) = 1/4.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from . import asl as plain_asl
from . import scarce

LN2, LN3 = math.log(2), math.log(3)
LN4 = 2 * LN2
H_QUARTER = LN4 - 0.75 * LN3  # entropy of 1/4, and of 3/4
NAN = float("nan")


def t(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


Z = t([[LN3, 0.0, -LN3, LN3], [0.0, -LN3, LN3, 0.0]])  # p = 3/4 1/2 1/4 3/4; 1/2 1/4 3/4 1/2
Y = t([[1, -1, -1, 0], [-1, 1, -1, -1]])
# of known labels: -log(3/4) = ln4 - ln3 and -log(1/4) = ln4 in the first image, ln4 in the second
KNOWN_1, KNOWN_2 = LN4 - LN3 + LN4, LN4
# of unknown ones taken for negative, -log(1 - p): ln2 and ln4 - ln3; ln2, ln4 and ln2
NEGATIVE_1, NEGATIVE_2 = LN2 + LN4 - LN3, LN2 + LN4 + LN2


def random_case(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = 2 * torch.randn(5, 7, generator=generator, dtype=torch.float64)
    return z.requires_grad_(), torch.randint(-1, 2, (5, 7), generator=generator).double()


def same(found: Tensor, expected: Tensor, *of: Tensor) -> None:
    assert_close(found, expected)
    wanted = torch.autograd.grad(expected, of, retain_graph=True)
    assert_close(torch.autograd.grad(found, of), wanted)


def test_partial_bce() -> None:
    # g(1/2) = 3.225 of two of four known labels, g(1/4) = 4.3375 of one
    assert_close(scarce.partial_bce(Z, Y), t((3.225 * KNOWN_1 + 4.3375 * KNOWN_2) / 2))
    assert_close(scarce.partial_bce(Z, Y, reduction="mean") * 4, scarce.partial_bce(Z, Y))
    # 2 (1/2)^2 + 1/2 = 1 and 2 (1/4)^2 + 1/2 = 5/8
    squared = scarce.partial_bce(Z, Y, alpha=2.0, beta=0.5, gamma=2.0)
    assert_close(squared, t((1.0 * KNOWN_1 + 0.625 * KNOWN_2) / 2))
    assert_close(t(-4.45 * 0.1 + 5.45), t(5.005))  # the paper's "g(0.1) = 5"


def test_assumed_negatives() -> None:
    assert_close(scarce.an(Z, Y), t((KNOWN_1 + NEGATIVE_1 + KNOWN_2 + NEGATIVE_2) / 2))
    third = (KNOWN_1 + KNOWN_2 + (NEGATIVE_1 + NEGATIVE_2) / 3) / 2
    assert_close(scarce.wan(Z, Y), t(third))
    assert_close(scarce.wan(Z, Y, weight=1.0), scarce.an(Z, Y))
    # one positive of p = 3/4: 0.9 (ln4 - ln3) + 0.1 ln4; one unknown of p = 1/4 is the same
    smooth = scarce.an_ls(t([[LN3, -LN3]]), t([[1, -1]]), share=0.1)
    assert_close(smooth, t(2 * (LN4 - 0.9 * LN3)))


def test_epr() -> None:
    # k_hat = (9/4 + 2) / 2 = 2.125
    assert_close(scarce.expected_positives(Z, 1.5, "mean"), t((0.625 / 4) ** 2))
    assert_close(scarce.expected_positives(Z, 1.5), t(0.625**2 / 4))
    assert_close(scarce.epr(Z, Y, 1.5), t((KNOWN_1 + KNOWN_2) / 2 + 0.625**2 / 4))


def test_role_by_hand() -> None:
    """One image, two classes: p = 3/4, 1/2 and estimates q = 1/2, 1/4; a positive and unknown."""
    z, theta, y = t([[LN3, 0.0]]), t([[0.0, -LN3]]), t([[1, -1]])
    teach = (LN4 - LN3) / 2 + LN4 / 2 + LN2  # BCE(p, q)
    learn = LN2 + LN4 / 2 + (LN4 - LN3) / 2  # BCE(q, p)
    classifier = teach + LN4 - LN3 + (1.25 - 1.5) ** 2 / 2
    estimator = learn + LN2 + (0.75 - 1.5) ** 2 / 2
    assert_close(scarce.role(z, theta, y, 1.5), t((classifier + estimator) / 2))


def test_gradients_of_role_by_hand() -> None:
    """d/dz: p - q of the cross entropy, p - 1 of the positive, 2 (k_hat - k) / C p (1 - p)."""
    z, theta, y = t([[LN3, 0.0]]), t([[0.0, -LN3]]), t([[1, -1]])
    z.requires_grad_(), theta.requires_grad_()
    scarce.role(z, theta, y, 1.5).backward()
    of_z = [0.25 - 0.25 - 0.25 * 3 / 16, 0.25 - 0.25 / 4]
    of_theta = [-0.25 - 0.5 - 0.75 / 4, -0.25 - 0.75 * 3 / 16]
    assert_close(z.grad, t([of_z]) / 2)
    assert_close(theta.grad, t([of_theta]) / 2)


def test_the_two_of_role_change_places() -> None:
    z, y = random_case()
    theta, _ = random_case(1)
    same(scarce.role(z, theta, y, 2.0), scarce.role(theta, z, y, 2.0), z, theta)


def test_start_of_role() -> None:
    start = scarce.role_start(t([[1, 0, -1, -1, -1]]), t([[0.3, 0.3, 0.0, 0.5, 0.75]]))
    assert_close(torch.sigmoid(start[0, :4]), t([0.995, 0.005, 0.4, 0.5]))
    assert_close(start[0, 4], t(math.log(1.5) / 2))


def test_entropy_maximisation() -> None:
    unknown = LN2 + H_QUARTER + LN2 + H_QUARTER + LN2
    assert_close(scarce.em(Z, Y, 0.2), t((KNOWN_1 + KNOWN_2 - 0.2 * unknown) / 2))


def test_gradient_of_the_entropy() -> None:
    """dH/dz = -z p (1 - p)."""
    z = t([[LN3, 0.0, -LN3]]).requires_grad_()
    scarce.em(z, t([[-1, -1, -1]]), 1.0).backward()
    assert_close(z.grad, t([[LN3 * 3 / 16, 0.0, -LN3 * 3 / 16]]))


def test_pseudo_labels_of_apl() -> None:
    z, y = t([[-LN3, -LN3, LN3]]), t([[-1, -1, 1]])
    pseudo = t([[0.25, NAN, 0.25]])  # that of a known label has no part
    expected = 0.5 * H_QUARTER - 0.2 * H_QUARTER + LN4 - LN3
    assert_close(scarce.em_apl(z, y, pseudo, 0.2, 0.5), t(expected))


def test_updates_of_apl() -> None:
    """Class 0 has 8 unknown of 10 labels: int(0.9 * 8 / 3) = 2 an update; class 1 has one: none."""
    p = torch.stack([t(range(10)) / 10, t(range(10)) / 20], dim=1)
    y = torch.full((10, 2), -1.0)
    y[0, 0], y[3, 0], y[1:, 1] = 1, 0, 0
    first = scarce.apl_update(p, y, torch.full((10, 2), NAN), 0.9, epochs=5, warmup=2)
    assert first.isfinite().nonzero().tolist() == [[1, 0], [2, 0]]
    assert_close(first[1:3, 0], t([0.1, 0.2]), check_dtype=False)
    second = scarce.apl_update(1 - p, y, first, 0.9, epochs=5, warmup=2)
    assert second.isfinite().nonzero().tolist() == [[1, 0], [2, 0], [8, 0], [9, 0]]
    assert_close(second[1:3, 0], first[1:3, 0])


def test_shares_of_classes() -> None:
    shares = scarce.class_shares(t([[0.0, LN2, LN3], [LN2, 0.0, 0.0]]) / 10, 0.1)
    assert_close(shares, t([[1 / 6, 2 / 6, 3 / 6], [2 / 4, 1 / 4, 1 / 4]]))


def test_labels_of_vlpl() -> None:
    scores = t([[0.30, 0.31, 0.05, 0.02, 0.01, 0.31]])
    y = t([[-1, -1, -1, -1, 1, 0]])
    assert scarce.vlpl_labels(scores, y).tolist() == [[-1, 1, -1, -1, -1, -1]]
    # int(0.34 * 6) = 2, of which one is known
    assert scarce.vlpl_labels(scores, y, 0.3, 0.34).tolist() == [[-1, 1, -1, 0, -1, -1]]
    # the lowest are negative although they are above the threshold
    assert scarce.vlpl_labels(scores, y, 0.0, 0.5).tolist() == [[1, 1, 0, 0, -1, -1]]


def test_vlpl() -> None:
    z, y = t([[LN3, -LN3, LN3, -LN3, 0.0]]), t([[1, -1, -1, -1, 0]])
    pseudo = t([[-1, 1, 0, -1, -1]])
    positive = LN4 - 0.1 * LN3  # 0.9 ln4 + 0.1 (ln4 - ln3); the negative of p = 3/4 is the same
    expected = LN4 - LN3 + (0.7 + 0.3) * positive - 0.2 * H_QUARTER + LN2
    assert_close(scarce.vlpl(z, y, pseudo, 0.2, beta_pos=0.7, beta_neg=0.3), t(expected))


def test_asymmetric_form_of_vlpl() -> None:
    z, y = t([[LN3, -LN3, LN3, -LN3, 0.0]]), t([[1, -1, -1, -1, 0]])
    pseudo = t([[-1, 1, 0, -1, -1]])
    expected = (LN4 - LN3) / 16 + LN4 * 9 / 16 + LN4 * 81 / 256 - H_QUARTER * 81 / 256 + LN2 / 16
    assert_close(scarce.vlpl_asymmetric(z, y, pseudo), t(expected))


def test_soft_label_of_the_asymmetric_form() -> None:
    found = scarce.vlpl_asymmetric(t([[LN3]]), t([[0.75]]), t([[-1]]))
    assert_close(found, t(0.75 * (LN4 - LN3) / 16 + 0.25 * LN4 * 81 / 256))


def test_gradient_of_the_asymmetric_form() -> None:
    """With gradient of the factor, d/dz (1-p)^2 (-log p) = (1-p)^2 (2 p log p - (1 - p))."""
    for focus_gradient, slope in ((True, 1.5 * (LN3 - LN4) - 0.25), (False, -0.25)):
        z = t([[LN3]]).requires_grad_()
        scarce.vlpl_asymmetric(z, t([[1]]), t([[-1]]), focus_gradient=focus_gradient).backward()
        assert_close(z.grad, t([[slope / 16]]))


def test_asl_of_hard_and_soft_labels() -> None:
    z, y = random_case()
    known = torch.where(y == -1, torch.nan, y)
    hard = plain_asl.asl(z, known.nan_to_num(), focus_gradient=False) - plain_asl.asl(
        z[y == -1][None], torch.zeros(1, int((y == -1).sum())), focus_gradient=False
    )
    same(scarce.asl(z, y), hard / 5, z)
    # p = 3/4 and label 1/2, m = 1/4: p_m = 1/2
    soft = scarce.asl(t([[LN3]]), t([[0.5]]), gamma_pos=2.0, gamma_neg=3.0, m=0.25)
    assert_close(soft, t(((LN4 - LN3) / 16 + LN2 / 8) / 2))


@pytest.mark.parametrize("soft", [False, True])
def test_where_everything_is_known_most_are_bce(soft: bool) -> None:
    z, _ = random_case()
    y = torch.rand(5, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    y = y if soft else y.round()
    bce = F.binary_cross_entropy_with_logits(z, y, reduction="sum") / 5
    none = torch.full_like(y, NAN)
    pseudo = torch.full_like(y, -1)
    same(scarce.partial_bce(z, y), bce, z)
    same(scarce.an(z, y), bce, z)
    same(scarce.wan(z, y), bce, z)
    same(scarce.an_ls(z, y, share=0.0), bce, z)
    same(scarce.observed(z, y), bce, z)
    same(scarce.em(z, y, 0.2), bce, z)
    same(scarce.em_apl(z, y, none, 0.2, 0.5), bce, z)
    same(scarce.vlpl(z, y, pseudo, 0.2), bce, z)
    same(scarce.asl(z, y, 0.0, 0.0, 0.0), bce, z)
    assert (scarce.role(z, z.detach(), y, 1.5) - bce).abs() > 0.1


def test_draws() -> None:
    digest = hashlib.shake_256(b"mmsrdl observation v1\x007\x00a/b.jpg").digest(24)
    words = np.frombuffer(digest, "<u8") >> np.uint64(11)
    drawn = scarce.draws(7, "a/b.jpg", ["dog", "cat", "eel"])
    assert [drawn[name] for name in ("cat", "dog", "eel")] == (words * 2.0**-53).tolist()


def test_kept() -> None:
    names, y = ["dog", "cat", "eel", "ant"], [1, 1, -1, 0]
    drawn = scarce.draws(7, "x", names)
    kept = scarce.kept_entries(y, 7, "x", names, drawn["cat"])
    assert kept == [drawn["dog"] < drawn["cat"], False, False, drawn["ant"] < drawn["cat"]]
    assert scarce.kept_entries(y, 7, "x", names, 1.0) == [True, True, False, True]
    first = drawn["dog"] < drawn["cat"]
    assert scarce.kept_positives(y, 7, "x", names, 1) == [first, not first, False, False]
    assert scarce.kept_positives(y, 7, "x", names, 3) == [True, True, False, False]


@pytest.mark.parametrize(("n", "seed"), [(0, 0), (1, 0), (2, 5), (257, 2**32 - 1), (5717, 1200)])
def test_permutation_is_that_of_numpy(n: int, seed: int) -> None:
    assert scarce.permutation(n, seed) == np.random.RandomState(seed).permutation(n).tolist()


def test_split() -> None:
    fit, held_out = scarce.literature_split(5717)  # the images of VOC 2012's train
    assert (len(fit), len(held_out)) == (4574, 1143)
    assert sorted(fit + held_out) == list(range(5717))
    assert [len(part) for part in scarce.literature_split(5, 0.5)] == [3, 2]  # 2.5 to even
    assert scarce.literature_split(2, 0.2) == ([0, 1], [])


@pytest.mark.parametrize(("positives", "negatives"), [(1, 0), (2, 1)])
def test_published_labels_are_those_of_numpy(positives: int, negatives: int) -> None:
    y = np.random.default_rng(0).integers(0, 2, (50, 9))
    rng, expected = np.random.RandomState(1200), np.zeros((50, 9), dtype=int)
    for row, marks in zip(y, expected, strict=True):
        for label, number, mark in ((1, positives, 1), (0, negatives, -1)):
            of_label = np.flatnonzero(row == label)
            rng.shuffle(of_label)
            marks[of_label[:number]] = mark
    assert scarce.literature_labels(y.tolist(), positives, negatives) == expected.tolist()


def test_source() -> None:
    content = b"mmsrdl labels v1\0b\0d\0\0x\0\xff\x00\0\0y\0\x01\x01"
    expected = hashlib.sha256(content).hexdigest()
    assert scarce.source([[1, 1], [0, -1]], ["y", "x"], ["d", "b"]) == expected
