"""ML-GCN, P-GCN, SSGRL and ADD-GCN: the loops against numbers worked out by hand and torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from . import addgcn, mlgcn, pgcn, ssgrl


def t(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rand(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def assert_equal_with_gradients(out: Tensor, expected: Tensor, inputs: Sequence[Tensor]) -> None:
    assert_close(out, expected)
    weights = rand(*out.shape, seed=99).detach()
    assert_close(
        torch.autograd.grad((out * weights).sum(), inputs, retain_graph=True),
        torch.autograd.grad((expected * weights).sum(), inputs, retain_graph=True),
    )


class TestMLGCN:
    # 5 images: category 0 in all, 1 in two of them, 2 in none.
    Y = [[1, 1, 0], [1, 1, -1], [1, 0, 0], [1, -1, 0], [1, 0, 0]]

    def test_counts_leave_the_diagonal_and_unknown_out(self) -> None:
        M, N = mlgcn.counts(t(self.Y))
        assert M.tolist() == [[0, 2, 0], [2, 0, 0], [0, 0, 0]]
        assert N.tolist() == [5, 2, 0]

    def test_adjacency_by_hand(self) -> None:
        # P(1 | 0) = 2/5 reaches tau, P(0 | 1) = 1: one link in either column. 2 is never seen.
        A = mlgcn.adjacency(*mlgcn.counts(t(self.Y)))
        w = 0.25 / (1 + 1e-6)
        assert_close(A, t([[1, w, 0], [w, 1, 0], [0, 0, 1]]))

    def test_adjacency_divides_by_column_sums(self) -> None:
        # Both 1 and 2 go with 0, but 0 only at times with them: column 0 has two links.
        M, N = t([[0, 3, 3], [3, 0, 0], [3, 0, 0]]), t([10, 3, 3])
        half = 0.25 / (2 + 1e-6)
        assert_close(mlgcn.adjacency(M, N), t([[1, 0, 0], [half, 1, 0], [half, 0, 1]]))
        assert torch.equal(mlgcn.adjacency(M + 9 * torch.eye(3), N), mlgcn.adjacency(M, N))

    def test_normalise_transposes(self) -> None:
        # Row sums 1 and 4: entry (0, 1) of the result is A[1, 0] / sqrt(1 * 4).
        A = t([[1, 0], [3, 1]])
        assert_close(mlgcn.normalise(A), t([[1, 1.5], [0, 0.25]]))

    def test_gcn_activates_between_layers_only(self) -> None:
        one = t([[1]])
        assert_close(mlgcn.gcn(t([[-1]]), one, [one, t([[2]])]), t([[-0.4]]))
        assert_close(mlgcn.gcn(t([[-1]]), one, [one, t([[-2]])]), t([[0.4]]))
        assert_close(mlgcn.gcn(t([[-1]]), one, [one]), t([[-1]]))
        swap = t([[0, 1], [0, 0]])
        assert_close(mlgcn.gcn(t([[1], [5]]), swap, [one]), t([[5], [0]]))

    def test_equals_matrix_form(self) -> None:
        E, A, F = rand(3, 2), rand(3, 3, seed=1).detach().abs(), rand(2, 4, 2, 3, seed=2)
        W0, W1 = rand(2, 5, seed=3), rand(5, 4, seed=4)
        D = A.sum(1).pow(-0.5).diag()
        A_hat = (A @ D).T @ D
        assert_close(mlgcn.normalise(A), A_hat)
        X = A_hat @ functional.leaky_relu(A_hat @ E @ W0, 0.2) @ W1
        out = mlgcn.logits(F, mlgcn.gcn(E, mlgcn.normalise(A), [W0, W1]))
        assert_equal_with_gradients(out, F.amax((2, 3)) @ X.T, [E, F, W0, W1])


class TestPGCN:
    def test_by_hand(self) -> None:
        # u_0 = [2, -3], u_1 = [-2, 0]; times W: -1, -2; A_hat: -3, -2; leaky: -0.6, -0.4;
        # times w = 10: -6, -4; A_hat: -10, -4.
        f, V, A_hat = t([[2, 3]]), t([[1, -1], [-1, 0]]), t([[1, 1], [0, 1]])
        U = pgcn.label_aware_features(f, V)
        assert_close(U, t([[[2, -3], [-2, 0]]]))
        assert_close(U.sum(2), f @ V.T)
        assert_close(pgcn.logits(f, V, A_hat, t([[1], [1]]), t([10])), t([[-10, -4]]))

    @pytest.mark.parametrize("shared", [True, False])
    def test_equals_matrix_form(self, shared: bool) -> None:
        f = rand(2, 4) if shared else rand(2, 3, 4)
        V, A_hat = rand(3, 4, seed=1), rand(3, 3, seed=2).detach()
        W, w = rand(4, 5, seed=3), rand(5, seed=4)
        U = (f[:, None] if shared else f) * V
        expected = (A_hat @ functional.leaky_relu(A_hat @ U @ W, 0.2)) @ w
        out = pgcn.logits(f, V, A_hat, W, w)
        assert_equal_with_gradients(out, expected, [f, V, W, w])


class TestSD:
    # Scores 0 and ln 3: weights 1/4 and 3/4, of the features [4, 8] and [0, 4].
    F, SCORES = [[[[4, 8]], [[0, 4]]]], [[[[0, math.log(3)]]]]

    def test_attention_and_features_by_hand(self) -> None:
        a = ssgrl.attention(t(self.SCORES))
        assert_close(a, t([[[[0.25, 0.75]]]]))
        assert_close(ssgrl.features(t(self.F), a), t([[[7, 3]]]))

    def test_erased_weights_are_not_shared_out(self) -> None:
        a = ssgrl.attention(t(self.SCORES))
        erased = torch.tensor([[[[True, False]]]])
        assert_close(ssgrl.features(t(self.F), a, erased), t([[[6, 3]]]))
        assert_close(ssgrl.features(t(self.F), a, erased | True), t([[[0, 0]]]))

    def test_scores_by_hand(self) -> None:
        # u = 2 * 3 = 6, v = [1/6] * 1: tanh 1; 2 tanh 1 + 3, times 10.
        scores = ssgrl.attention_scores(
            t([[[[3]]]]), t([[1]]), t([[2]]), t([[1 / 6]]), t([[2]]), t([3]), t([10])
        )
        assert_close(scores, t([[[[20 * math.tanh(1) + 30]]]]))

    def test_equals_matrix_form(self) -> None:
        F, emb = rand(2, 3, 2, 2), rand(2, 4, seed=1)
        W1, W2, W3 = rand(5, 3, seed=2), rand(5, 4, seed=3), rand(6, 5, seed=4)
        b3, wa = rand(6, seed=5), rand(6, seed=6)
        P = F.flatten(2).transpose(1, 2)
        joint = torch.tanh((P @ W1.T)[:, :, None] * (emb @ W2.T))
        scores = functional.linear(joint, W3, b3) @ wa  # [B, P, C]
        expected = scores.softmax(1).transpose(1, 2) @ P
        a = ssgrl.attention(ssgrl.attention_scores(F, emb, W1, W2, W3, b3, wa))
        assert_equal_with_gradients(ssgrl.features(F, a), expected, [F, emb, W1, W2, W3, wa])
        bias = torch.autograd.grad(ssgrl.features(F, a).sum(), b3)[0]
        assert_close(bias, torch.zeros_like(b3))  # f_3's bias, like f_a's, cancels


class TestGGNN:
    def test_adjacency_by_hand(self) -> None:
        M, N = t([[7, 1, 0], [1, 7, 0], [0, 0, 0]]), t([4, 2, 0])
        expected = t([[1, 0.25, 0], [0.5, 1, 0], [0, 0, 0]])
        assert_close(ssgrl.adjacency(M, N), expected)

    def test_one_step_by_hand(self) -> None:
        # A gathers 2 * h_1 into 0 (in) and 2 * h_0 into 1 (out): messages [6, 0] and [0, 2].
        # z = 1/2, r = 1/2: candidates tanh(0.1 * 6 + 0.5 * 1) and tanh(0.2 * 2 + 0.5 * 3).
        f, A = t([[[1], [3]]]), t([[0, 2], [0, 0]])
        zero = t([[0, 0]])
        out = ssgrl.ggnn(f, A, [zero, zero, t([[0.1, 0.2]])], [t([[0]]), t([[0]]), t([[1]])], T=1)
        expected = [(1 + math.tanh(1.1)) / 2, (3 + math.tanh(1.9)) / 2]
        assert_close(out, t([expected]).reshape(1, 2, 1))

    def test_update_gate_lets_the_candidate_in(self) -> None:
        # z = psi(ln 3) = 3/4, candidate tanh 0 + bias: 1/4 * 8 + 3/4 * tanh 1.
        zero, none = t([[0, 0]]), t([[0]])
        biases = [t([math.log(3)]), t([0]), t([1])]
        out = ssgrl.ggnn(t([[[8]]]), t([[0]]), [zero] * 3, [none] * 3, biases, T=1)
        assert_close(out, t([[[2 + 0.75 * math.tanh(1)]]]))

    def test_equals_matrix_form(self) -> None:
        f, A = rand(2, 3, 2), rand(3, 3, seed=1).detach()
        Ws = [rand(2, 4, seed=s) for s in (2, 3, 4)]
        Us = [rand(2, 2, seed=s) for s in (5, 6, 7)]
        bs = [rand(2, seed=s) for s in (8, 9, 10)]
        W_o, b_o, W_phi, b_phi = rand(5, 4), rand(5, seed=11), rand(3, 5), rand(3, seed=12)
        h = f
        for _ in range(3):
            a = torch.cat([A @ h, A.T @ h], dim=2)
            z = torch.sigmoid(a @ Ws[0].T + h @ Us[0].T + bs[0])
            r = torch.sigmoid(a @ Ws[1].T + h @ Us[1].T + bs[1])
            h = torch.lerp(h, torch.tanh(a @ Ws[2].T + (r * h) @ Us[2].T + bs[2]), z)
        o = torch.tanh(functional.linear(torch.cat([h, f], dim=2), W_o, b_o))
        expected = (o * W_phi).sum(2) + b_phi
        out = ssgrl.ssgrl_logits(f, A, Ws, Us, bs, W_o, b_o, W_phi, b_phi)
        inputs = [f, *Ws, *Us, *bs, W_o, b_o, W_phi, b_phi]
        assert_equal_with_gradients(out, expected, inputs)


class TestSAM:
    # One channel: features 1, 2; scores 0 and ln 3 of the first map, their opposite of the second.
    F, W_FC = [[[[0, 1]]]], [[math.log(3)], [-math.log(3)]]

    def test_features_by_hand(self) -> None:
        # Transformed: 10 F + 1 = 1, 11; weights 1/2, 3/4 and 1/2, 1/4 (a sum, not a mean).
        G = addgcn.map_scores(t(self.F), t(self.W_FC))
        assert_close(G, math.log(3) * t([[[[0, 1]], [[0, -1]]]]))
        V = addgcn.features(t(self.F), G, t([[10]]), t([1]))
        assert_close(V, t([[[0.5 + 8.25], [0.5 + 2.75]]]))

    def test_erased_positions_leave_sum_and_maximum(self) -> None:
        G = addgcn.map_scores(t(self.F), t(self.W_FC))
        erased = torch.tensor([[[[False, True]], [[True, False]]]])
        assert_close(addgcn.features(t(self.F), G, t([[10]]), t([1]), erased), t([[[0.5], [2.75]]]))
        assert_close(addgcn.pooled_map_scores(G), t([[math.log(3), 0]]))
        # The second map keeps a negative score: what is erased must not count as 0.
        assert_close(addgcn.pooled_map_scores(G, erased), t([[0, -math.log(3)]]))
        with pytest.raises(ValueError, match=r"erased\[0, 0\]"):
            addgcn.pooled_map_scores(G, erased | True)

    def test_equals_matrix_form(self) -> None:
        F, W_fc = rand(2, 3, 2, 2), rand(4, 3, seed=1)
        W_t, b_t = rand(5, 3, seed=2), rand(5, seed=3)
        maps = functional.conv2d(F, W_fc[..., None, None])
        moved = functional.conv2d(F, W_t[..., None, None], b_t).flatten(2)
        expected = torch.sigmoid(maps).flatten(2) @ moved.transpose(1, 2)
        G = addgcn.map_scores(F, W_fc)
        inputs = [F, W_fc, W_t, b_t]
        assert_equal_with_gradients(addgcn.features(F, G, W_t, b_t), expected, inputs)
        pooled = addgcn.pooled_map_scores(G)
        assert_equal_with_gradients(pooled, maps.amax((2, 3)), [F, W_fc])


class TestDynamicGCN:
    def test_static_by_hand(self) -> None:
        # Mixed [-5, 3] -> leaky [-1, 3]; 2 x - 4 = [-6, 2] -> leaky [-1.2, 2]; plus V.
        H = addgcn.static_gcn(t([[[3], [-5]]]), t([[0, 1], [1, 0]]), t([[2]]), t([-4]))
        assert_close(H, t([[[3 - 1.2], [-5 + 2]]]))

    def test_global_vector_by_hand(self) -> None:
        # Means 2 and 6; times 1: batch mean 4, variance 4: -1 and 1; leaky: -0.2, 1.
        H, one, zero = t([[[1], [3]], [[5], [7]]]), t([1]), t([0])
        g = addgcn.global_vector(H, one[None], zero, one, zero, eps=0.0)
        assert_close(g, t([[-0.2], [1]]))
        # With statistics given: (2 - 1) / 2, (6 - 1) / 2; times 2, plus 1.
        g = addgcn.global_vector(H, one[None], zero, 2 * one, one, one, 4 * one, eps=0.0)
        assert_close(g, t([[2], [6]]))

    def test_dynamic_by_hand(self) -> None:
        # W_A [g; H_j]: row 0 g + H_j, row 1 zero. Columns: psi(ln 3), 1/2 and psi(-ln 3), 1/2.
        ln3 = math.log(3)
        H, g = t([[[ln3], [-ln3]]]), t([[0]])
        A_d = addgcn.dynamic_adjacency(H, g, t([[1, 1], [0, 0]]), t([0, 0]))
        assert_close(A_d, t([[[0.75, 0.25], [0.5, 0.5]]]))
        # Node 0: column 0: 0.75 ln3 - 0.5 ln3; node 1: 0.25 ln3 - 0.5 ln3 -> leaky.
        Z = addgcn.dynamic_gcn(H, A_d, t([[1]]), t([0]))
        assert_close(Z, t([[[0.25 * ln3], [-0.25 * ln3 * 0.2 * 0.2]]]))

    @pytest.mark.parametrize("training", [True, False])
    def test_equals_convolutions(self, training: bool) -> None:
        B, C, E = 3, 4, 2
        V, A_s = rand(B, C, E), rand(C, C, seed=1)
        W_s, b_s, W_g, b_g = rand(E, E, seed=2), rand(E), rand(E, E, seed=3), rand(E, seed=4)
        gamma, beta, W_A, b_A = rand(E, seed=5), rand(E, seed=6), rand(C, 2 * E, seed=7), rand(C)
        W_d, b_d, W_phi, b_phi = rand(E, E, seed=8), rand(E, seed=9), rand(C, E), rand(C, seed=10)
        s_m = rand(B, C, seed=11)
        mean, variance = t([0.1, -0.2]), t([0.5, 2.0])

        def leaky(z: Tensor) -> Tensor:
            return functional.leaky_relu(z, 0.2)

        def conv(z: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
            return functional.conv1d(z, W[..., None], b)

        X = V.transpose(1, 2)  # [B, E, C]: channels, then nodes
        mixed = leaky(conv(V, A_s)).transpose(1, 2)
        H = X + leaky(conv(mixed, W_s, b_s))
        pooled = functional.batch_norm(
            conv(H.mean(2, keepdim=True), W_g, b_g),
            mean.clone(),
            variance.clone(),
            gamma,
            beta,
            training=training,
        )
        glb = leaky(pooled).expand_as(H)
        A_d = torch.sigmoid(conv(torch.cat([glb, H], dim=1), W_A, b_A))
        out = X + leaky(conv(leaky(H @ A_d), W_d, b_d))
        scores = torch.diagonal(conv(out, W_phi, b_phi), dim1=1, dim2=2)
        expected = (s_m + scores) / 2

        statistics = (None, None) if training else (mean, variance)
        weights = [A_s, W_s, b_s, W_g, b_g, gamma, beta, W_A, b_A, W_d, b_d]
        nodes = addgcn.d_gcn(V, *weights, *statistics)
        inputs = [V, *weights, s_m, W_phi, b_phi]
        logits = addgcn.addgcn_logits(nodes, s_m, W_phi, b_phi)
        assert_equal_with_gradients(logits, expected, inputs)

    def test_sam_alone_has_no_map_scores(self) -> None:
        V, s_m = t([[[1, 2]]]), t([[100]])
        assert_close(addgcn.addgcn_logits(V, s_m, t([[3, 4]]), t([5]), weight=0), t([[16]]))
        assert_close(addgcn.addgcn_logits(V, s_m, t([[3, 4]]), t([5])), t([[58]]))
