"""The loops against numbers worked out by hand (and against torch's own operators)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from . import car, gcn, losses, metrics, oe


def t(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rand(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


class TestGCN:
    def test_normalise_signed(self) -> None:
        # |V| sums: rows 2, 4; columns 1, 5.
        V = t([[1, -1], [0, 4]])
        symmetric = t([[1 / math.sqrt(2), -1 / math.sqrt(10)], [0, 4 / math.sqrt(20)]])
        assert_close(gcn.normalise(V), symmetric)
        assert_close(gcn.normalise(V, "row"), t([[0.5, -0.5], [0, 1]]))
        assert_close(gcn.normalise(V, "none"), V)

    def test_normalise_zero_row_and_column(self) -> None:
        # Rows 0 -> 1 and 4; columns 4 and 0 -> 1.
        V = t([[0, 0], [4, 0]])
        assert_close(gcn.normalise(V), t([[0, 0], [4 / math.sqrt(16), 0]]))
        assert_close(gcn.normalise(V, "row"), t([[0, 0], [1, 0]]))
        assert_close(gcn.normalise(t([[0, 0], [0, 0]])), t([[0, 0], [0, 0]]))

    def test_identity_is_linear_and_leaky_relu(self) -> None:
        # A W = [[1, -2 - 2], [3, -6 + 4]] = [[1, -4], [3, -2]]; times 0.2 below zero.
        A0, W = t([[1, -2], [3, 4]]), t([[1, -2], [0, 1]])
        expected = t([[1, -0.8], [3, -0.4]])
        for kind in ("symmetric", "row", "none"):
            assert_close(gcn.gcn(A0, torch.eye(2).double(), [W], normalise=kind), expected)

    def test_row_i_gathers_the_nodes_j_of_v_ij(self) -> None:
        A0, eye = t([[1, 2], [3, 4]]), torch.eye(2).double()
        assert_close(gcn.gcn(A0, t([[0, 1], [0, 0]]), [eye]), t([[3, 4], [0, 0]]))

    def test_two_layers_activate_after_each(self) -> None:
        # -1 * 1 -> h -> -0.5; -0.5 * -2 = 1 -> 1. Without the first activation it would be 2.
        out = gcn.gcn(t([[-1]]), t([[1]]), [t([[1]]), t([[-2]])], slope=0.5)
        assert_close(out, t([[1]]))
        # The last layer is activated too: -1 * 1 * 2 -> h(h(-1) * 2) = h(-1) = -0.5.
        assert_close(gcn.gcn(t([[-1]]), t([[1]]), [t([[1]]), t([[2]])], slope=0.5), t([[-0.5]]))

    @pytest.mark.parametrize("kind", ["symmetric", "row", "none"])
    def test_equals_matrix_form_and_differentiates(self, kind: str) -> None:
        A0, V = rand(3, 2), rand(3, 3, seed=1).requires_grad_()
        W0, W1 = rand(2, 4, seed=2).requires_grad_(), rand(4, 2, seed=3).requires_grad_()
        r, q = V.abs().sum(1, keepdim=True), V.abs().sum(0, keepdim=True)
        V_hat = {"symmetric": V / (r * q).sqrt(), "row": V / r, "none": V}[kind]
        A = torch.nn.functional.leaky_relu(V_hat @ A0 @ W0, 0.2)
        A = torch.nn.functional.leaky_relu(V_hat @ A @ W1, 0.2)
        out = gcn.gcn(A0, V, [W0, W1], normalise=kind)
        assert_close(out, A)
        seed = rand(3, 2, seed=4)
        assert_close(
            torch.autograd.grad((out * seed).sum(), [V, W0, W1]),
            torch.autograd.grad((A * seed).sum(), [V, W0, W1]),
        )

    def test_unknown_kind(self) -> None:
        with pytest.raises(ValueError, match="kind='x'"):
            gcn.normalise(t([[1]]), "x")


class TestCAR:
    # tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 0.6, tanh(ln 3) = (3 - 1/3) / (3 + 1/3) = 0.8,
    # psi(ln 3) = 3 / 4, psi(0) = 1 / 2.
    LN2, LN3 = math.log(2), math.log(3)

    def test_one_pixel_by_hand(self) -> None:
        # f_ca(GMP(F)) = [ln 2, -ln 3], f_w(x) = [0.5 * 2, 0.25 * 4] = [1, 1].
        F = t([self.LN2, self.LN3]).reshape(1, 2, 1, 1)
        emb, W_w = t([[2, 4]]), t([[0.5, 0], [0, 0.25]])
        W_ca = t([[1, 0], [0, -1]])
        # tanh = [0.6, -0.8]; f_c = [4 * 0.6 - 3 * 0.8, 0 + ln 3] = [0, ln 3].
        CA = car.channel_attention(F, emb, W_ca, W_w, t([[4, 3], [0, 0]]), t([0, self.LN3]))
        assert_close(CA, t([[[0.5, 0.75]]]))
        # f_s = 2 * 0.6 - 0.8 + ln 3 - 0.4 = ln 3.
        SA = car.spatial_attention(F, emb, W_ca, W_w, t([2, 1]), self.LN3 - 0.4)
        assert_close(SA, t([[[[0.75]]]]))
        # Half each: ln 2 * (0.75 + 0.5) / 2, ln 3 * (0.75 + 0.75) / 2.
        f = car.class_features(F, CA, SA)
        assert_close(f, t([[[0.625 * self.LN2, 0.75 * self.LN3]]]))
        # w/o SA and w/o CA the branch that is left has weight 1.
        assert_close(car.class_features(F, CA, None), t([[[0.5 * self.LN2, 0.75 * self.LN3]]]))
        assert_close(car.class_features(F, None, SA), t([[[0.75 * self.LN2, 0.75 * self.LN3]]]))
        # Other weights: 0.2 * 0.75 + 0.8 * 0.5 = 0.55; 0.75.
        f = car.class_features(F, CA, SA, w_s=0.2, w_c=0.8)
        assert_close(f, t([[[0.55 * self.LN2, 0.75 * self.LN3]]]))

    def test_pooling_follows_the_attention(self) -> None:
        # F is largest on the left, but 0.5 * 2 * 0.1 + 0.5 * 2 * 0.5 = 0.6 there and
        # 0.5 * 1.5 * 1 + 0.5 * 1.5 * 0.5 = 1.125 on the right.
        F, SA, CA = t([[[[2, 1.5]]]]), t([[[[0.1, 1]]]]), t([[[0.5]]])
        assert_close(car.class_features(F, CA, SA), t([[[1.125]]]))
        # Without the channel branch on the right: 0.75 there.
        keep = torch.tensor([[[[True, False]]]])
        assert_close(car.class_features(F, CA, SA, channel_keep=keep), t([[[0.75]]]))

    def test_pooling_of_negative_values(self) -> None:
        assert_close(car.gmp(t([[[-3, -1], [-2, -4]]])), t([-1]))

    def test_classifier_per_class_and_shared(self) -> None:
        # 1 * 2 + 2 * 1 + 3 = 7 and 3 * 0 + 4 * -1 - 1 = -5; shared 2 * 1 + 2 + 1, 6 + 4 + 1.
        f = t([[[1, 2], [3, 4]]])
        assert_close(car.logits(f, t([[2, 1], [0, -1]]), t([3, -1])), t([[7, -5]]))
        assert_close(car.logits(f, t([2, 1]), t(1)), t([[5, 11]]))
        p = car.probabilities(f, t([[self.LN3, 0], [0, 0]]), t([0, 0]))
        assert_close(p, t([[0.75, 0.5]]))

    @pytest.mark.parametrize(("use_ca", "use_sa"), [(True, True), (True, False), (False, True)])
    def test_equals_einsum_form_and_differentiates(self, use_ca: bool, use_sa: bool) -> None:
        B, C, D, H, W, E = 2, 3, 2, 2, 3, 4
        shapes = [(B, D, H, W), (C, E), (D, D), (D, D), (D, E), (D, D), (D,), (D,), ()]
        args = [rand(*s, seed=i).requires_grad_() for i, s in enumerate(shapes)]
        F, emb, W_ca, W_sa, W_w, W_c, b_c, W_s, b_s = args
        v = emb @ W_w.T
        CA = torch.sigmoid(((F.amax((2, 3)) @ W_ca.T)[:, None] * v).tanh() @ W_c.T + b_c)
        u = torch.einsum("nkyx,lk->nlyx", F, W_sa)
        product = torch.einsum("nlyx,cl->nclyx", u, v).tanh()
        SA = torch.sigmoid(torch.einsum("nclyx,l->ncyx", product, W_s) + b_s)
        a = 0.5 if use_ca and use_sa else 1.0
        F_hat = a * F[:, None] * (SA[:, :, None] * use_sa + CA[..., None, None] * use_ca)
        f = F_hat.amax((3, 4))
        CA_out, SA_out, out = car.car(*args, 0.5, 0.5, use_ca, use_sa)
        assert_close(out, f)
        if use_ca:
            assert_close(CA_out, CA)
        if use_sa:
            assert_close(SA_out, SA)
        seed = rand(B, C, D, seed=9)
        assert_close(
            torch.autograd.grad((out * seed).sum(), args, materialize_grads=True),
            torch.autograd.grad((f * seed).sum(), args, materialize_grads=True),
        )

    def test_no_branch(self) -> None:
        with pytest.raises(ValueError, match="both None"):
            car.class_features(t([[[[1]]]]), None, None)
        with pytest.raises(ValueError, match="both None"):
            car.attended_map(t([[[1]]]), None, None)


def mask_of(*rows: str) -> Tensor:
    return torch.tensor([[c == "#" for c in row] for row in rows])


class TestMarginals:
    def test_by_hand(self) -> None:
        # Columns' maxima .4 .9 .5, rows' .9 .4: less .4, over .5.
        m_x, m_y = oe.marginals(t([[0.1, 0.9, 0.3], [0.4, 0.2, 0.5]]))
        assert m_x is not None
        assert_close(torch.stack(m_x), t([0, 1, 0.2]))
        # Rows' maxima .9 .5.
        assert m_y is not None
        assert_close(torch.stack(m_y), t([1, 0]))

    def test_flat(self) -> None:
        assert oe.marginals(t([[0.3, 0.3], [0.3, 0.3]])) == (None, None)
        # Not a flat map, but each row and column holds 1.
        assert oe.marginals(t([[1, 0], [0, 1]])) == (None, None)

    @pytest.mark.parametrize(
        ("m", "alpha", "all_runs", "peak"),
        [
            ([0, 1, 0], 0.5, [(1, 1)], (1, 1)),
            ([0, 0.5, 1], 0.5, [(1, 2)], (1, 2)),  # >= and the border
            ([1, 0.6, 0], 0.5, [(0, 1)], (0, 1)),
            ([0.7, 0.8, 0.9, 0, 1], 0.5, [(0, 2), (4, 4)], (4, 4)),  # the peak beats the width
            ([1, 0, 1, 0.6], 0.5, [(0, 0), (2, 3)], (2, 3)),  # equal peaks: the widest
            ([0, 1, 0.6, 0, 0.6, 1], 0.5, [(1, 2), (4, 5)], (1, 2)),  # as wide: the first
            ([0, 1, 0.5, 0.6], 0.5, [(1, 3)], (1, 3)),  # >= within a run
            ([0, 1, 0.9, 1, 0], 1.0, [(1, 1), (3, 3)], (1, 1)),  # only maxima
            ([0, 0.2, 1], 0.0, [(0, 2)], (0, 2)),
            ([0, 1], 1.1, [], None),
        ],
    )
    def test_runs(
        self,
        m: list[float],
        alpha: float,
        all_runs: list[tuple[int, int]],
        peak: tuple[int, int] | None,
    ) -> None:
        assert oe.runs(list(t(m)), alpha) == all_runs
        assert oe.peak_run(list(t(m)), alpha) == peak


class TestErasedMask:
    def test_rectangle_and_cross(self) -> None:
        # Columns' maxima .2 .7 1 .1 -> 1/9 6/9 1 0: run 1-2. Rows' 1 .7 .2 -> 1 5/8 0: run 0-1.
        SA = t([[0.1, 0.2, 1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.2, 0.1, 0.1, 0.1]])
        assert torch.equal(oe.erased_mask(SA), mask_of(".##.", ".##.", "...."))
        cross = mask_of("####", "####", ".##.")
        assert torch.equal(oe.erased_mask(SA, region="cross"), cross)

    @pytest.mark.parametrize("alpha", [-1.0, 0.0, 0.5, 1.0, 1.5])
    @pytest.mark.parametrize("region", ["rectangle", "cross"])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 3)])
    def test_flat_map_erases_nothing(
        self, alpha: float, region: str, shape: tuple[int, int]
    ) -> None:
        mask = oe.erased_mask(torch.full(shape, 0.7), alpha, region)
        assert torch.equal(mask, torch.zeros(shape, dtype=torch.bool))

    @pytest.mark.parametrize("region", ["rectangle", "cross"])
    def test_alpha_above_one_erases_nothing(self, region: str) -> None:
        stripe = t([[0, 1], [0, 1]])
        assert not oe.erased_mask(stripe, 1.001, region).any()
        assert not oe.erased_mask(t([[0, 1], [0, 0]]), 1.001, region).any()

    def test_alpha_one_keeps_only_maxima(self) -> None:
        SA = t([[0.1, 0.99, 0.1], [0.1, 1, 0.9], [0, 0.2, 0.1]])
        assert torch.equal(oe.erased_mask(SA, 1.0), mask_of("...", ".#.", "..."))

    def test_peak_on_the_corner(self) -> None:
        SA = t([[0, 0, 0], [0, 0, 0.6], [0, 0.4, 1]])
        assert torch.equal(oe.erased_mask(SA), mask_of("...", "..#", "..#"))

    def test_two_equal_peaks_the_widest(self) -> None:
        # Columns 1 0 1 .8, rows 1 .8: the right one, both rows.
        SA = t([[1, 0, 1, 0.1], [0, 0, 0.1, 0.8], [0, 0, 0, 0]])
        assert torch.equal(oe.erased_mask(SA), mask_of("..##", "..##", "...."))

    def test_stripe_runs_over_the_whole_flat_axis(self) -> None:
        # Vertical stripe: every row has the maximum 1, so the rows do not localise.
        SA = t([[0, 1, 0], [0, 1, 0]])
        assert torch.equal(oe.erased_mask(SA), mask_of(".#.", ".#."))
        assert torch.equal(oe.erased_mask(SA.T), mask_of("..", "##", ".."))
        # In a cross the flat axis adds no band.
        assert torch.equal(oe.erased_mask(SA, region="cross"), mask_of(".#.", ".#."))

    def test_one_row_or_column(self) -> None:
        SA = t([[0.1, 0.9, 0.6, 0.2]])
        assert torch.equal(oe.erased_mask(SA), mask_of(".##."))
        assert torch.equal(oe.erased_mask(SA.T), mask_of(".", "#", "#", "."))

    def test_takes_no_part_in_the_gradient(self) -> None:
        SA = t([[0.1, 0.9]]).requires_grad_()
        assert not oe.erased_mask(SA).requires_grad

    def test_unknown_region(self) -> None:
        with pytest.raises(ValueError, match="region='x'"):
            oe.erased_mask(t([[0, 1]]), region="x")

    def test_top_k(self) -> None:
        scores = t([0.1, 0.9, 0.5, 0.9])
        assert oe.top_k(scores, 1) == [1]
        assert oe.top_k(scores, 3) == [1, 3, 2]
        assert oe.top_k(scores, 9) == [1, 3, 2, 0]


class TestBCE:
    # psi(ln 3) = 3/4: -log(3/4) with y = 1, -log(1/4) with y = 0; psi(0) = 1/2.
    Z = [[0.0, math.log(3)], [math.log(3), 0.0]]

    @pytest.mark.parametrize(
        ("y", "reduction", "expected"),
        [
            ([[1, 1], [0, 0]], "sum", 2 * math.log(2) + math.log(4 / 3) + math.log(4)),
            ([[1, 1], [0, 0]], "batchmean", math.log(2) + math.log(4 / 3 * 4) / 2),
            ([[1, 1], [0, 0]], "mean", math.log(2) / 2 + math.log(4 / 3 * 4) / 4),
            ([[1, -1], [0, -1]], "sum", math.log(2) + math.log(4)),
            ([[1, -1], [0, -1]], "batchmean", (math.log(2) + math.log(4)) / 2),
            ([[1, -1], [-1, -1]], "batchmean", math.log(2) / 2),
            ([[1, -1], [-1, -1]], "mean", math.log(2)),
            ([[-1, -1], [-1, -1]], "mean", 0.0),
        ],
    )
    def test_by_hand(self, y: list[list[int]], reduction: str, expected: float) -> None:
        assert_close(losses.bce(t(self.Z), t(y), reduction), t(expected))

    def test_equals_torch(self) -> None:
        z, y = 9 * rand(3, 4), (rand(3, 4, seed=1) > 0).double()
        expected = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
        assert_close(losses.bce(z, y, "mean"), expected)
        p = torch.sigmoid(z)
        assert_close(losses.bce(z, y, "sum"), -(y * p.log() + (1 - y) * (1 - p).log()).sum())

    def test_unknown_reduction(self) -> None:
        with pytest.raises(ValueError, match="reduction='x'"):
            losses.bce(t([[0]]), t([[0]]), "x")


class TestSRDLLoss:
    """One 1 x 2 map F = [2, 1], one channel, two categories, CA = 0.5.

    Category 0, SA = [1, .2]: 0.5 * 2 * (1 + .5) = 1.5 and 0.5 * 1 * (.2 + .5) = .35 -> z = 1.5;
    the left is erased: 0.5 * 2 * .5 = .5 and .35 -> z_hat = .5; channel too: 0 and .35 -> .35.
    Category 1, SA = [.2, 1]: 0.5 * 2 * (.2 + .5) = .7 and 0.5 * 1 * (1 + .5) = .75 -> z = .75;
    the right is erased: .7 and .25 -> z_hat = .7; channel too: .7 and 0 -> .7.
    """

    def inputs(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        SA = t([[[[1, 0.2]], [[0.2, 1]]]]).requires_grad_()
        W_phi = t([[1], [1]]).requires_grad_()
        return t([[[[2, 1]]]]), t([[[0.5], [0.5]]]), SA, W_phi, t([0, 0])

    @pytest.mark.parametrize(
        ("K", "erase_channel", "alpha", "z_hat"),
        [
            (1, False, 0.5, [0.5, 0.75]),
            (1, True, 0.5, [0.35, 0.75]),
            (2, False, 0.5, [0.5, 0.7]),
            (5, True, 0.5, [0.35, 0.7]),
            (2, False, 1.5, [1.5, 0.75]),
        ],
    )
    def test_erased_logits(
        self, K: int, erase_channel: bool, alpha: float, z_hat: list[float]
    ) -> None:
        z, out, selected = losses.erased_logits(
            *self.inputs(), K=K, alpha=alpha, erase_channel=erase_channel
        )
        assert_close(z, t([[1.5, 0.75]]))
        assert_close(out, t([z_hat]))
        assert selected.tolist() == [[True, K > 1]]

    def test_without_channel_attention(self) -> None:
        # Weight 1: max(2 * 1, .2) = 2 -> max(0, .2) = .2; max(.4, 1) = 1 -> .4.
        F, _, SA, W_phi, b_phi = self.inputs()
        z, z_hat, _ = losses.erased_logits(F, None, SA, W_phi, b_phi)
        assert_close(z, t([[2.0, 1.0]]))
        assert_close(z_hat, t([[0.2, 0.4]]))

    def test_losses_by_hand(self) -> None:
        # Labels 1, 0: -log psi(z_0) - log psi(-z_1), psi(-z) = 1 - psi(z).
        y = t([[1, 0]])
        ori, era = losses.srdl_loss(*self.inputs(), y, K=1)
        assert_close(ori, t(-math.log(sigmoid(1.5)) - math.log(sigmoid(-0.75))))
        assert_close(era, t(-math.log(sigmoid(0.5)) - math.log(sigmoid(-0.75))))
        assert_close(losses.total_loss(ori, era), ori + era)
        ori, era = losses.srdl_loss(*self.inputs(), y, K=1, era_classes="selected")
        assert_close(ori, t(-math.log(sigmoid(1.5)) - math.log(sigmoid(-0.75))))
        assert_close(era, t(-math.log(sigmoid(0.5))))
        ori, era = losses.srdl_loss(
            *self.inputs(), y, K=1, reduction="mean", era_classes="selected"
        )
        assert_close(ori, t((-math.log(sigmoid(1.5)) - math.log(sigmoid(-0.75))) / 2))
        assert_close(era, t(-math.log(sigmoid(0.5))))
        # The selected category is unknown: nothing is left to sum.
        ori, era = losses.srdl_loss(*self.inputs(), t([[-1, 0]]), K=1, era_classes="selected")
        assert_close(ori, t(-math.log(sigmoid(-0.75))))
        assert_close(era, t(0.0))

    def test_nothing_erased_makes_both_losses_equal(self) -> None:
        F, CA, SA, W_phi, b_phi = self.inputs()
        y = t([[1, 0]])
        ori, era = losses.srdl_loss(F, CA, SA, W_phi, b_phi, y, alpha=1.5)
        assert ori == era
        flat = torch.full_like(SA, 0.3)
        ori, era = losses.srdl_loss(F, CA, flat, W_phi, b_phi, y)
        assert ori == era

    def test_gradients_by_hand(self) -> None:
        # d(-log psi(-z)) / dz = psi(z). Category 1 is not selected: twice psi(.75) * f = .75.
        # Category 0: -psi(-1.5) * 1.5 - psi(-.5) * .5.
        F, CA, SA, W_phi, b_phi = self.inputs()
        ori, era = losses.srdl_loss(F, CA, SA, W_phi, b_phi, t([[1, 0]]), K=1)
        d_0 = -sigmoid(-1.5) * 1.5 - sigmoid(-0.5) * 0.5
        d_1 = 2 * sigmoid(0.75) * 0.75
        (grad,) = torch.autograd.grad(ori + era, W_phi, retain_graph=True)
        assert_close(grad, t([[d_0], [d_1]]))
        # Of SA the erased pass sees category 0 nowhere (its maximum is the channel branch on the
        # erased left) and category 1 on the right: psi(.75) * 0.5 * F = 0.5 psi(.75).
        (grad,) = torch.autograd.grad(era, SA)
        assert_close(grad, t([[[[0, 0]], [[0, 0.5 * sigmoid(0.75)]]]]))

    def test_unknown_era_classes(self) -> None:
        with pytest.raises(ValueError, match="era_classes='x'"):
            losses.srdl_loss(*self.inputs(), t([[1, 0]]), era_classes="x")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_runs_through(dtype: torch.dtype) -> None:
    B, C, D, H, W, E = 1, 2, 2, 2, 2, 3
    shapes = [(B, D, H, W), (C, E), (D, D), (D, D), (D, E), (D, D), (D,), (D,), ()]
    F, emb, *weights = (rand(*s, seed=i).to(dtype) for i, s in enumerate(shapes))
    emb = gcn.gcn(emb, rand(C, C).to(dtype), [rand(E, E).to(dtype)])
    CA, SA, f = car.car(F, emb, *weights)
    assert CA is not None
    assert SA is not None
    y = torch.ones(B, C, dtype=dtype)
    ori, era = losses.srdl_loss(F, CA, SA, rand(C, D).to(dtype), rand(C).to(dtype), y)
    assert {v.dtype for v in (emb, CA, SA, f, ori, era)} == {dtype}


class TestMetrics:
    def facts(self) -> tuple[Tensor, Tensor]:
        # Category A: 4 positives, 1 predicted, 1 right. B: 2 positives, 4 predicted, 2 right.
        y = t([[1, 1], [1, 1], [1, 0], [1, 0], [0, 0]])
        predicted = torch.tensor([[1, 1], [0, 1], [0, 1], [0, 1], [0, 0]]).bool()
        return predicted, y

    def expect(self, predicted: Tensor, y: Tensor, expected: dict[str, float]) -> None:
        out = metrics.precision_recall_f1(predicted, y)
        assert {k: round(v, 2) for k, v in out.items()} == expected

    def test_worked_example(self) -> None:
        # CP (1 + 2/4) / 2, CR (1/4 + 1) / 2, CF1 2 * 75 * 62.5 / 137.5; OP 3/5, OR 3/6.
        expected = {"OP": 60.0, "OR": 50.0, "OF1": 54.55, "CP": 75.0, "CR": 62.5, "CF1": 68.18}
        self.expect(*self.facts(), expected)

    def test_unknown_entries_are_left_out(self) -> None:
        # Two more images: a false positive and a miss, both unknown.
        predicted, y = self.facts()
        predicted = torch.cat([predicted, torch.tensor([[True, True], [False, False]])])
        y = torch.cat([y, t([[-1, -1], [-1, -1]])])
        expected = {"OP": 60.0, "OR": 50.0, "OF1": 54.55, "CP": 75.0, "CR": 62.5, "CF1": 68.18}
        self.expect(predicted, y, expected)

    def test_empty_category_counts_as_zero(self) -> None:
        # A is right throughout; B has neither positives nor predictions: 0/0 = 0, over C = 2.
        predicted, y = torch.tensor([[True, False]]), t([[1, 0]])
        expected = {"OP": 100.0, "OR": 100.0, "OF1": 100.0, "CP": 50.0, "CR": 50.0, "CF1": 50.0}
        self.expect(predicted, y, expected)

    def test_nothing_predicted(self) -> None:
        zero = dict.fromkeys(("OP", "OR", "OF1", "CP", "CR", "CF1"), 0.0)
        self.expect(torch.tensor([[False]]), t([[1]]), zero)
