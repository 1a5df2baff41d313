"""SigRL's loops against numbers worked out by hand, and the figures against torch and sklearn.

L = ln(3) / 2 has tanh(L) = 1/2; a softmax of (ln 3, 0) is (3/4, 1/4).
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from . import sigrl

LN3 = math.log(3)
L = LN3 / 2


def t(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rand(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


class TestGraphAttention:
    x = t([[1], [-1]])

    def test_one_head(self) -> None:
        """Scores ln3, 0 of node 0; 0, -0.2 ln3 of node 1, as LeakyReLU comes before a."""
        found, alpha = sigrl.graph_attention(self.x, t([[1]]), t([L]), 1)
        low = 3**-0.2
        assert_close(alpha[0], t([[0.75, 0.25], [1 / (1 + low), low / (1 + low)]]))
        assert_close(found, t([[0.5], [(1 - low) / (1 + low)]]))

    def test_heads_share_one_a(self) -> None:
        """The second head has e = 2 x: scores 2 ln3, 0 of node 0, so 9/10 and 1/10."""
        found, alpha = sigrl.graph_attention(self.x, t([[1], [2]]), t([L]), 2)
        assert_close(alpha[:, 0], t([[0.75, 0.25], [0.9, 0.1]]))
        assert_close(found[0], t([0.5, 1.6]))

    def test_wide_head(self) -> None:
        """z_00 = (2, -2): 2 L - 0.4 * 2.5 ln3 = 0; z_11 = (-2, 2): -0.2 ln3 + 5 ln3 = 4.8 ln3."""
        found, alpha = sigrl.graph_attention(self.x, t([[1], [-1]]), t([L, 2.5 * LN3]), 1)
        assert_close(alpha[0], t([[0.5, 0.5], [1 / (1 + 3**4.8), 1 / (1 + 3**-4.8)]]))
        assert_close(found[0], t([0, 0]))

    def test_order_of_labels(self) -> None:
        x, W, a, order = rand(4, 3), rand(4, 3, seed=1), rand(2, seed=2), [2, 0, 3, 1]
        found, alpha = sigrl.graph_attention(x, W, a, 2)
        other, _ = sigrl.graph_attention(x[order], W, a, 2)
        assert_close(other, found[order])
        assert_close(alpha.sum(2), torch.ones(2, 4).double())

    def test_against_broadcasting(self) -> None:
        x, W, a = rand(5, 3), rand(6, 3, seed=1), rand(3, seed=2)
        e = (x @ W.T).reshape(5, 2, 3)
        scores = F.leaky_relu(e[:, None] + e[None], 0.2) @ a
        expected = torch.einsum("ijh,jhf->ihf", scores.softmax(1), e).reshape(5, 6)
        assert_close(sigrl.graph_attention(x, W, a, 2)[0], expected)


def test_gmc_of_one_label() -> None:
    """alpha = 1: W_1 t = (1, -2), ELU (1, e^-2 - 1), and W_2 of it."""
    found = sigrl.gmc(
        t([[1, 2]]), t([[1, 0], [0, -1]]), t([5]), t([[1, 1], [0, 2]]), t([1, 1]), heads=2
    )
    low = math.exp(-2)
    assert_close(found, t([[low, 2 * low - 2]]))


class TestReconstruction:
    P = t([[[0], [L]]])
    W = t([[2 * LN3]])

    def test_weights(self) -> None:
        assert_close(sigrl.position_weights(self.P[0], t([1]), self.W), t([[0.25], [0.75]]))
        biased = sigrl.position_weights(self.P[0], t([1]), self.W, t([7]))
        assert_close(biased, t([[0.25], [0.75]]))

    def test_weights_are_of_a_channel(self) -> None:
        """Row 1 of W reads channel 0 with the other sign, channel 1 of the patches is 0."""
        P_n = t([[0, 0], [L, 0]])
        W = t([[2 * LN3, 5], [-2 * LN3, 5]])
        expected = t([[0.25, 0.75], [0.75, 0.25]])
        assert_close(sigrl.position_weights(P_n, t([1, 1]), W), expected)

    def test_label_features(self) -> None:
        assert_close(
            sigrl.label_features(self.P, t([[1], [-1]]), self.W), t([[[0.75], [0.25]]]) * L
        )

    def test_channel_matrix(self) -> None:
        """Of s = identity it is ReLU(t) with rows of length 1."""
        s = torch.eye(2, dtype=torch.float64)[None]
        expected = t([[0.6, 0.8], [0, 0]])
        labels = t([[3, 4], [-1, -2]])
        assert_close(sigrl.channel_matrix(s, labels)[0], expected)
        both = sigrl.channel_matrix(torch.cat([s, 9 * s]), labels)  # another image takes no part
        assert_close(both, torch.stack([expected, expected]))
        assert_close(sigrl.reconstructed(s, expected[None])[0], expected)

    def test_channel_matrix_sums_over_labels(self) -> None:
        """s^T t = [[3], [-1]] [..]: of one channel each, 1 * 5 + 2 * (-1) > 0 and -3 < 0."""
        assert_close(sigrl.channel_matrix(t([[[1], [2]]]), t([[5], [-1]])), t([[[1]]]))
        assert_close(sigrl.channel_matrix(t([[[1], [2]]]), t([[1], [-1]])), t([[[0]]]))

    @pytest.mark.parametrize("labels", [1, 2])
    def test_svfr(self, labels: int) -> None:
        """s = r = 3 L / 4; u = 2 r / (3 L) + g / 4 = 1/2 + 1/2; weights add up over labels."""
        ones = torch.ones(labels, 1, dtype=torch.float64)
        W_1 = t([[2 / (3 * L), 0.25]])
        found = sigrl.svfr(self.P, ones, 2 * ones, self.W, W_1, self.W)
        assert_close(found, labels * t([[[0], [0.75 * L]]]))

    def test_svfr_against_broadcasting(self) -> None:
        P, labels, g = rand(2, 5, 3), rand(4, 3, seed=1), rand(4, 3, seed=2)
        W_3, W_1, V_3, b = rand(3, 3, seed=3), rand(3, 6, seed=4), rand(3, 3, seed=5), rand(3)
        weights = (torch.tanh(P[:, :, None] * labels) @ W_3.T + b).softmax(1)  # [B, N, C, D]
        s = torch.einsum("npd,npcd->ncd", P, weights)
        assert_close(sigrl.label_features(P, labels, W_3, b), s)
        M = F.normalize(F.relu(s.transpose(1, 2) @ labels / (s.norm() * labels.norm())), dim=-1)
        u = torch.cat([s @ M, g.expand(2, 4, 3)], dim=-1) @ W_1.T
        weights = (torch.tanh(P[:, :, None] * u[:, None]) @ V_3.T).softmax(1)
        expected = (P[:, :, None] * weights).sum(2)
        assert_close(sigrl.svfr(P, labels, g, W_3, W_1, V_3, b, b), expected)


class TestScores:
    P = t([[[1, 0], [0, 2], [3, 4]]])
    q = t([[3, 4]])
    labels = t([[1, 0], [0, 1]])

    def test_local(self) -> None:
        assert_close(sigrl.local_scores(self.P, self.labels, 2), t([[2, 3]]))
        assert_close(sigrl.local_scores(self.P, self.labels, 3), t([[4 / 3, 2]]))
        assert_close(sigrl.local_scores(self.P, self.labels, 2, cosine=True), t([[0.8, 0.9]]))
        with pytest.raises(ValueError, match="k=4"):
            sigrl.local_scores(self.P, self.labels, 4)

    def test_cosine_ranks_patches_by_the_cosine(self) -> None:
        """[9, 9] . t = 9 is highest, but its cosine .707 is below that of [1, 0]."""
        P = t([[[9, 9], [1, 0]]])
        assert_close(sigrl.local_scores(P, t([[2, 0]]), 1), t([[18]]))
        assert_close(sigrl.local_scores(P, t([[2, 0]]), 1, cosine=True), t([[1]]))

    def test_global(self) -> None:
        assert_close(sigrl.global_scores(self.q, 2 * self.labels), t([[6, 8]]))
        assert_close(sigrl.global_scores(self.q, 2 * self.labels, cosine=True), t([[0.6, 0.8]]))

    def test_class_norm(self) -> None:
        assert_close(sigrl.class_norm(t([[3, 4], [0, -2]])), t([[0.6, 0.8], [0, -1]]))

    def test_mean_of_both(self) -> None:
        both = sigrl.score(self.P, self.q, self.labels, 2)
        assert_close(both, (t([[2, 3]]) / math.sqrt(13) + t([[0.6, 0.8]])) / 2)
        assert_close(sigrl.score(None, self.q, self.labels), t([[0.6, 0.8]]))
        cosine = sigrl.score(self.P, self.q, self.labels, 2, "cosine")
        assert_close(cosine, t([[0.7, 0.85]]))
        other = sigrl.score(self.P, self.q, self.labels, 2, "cosine", self.labels.flip(0))
        assert_close(other, t([[0.75, 0.8]]))

    def test_only_the_cosine_does_not_depend_on_the_vocabulary(self) -> None:
        P, q, labels = rand(2, 5, 3), rand(2, 3, seed=1), rand(4, 3, seed=2)
        for normalise, same in (("cosine", True), ("class_l2", False)):
            whole = sigrl.score(P, q, labels, 2, normalise)
            some = sigrl.score(P, q, labels[[2, 0]], 2, normalise)
            assert torch.allclose(some, whole[:, [2, 0]]) is same


class TestRanking:
    def test_by_hand(self) -> None:
        """Pairs .5 and 2.5; one pair .5, the other below 0; an image without a positive."""
        s = t([[0.5, 0, 2, 9], [3, 1, 0.5, 9], [9, 0, 0, 0]]).requires_grad_()
        y = t([[1, 0, 0, -1], [1, 1, 0, -1], [0, 0, -1, 0]])
        loss = sigrl.ranking(s, y)
        assert_close(loss, t(1.0))
        loss.backward()
        assert_close(s.grad, t([[-1, 0.5, 0.5, 0], [0, -1, 1, 0], [0, 0, 0, 0]]) / 2)

    def test_no_pair(self) -> None:
        assert sigrl.ranking(rand(2, 3), torch.zeros(2, 3)) == 0
        # a positive and no negative: 0, and the image counts
        assert sigrl.ranking(t([[3, 0]]), t([[1, 0]]), eps=0.0) == 0
        one, both = t([[1, 0]]), t([[1, 0], [1, -1]])
        s = t([[0, 1], [0, 1]])
        assert_close(sigrl.ranking(s, both) * 2, sigrl.ranking(s[:1], one))

    def test_margin(self) -> None:
        assert_close(sigrl.ranking(t([[0, 1]]), t([[1, 0]]), margin=0.25), t(1.25))


def test_distillation() -> None:
    q = t([[1, 2], [0, -1]]).requires_grad_()
    loss = sigrl.distillation(q, t([[0, 2], [2, -1]]))
    assert_close(loss, t(0.75))
    (gradient,) = torch.autograd.grad(loss, q)
    assert_close(gradient, t([[0.25, 0], [-0.25, 0]]))


SCORES = [[0.9, 0.1, 0.8, 0.2], [0.3, 0.6, 0.7, 0.4], [0.2, 0.5, 0.1, 0.6]]
LABELS = [[1, 0, 0, 1], [0, 1, 1, 0], [0, 1, 0, 0]]


class TestOpenVocabulary:
    def figures(self, **options: object) -> dict[str, dict[str, float]]:
        return sigrl.open_vocabulary(SCORES, LABELS, [2, 3], ks=(1, 2), **options)

    def same(self, found: dict[str, float], *wanted: float) -> None:
        assert list(found.values()) == pytest.approx([100 * value for value in wanted])

    def test_by_hand(self) -> None:
        """AP of the classes: 1, 1, 1/2, 1/3. Order of the figures: mAP, P R F1 at 1, at 2."""
        found = self.figures()
        self.same(found["zsl"], 5 / 12, 1 / 3, 1 / 2, 2 / 5, 1 / 3, 1, 1 / 2)
        self.same(found["gzsl"], 17 / 24, 2 / 3, 2 / 5, 1 / 2, 2 / 3, 4 / 5, 8 / 11)
        self.same(found["seen"], 1, 1, 1 / 3, 1 / 2, 1, 1, 1)
        self.same(found["unseen"], 5 / 12, 1 / 2, 1 / 2, 1 / 2, 1 / 3, 1 / 2, 2 / 5)
        self.same(found["H"], 10 / 17, 1 / 2, 4 / 7)

    def test_images_with_a_positive(self) -> None:
        """Without the third image in the unseen parts both of their classes have AP 1/2."""
        found = self.figures(images="with_positive")
        self.same(found["zsl"], 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1, 2 / 3)
        self.same(found["unseen"], 1 / 2, 1, 1 / 2, 2 / 3, 1 / 2, 1 / 2, 1 / 2)
        assert found["gzsl"] == self.figures()["gzsl"]
        assert found["seen"] == self.figures()["seen"]

    def test_zsl_with_scores_of_its_own(self) -> None:
        own = [[0, 1], [1, 0], [0, 1]]
        found = self.figures(zsl_scores=own)
        assert found["zsl"]["F1@1"] == pytest.approx(80)
        assert found["gzsl"] == self.figures()["gzsl"]

    def test_classes_without_a_positive(self) -> None:
        scores = [[*row, 0.0] for row in SCORES]
        labels = [[*row, 0] for row in LABELS]
        rules = dict(ks=(1, 2), zsl_scores=[row[2:] for row in scores])
        found = sigrl.open_vocabulary(scores, labels, [2, 3, 4], **rules)
        assert found == self.figures()
        zero = sigrl.open_vocabulary(scores, labels, [2, 3, 4], empty_classes="zero", **rules)
        assert zero["zsl"]["mAP"] == pytest.approx(100 * 5 / 12 * 2 / 3)
        assert zero["gzsl"]["mAP"] == pytest.approx(100 * 17 / 24 * 4 / 5)
        assert zero["seen"] == found["seen"]

    def test_unknown_labels(self) -> None:
        """The highest unseen label of the first image is unknown: 2 predictions, not 3."""
        labels = [[1, 0, -1, 1], *LABELS[1:]]
        found = sigrl.open_vocabulary(SCORES, labels, [2, 3], ks=(1,))
        self.same(found["zsl"], (1 + 1 / 3) / 2, 1 / 2, 1 / 2, 1 / 2)

    def test_ties_take_the_first_class(self) -> None:
        assert sigrl.top_k_counts([[0.5, 0.5]], [[1, 0]], 1, [0, 1])["F1"] == 100
        assert sigrl.top_k_counts([[0.5, 0.5]], [[0, 1]], 1, [0, 1])["F1"] == 0

    def test_nothing_found(self) -> None:
        nothing = ([[0.1, 0.2]], [[0, 0]], [1])
        assert math.isnan(sigrl.open_vocabulary(*nothing, ks=(1,))["gzsl"]["mAP"])
        found = sigrl.open_vocabulary(*nothing, ks=(1,), empty_classes="zero")
        assert {value for part in found.values() for value in part.values()} == {0.0}

    def test_against_sklearn_and_topk(self) -> None:
        scores, truth = rand(30, 12), (rand(30, 12, seed=1) > 0.8).int()
        unseen = [1, 4, 5, 9, 11]
        found = sigrl.open_vocabulary(scores.tolist(), truth.tolist(), unseen)
        own, labels = scores[:, unseen], truth[:, unseen]
        assert labels.any(0).all()
        aps = [average_precision_score(labels[:, i], own[:, i]) for i in range(5)]
        assert found["zsl"]["mAP"] == pytest.approx(100 * np.mean(aps))
        correct = labels.gather(1, own.topk(3).indices).sum().item()
        assert found["zsl"]["P@3"] == pytest.approx(100 * correct / 90)
        assert found["zsl"]["R@3"] == pytest.approx(100 * correct / labels.sum().item())
        correct = truth.gather(1, scores.topk(5).indices).sum().item()
        assert found["gzsl"]["P@5"] == pytest.approx(100 * correct / 150)

    def test_harmonic_mean(self) -> None:
        """Of P and R at 3 of BiAM's published log, to the digits printed there."""
        assert sigrl.harmonic_mean(26.1, 41.8) == pytest.approx(32.1, abs=0.1)
        assert sigrl.harmonic_mean(0.0, 0.0) == 0.0
