"""Q2L, ML-Decoder, MCAR, DSDL, CSRA and ASL against numbers worked out by hand, and torch's own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from . import asl, csra, dsdl, mcar, mldecoder, q2l

LN2, LN3 = math.log(2), math.log(3)


def t(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def rand(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def same_gradients(ours: Tensor, theirs: Tensor, of: Sequence[Tensor]) -> None:
    seed = rand(*ours.shape, seed=99)
    assert_close(ours, theirs)
    assert_close(
        torch.autograd.grad((ours * seed).sum(), of),
        torch.autograd.grad((theirs * seed).sum(), of),
    )


def attention_of(module: nn.MultiheadAttention) -> q2l.Attention:
    return q2l.Attention(
        module.in_proj_weight, module.in_proj_bias, module.out_proj.weight, module.out_proj.bias
    )


def norm_of(module: nn.LayerNorm) -> q2l.Norm:
    return q2l.Norm(module.weight, module.bias)


def randomise(module: nn.Module) -> nn.Module:
    """The module in float64, every parameter drawn (torch starts biases at zero, norms at one)."""
    module.double()
    for i, parameter in enumerate(module.parameters()):
        parameter.data = rand(*parameter.shape, seed=100 + i)
    return module


def torch_decoder(d: int = 4, heads: int = 2) -> nn.TransformerDecoderLayer:
    layer = nn.TransformerDecoderLayer(d, heads, dim_feedforward=5, dropout=0.0)
    randomise(layer)
    return layer


def decoder_of(layer: nn.TransformerDecoderLayer, self_attention: bool = True) -> q2l.DecoderLayer:
    return q2l.DecoderLayer(
        attention_of(layer.multihead_attn),
        norm_of(layer.norm2),
        q2l.FeedForward(
            layer.linear1.weight, layer.linear1.bias, layer.linear2.weight, layer.linear2.bias
        ),
        norm_of(layer.norm3),
        attention_of(layer.self_attn) if self_attention else None,
        norm_of(layer.norm1) if self_attention else None,
    )


def after_cross_attention(
    layer: nn.TransformerDecoderLayer, T: Tensor, located: Tensor, keys: Tensor, values: Tensor
) -> Tensor:
    """The torch layer from its cross-attention on, with queries and keys of the caller's choice."""
    T = layer.norm2(T + layer.multihead_attn(located, keys, values)[0])
    return layer.norm3(T + layer.linear2(F.relu(layer.linear1(T))))


class TestQ2L:
    def test_sine_encoding_by_hand(self) -> None:
        # One row: angle 2 pi. Two columns: pi and 2 pi. Channels: sin y, cos y, sin x, cos x.
        expected = t([[[0, 0]], [[1, 1]], [[0, 0]], [[-1, 1]]])
        assert_close(q2l.sine_encoding(4, 1, 2), expected, atol=1e-5, rtol=0)
        # With four channels a half the third and fourth turn 10000^(2 / 4) = 100 times slower.
        slow = q2l.sine_encoding(8, 1, 1)[:, 0, 0]
        angle = 2 * math.pi / 100
        assert_close(slow[2:4], t([math.sin(angle), math.cos(angle)]), atol=1e-5, rtol=0)

    def test_layer_norm_by_hand(self) -> None:
        # Mean 2, variance 1 (biased): [-1, 1] * [2, 3] + [10, 20].
        norm = q2l.Norm(t([2, 3]), t([10, 20]))
        assert_close(q2l.layer_norm(t([1, 3]), norm, eps=0.0), t([8, 23]))
        assert_close(q2l.layer_norm(t([1, 3]), norm, eps=3.0), t([9, 21.5]))

    def test_attention_by_hand(self) -> None:
        # Scores ln 3 * 1 and ln 3 * 0: weights 3/4 and 1/4; 0.75 * 2 + 0.25 * 4 = 2.5; 2 * 2.5 + 1.
        weights = q2l.Attention(t([[1], [1], [1]]), t([0, 0, 0]), t([[2]]), t([1]))
        out, A = q2l.attention(t([[LN3]]), t([[1], [0]]), t([[2], [4]]), weights, heads=1)
        assert_close(A, t([[[0.75, 0.25]]]))
        assert_close(out, t([[6]]))

    def test_heads_see_their_own_channels(self) -> None:
        # Channel 1 prefers the first key, channel 2 the second, both 3 : 1.
        eye = torch.eye(2).double()
        weights = q2l.Attention(torch.cat([eye, eye, eye]), t([0] * 6), eye, t([0, 0]))
        out, A = q2l.attention(t([[LN3, LN3]]), eye, t([[4, 8], [0, 0]]), weights, heads=2)
        assert_close(A, t([[[0.75, 0.25]], [[0.25, 0.75]]]))
        assert_close(out, t([[3, 2]]))

    def test_attention_equals_torch(self) -> None:
        module = nn.MultiheadAttention(4, 2)
        randomise(module)
        Q, K, V = rand(2, 4), rand(3, 4, seed=1), rand(3, 4, seed=2)
        out, A = q2l.attention(Q, K, V, attention_of(module), heads=2)
        expected, maps = module(Q, K, V, average_attn_weights=False)
        assert_close(A, maps)
        same_gradients(out, expected, list(module.parameters()))

    def test_encoder_layer_equals_torch_without_positions(self) -> None:
        layer = nn.TransformerEncoderLayer(4, 2, dim_feedforward=5, dropout=0.0)
        randomise(layer)
        ours = q2l.EncoderLayer(
            attention_of(layer.self_attn),
            norm_of(layer.norm1),
            q2l.FeedForward(
                layer.linear1.weight, layer.linear1.bias, layer.linear2.weight, layer.linear2.bias
            ),
            norm_of(layer.norm2),
        )
        X = rand(3, 4)
        out = q2l.encoder_layer(X, torch.zeros_like(X), ours, heads=2)
        same_gradients(out, layer(X), list(layer.parameters()))

        # Positions reach queries and keys, not values.
        pos = rand(3, 4, seed=3)
        change = layer.self_attn(X + pos, X + pos, X)[0]
        middle = layer.norm1(X + change)
        expected = layer.norm2(middle + layer.linear2(F.relu(layer.linear1(middle))))
        assert_close(q2l.encoder_layer(X, pos, ours, heads=2), expected)

    def test_decoder_layer_equals_torch_without_positions(self) -> None:
        layer = torch_decoder()
        T, memory = rand(2, 4), rand(3, 4, seed=1)
        none = torch.zeros(2, 4).double(), torch.zeros(3, 4).double()
        out, _ = q2l.decoder_layer(T, memory, *none, decoder_of(layer), heads=2)
        same_gradients(out, layer(T, memory), list(layer.parameters()))

    @pytest.mark.parametrize("self_attention", [True, False])
    def test_decoder_layer_adds_positions_to_queries_and_keys(self, self_attention: bool) -> None:
        layer = torch_decoder()
        T, memory, e, pos = (rand(n, 4, seed=n + i) for i, n in enumerate((2, 3, 2, 3)))
        out, A = q2l.decoder_layer(T, memory, e, pos, decoder_of(layer, self_attention), heads=2)
        middle = T
        if self_attention:
            middle = layer.norm1(T + layer.self_attn(T + e, T + e, T)[0])
        assert_close(out, after_cross_attention(layer, middle, middle + e, memory + pos, memory))
        assert A.shape == (2, 2, 3)
        assert_close(A.sum(2), torch.ones(2, 2).double())

    def test_group_wise_linear_by_hand(self) -> None:
        # 1 * 3 + 2 * 4 + 5 = 16, and -1 * 1 + 0 * 2 - 2 = -3.
        h = t([[[3, 4], [1, 2]]])
        assert_close(q2l.group_wise_linear(h, t([[1, 2], [-1, 0]]), t([5, -2])), t([[16, -3]]))

    def test_whole_equals_its_parts_in_torch(self) -> None:
        layer, last = torch_decoder(), nn.LayerNorm(4)
        randomise(last)
        maps, e, W, b = rand(2, 3, 1, 2), rand(2, 4, seed=1), rand(2, 4, seed=2), rand(2, seed=3)
        W_in, b_in = rand(4, 3, seed=4), rand(4, seed=5)
        ours = decoder_of(layer, self_attention=False)
        z, h, A = q2l.query2label(maps, e, [], [ours, ours], norm_of(last), W, b, 2, W_in, b_in)
        pos = q2l.sine_encoding(4, 1, 2).flatten(1).t()
        for n in range(2):
            memory = F.linear(maps[n].flatten(1).t(), W_in, b_in)
            T = torch.zeros_like(e)
            for _ in range(2):
                T = after_cross_attention(layer, T, T + e, memory + pos, memory)
            assert_close(h[n], last(T))
            assert_close(z[n], (last(T) * W).sum(1) + b)
        assert A.shape == (2, 2, 2, 2)


class TestMLDecoder:
    @pytest.mark.parametrize(
        ("C", "G", "g"), [(80, 80, 1), (80, 100, 1), (101, 100, 2), (9605, 200, 49), (10, 3, 4)]
    )
    def test_group_size(self, C: int, G: int, g: int) -> None:
        assert mldecoder.group_size(C, G) == g

    def test_embeddings_by_hand(self) -> None:
        # Positions (1, 2) and (3, 0): 1 * 1 - 2 + 0.5 < 0 -> 0 and 3 + 0.5.
        maps = t([[[1, 3]], [[2, 0]]])
        assert_close(mldecoder.embeddings(maps, t([[1, -1]]), t([0.5])), t([[0], [3.5]]))

    def test_group_fully_connected_by_hand(self) -> None:
        # Categories 0 and 1 of query 0: 1 * 10 + 2 * 30, 1 * 20 + 2 * 40; category 2 of query 1.
        h = t([[[1, 2], [3, 4]]])
        W = t([[[10, 20], [30, 40]], [[1, 9], [2, 9]]]).requires_grad_()
        z = mldecoder.group_fully_connected(h, W, t([0, 1, 2]))
        assert_close(z, t([[70, 101, 13]]))
        # The second column of the last group belongs to no category.
        (gradient,) = torch.autograd.grad(z.sum(), W)
        assert_close(gradient[1, :, 1], t([0, 0]))
        assert_close(gradient[1, :, 0], t([3, 4]))

    def test_decoder_layer_equals_torch(self) -> None:
        layer = torch_decoder()
        Q, E = rand(2, 4), rand(3, 4, seed=1)
        ours = decoder_of(layer)._replace(self_attention=None)
        out, A = mldecoder.decoder_layer(Q, E, ours, heads=2)
        first = layer.norm1(2 * Q)
        assert_close(out, after_cross_attention(layer, first, first, E, E))
        assert A.shape == (2, 2, 3)

    def test_queries_are_not_learned(self) -> None:
        layer = torch_decoder()
        ours = decoder_of(layer)._replace(self_attention=None)
        Q, W_e = rand(2, 4).requires_grad_(), rand(4, 3, seed=1).requires_grad_()
        z, h, A = mldecoder.ml_decoder(
            rand(1, 3, 1, 2), Q, W_e, t([0] * 4), ours, rand(2, 4, 2), t([0, 0, 0]), 2
        )
        assert (z.shape, h.shape, A.shape) == ((1, 3), (1, 2, 4), (1, 2, 2, 2))
        z.sum().backward()
        assert Q.grad is None
        assert W_e.grad is not None


class TestMCAR:
    def test_pooling_by_hand(self) -> None:
        plane = t([[[1, 3], [0, 0]]])
        for kind, value in (("avg", 1), ("max", 3), ("gwp", 2)):
            assert_close(mcar.global_pooling(plane, kind), t([value]))
        with pytest.raises(ValueError, match="kind='sum'"):
            mcar.global_pooling(plane, "sum")

    def test_stream_by_hand(self) -> None:
        # Averages 2 and 5: 2 - 5 + 1.
        assert_close(mcar.stream(t([[[[1, 3]], [[4, 6]]]]), t([[1, -1]]), t([1])), t([[-2]]))

    def test_resize_by_hand(self) -> None:
        assert_close(mcar.resize(t([[0, 2]]), 1, 3), t([[0, 1, 2]]))
        assert_close(mcar.resize(t([[0, 1], [2, 3]]), 3, 2), t([[0, 1], [1, 2], [2, 3]]))
        assert_close(mcar.resize(t([[7]]), 2, 2), t([[7, 7], [7, 7]]))

    @pytest.mark.parametrize("size", [(5, 7), (2, 2), (1, 4), (3, 4)])
    def test_resize_equals_torch(self, size: tuple[int, int]) -> None:
        plane = rand(3, 4)
        expected = F.interpolate(plane[None, None], size, mode="bilinear", align_corners=True)
        assert_close(mcar.resize(plane, *size), expected[0, 0])

    def test_class_maps_carry_no_gradient(self) -> None:
        # psi(0) = 1/2 and psi(ln 3) = 3/4; halfway 5/8.
        maps = t([[[[0, LN3]]]]).requires_grad_()
        A = mcar.class_maps(maps, t([[1]]).requires_grad_(), t([0]), 1, 3)
        assert_close(A, t([[[[0.5, 0.625, 0.75]]]]))
        assert not A.requires_grad

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0, 0.2, 0.5, 1, 0.6, 0.4, 0, 0], (2, 5)),  # 0.5 itself counts
            ([0.9, 0.9, 0.9, 0, 0, 1, 0, 0], (5, 6)),  # the maximum, not the length
            ([1, 0, 0, 1, 0.7, 0, 1, 0.6], (3, 5)),  # equal maxima: the longest, then the first
            ([0.6, 1, 0.6, 0, 0, 0, 0, 0], (0, 3)),  # at the border
        ],
    )
    def test_interval_by_hand(self, values: list[float], expected: tuple[int, int]) -> None:
        assert mcar.interval(list(t(values)), 8) == expected

    @pytest.mark.parametrize(
        ("peak", "expected"), [(10, (9, 13)), (0, (0, 4)), (1, (0, 4)), (31, (28, 32))]
    )
    def test_one_pixel_grows_to_an_eighth(self, peak: int, expected: tuple[int, int]) -> None:
        m = [t(1.0 if i == peak else 0.0) for i in range(32)]
        assert mcar.interval(m, 32) == expected
        assert mcar.interval(m, 32, least=0) == (peak, peak + 1)

    def test_flat_marginal_gives_the_middle(self) -> None:
        assert mcar.interval(None, 16) == (2, 14)
        assert mcar.interval(None, 10) == (2, 9)

    def test_regions_by_falling_score(self) -> None:
        A = torch.zeros(1, 3, 4, 8).double()
        A[0, 0, 1, 2:5] = 1  # row 1, columns 2 to 4
        A[0, 2] = 0.3  # flat
        A[0, 1, :, 7] = 1  # the last column, flat over the rows
        found = mcar.regions(A, t([[0.5, 0.1, 2]]), N=2)
        assert found == [[(2, (1, 1, 7, 4)), (0, (2, 1, 5, 2))]]
        assert mcar.box(A[0, 1]) == (7, 1, 8, 4)
        assert len(mcar.regions(A, t([[0.5, 0.1, 2]]), N=9)[0]) == 3

    def test_crop_takes_the_box(self) -> None:
        image = torch.arange(12).double().reshape(1, 3, 4).expand(3, 3, 4).requires_grad_()
        region = mcar.crop(image, (1, 0, 3, 2))  # columns 1, 2 and rows 0, 1
        assert region.shape == (3, 3, 4)
        assert_close(region[0, :, 0], t([1, 3, 5]))
        assert_close(region[2, 0], t([1, 4 / 3, 5 / 3, 2]))
        assert not region.requires_grad

    def test_aggregate_combine_and_loss_by_hand(self) -> None:
        local = mcar.aggregate(t([[1, -2], [0, -1]]))
        assert_close(local, t([1, -1]))
        assert_close(mcar.combine(t([[0, 3]]), local[None]), t([[1, 3]]))
        # Global: ln 2 each; local: -log psi(ln 3) = ln 4/3 and -log(1 - psi(0)) = ln 2. Means.
        value = mcar.loss(t([[0, 0]]), t([[LN3, 0]]), t([[1, 0]]))
        assert_close(value, t(LN2 + (math.log(4 / 3) + LN2) / 2))


class TestDSDL:
    def test_autoencoder_by_hand(self) -> None:
        # S W1 = [1, -1] -> [1, -0.2]; 2 - 1 = 1. Back: [2, 5] -> [2, 5].
        S, W1, W2 = t([[1, -1]]), torch.eye(2).double(), t([[2], [5]])
        M = dsdl.dictionary(S, W1, W2)
        assert_close(M, t([[1]]))
        S_hat = dsdl.reconstruction(M, W1, W2)
        assert_close(S_hat, t([[2, 5]]))
        assert_close(dsdl.semantic_similarity(S, S_hat), t(-3 / math.sqrt(2 * 29)))
        # A negative code is activated on the way back too.
        assert_close(dsdl.reconstruction(-M, W1, W2), t([[-0.4, -1]]))

    def test_code_by_hand(self) -> None:
        assert_close(dsdl.code(t([[4]]), t([[1]]), lam=1.0), t([[2]]))
        # M M^T + I = [[2, 1], [1, 3]], M f = [2, 5]: (3 * 2 - 5) / 5 and (2 * 5 - 2) / 5.
        M = t([[1, 0], [1, 1]])
        assert_close(dsdl.code(t([[2, 3]]), M, lam=1.0), t([[0.2, 1.6]]))

    def test_code_is_the_ridge_minimum_and_differentiates(self) -> None:
        f, M = rand(2, 5).requires_grad_(), rand(3, 5, seed=1).requires_grad_()
        z = dsdl.code(f, M, lam=0.3)
        A = M @ M.t() + 0.3 * torch.eye(3).double()
        same_gradients(z, torch.linalg.solve(A, M @ f.t()).t(), [f, M])
        free = z.detach().requires_grad_()
        energy = ((f - free @ M) ** 2).sum() + 0.3 * (free**2).sum()
        (slope,) = torch.autograd.grad(energy, free)
        assert_close(slope, torch.zeros_like(slope))

    def test_losses_by_hand(self) -> None:
        z, M, f = t([[1], [2]]), t([[3, 4]]), t([[0, 0], [6, 12]])
        # Rows [3, 4] and [0, -4]: sqrt(9 + 16 + 16); sqrt(1 + 4).
        assert_close(dsdl.reconstruction_loss(z, M, f), t(math.sqrt(41)))
        assert_close(dsdl.sparsity_loss(z), t(math.sqrt(5)))
        # Cosines 1 and 0: similarity 1/2.
        S, S_hat = t([[1, 0], [0, 2]]), t([[3, 0], [1, 0]])
        assert_close(dsdl.semantic_similarity(S, S_hat), t(0.5))
        z, y = t([[0, 0]]), t([[1, 0]])
        value = dsdl.loss(z, y, t([[3, 4]]), t([[1, 0], [0, 1]]), S, S_hat, lam=9.0, beta=0.1)
        assert_close(value, t((LN2 + 0.1 * 5) / 0.5))
        z = t([[3, 4]])  # fits exactly, of norm 5
        fitted = dsdl.loss(z, y, t([[3, 4]]), t([[1, 0], [0, 1]]), S, S_hat, lam=9.0, beta=0.1)
        entropy = (F.softplus(t(-3)) + F.softplus(t(4))) / 2
        assert_close(fitted, (entropy + 0.1 * 9 * 5) / 0.5)


class TestCSRA:
    def test_head_by_hand(self) -> None:
        # ||m|| = 5: scores (3 * 5 + 4 * 0) / 5 = 3 and (0 + 4 * 5) / 5 = 4; mean 3.5, maximum 4.
        maps, m = t([[[[5, 0]], [[0, 5]]]]), t([[3, 4]])
        assert_close(csra.head(maps, m, lam=0.5, T=99), t([[5.5]]))
        # Ten times the classifier, the same scores.
        assert_close(csra.head(maps, 10 * m, lam=0.5, T=99), t([[5.5]]))

    def test_temperature_by_hand(self) -> None:
        # Scores 0 and ln 3: weights 1/4 and 3/4; at T = 2 they are 1/10 and 9/10.
        maps = t([[[[0, LN3]]]])
        assert_close(csra.head(maps, t([[2]]), lam=0.1, T=1), t([[LN3 / 2 + 0.1 * 0.75 * LN3]]))
        assert_close(csra.head(maps, t([[2]]), lam=0.1, T=2), t([[LN3 / 2 + 0.1 * 0.9 * LN3]]))

    def test_heads_are_summed(self) -> None:
        # Head 1 (T = 1): see above; head 2 (T = 99) with a negative classifier: 0 is its maximum.
        maps = t([[[[0, LN3]]]])
        expected = LN3 / 2 + 0.1 * 0.75 * LN3 - LN3 / 2
        assert_close(csra.csra(maps, [t([[2]]), t([[-1]])], lam=0.1), t([[expected]]))

    def test_equals_matrix_form_and_differentiates(self) -> None:
        maps = rand(2, 3, 2, 2).requires_grad_()
        ms = [rand(2, 3, seed=i).requires_grad_() for i in range(1, 5)]
        expected = torch.zeros(2, 2).double()
        for m, T in zip(ms, (1, 2, 4, 99), strict=True):
            s = torch.einsum("bdhw,cd->bchw", maps, F.normalize(m, dim=1)).flatten(2)
            a = s.max(2).values if T == 99 else ((T * s).softmax(2) * s).sum(2)
            expected = expected + s.mean(2) + 0.3 * a
        same_gradients(csra.csra(maps, ms, lam=0.3), expected, [maps, *ms])


class TestASL:
    def test_by_hand(self) -> None:
        # p = 1/2. Positive: (1/2)^1 ln 2. Negative: p_m = 0.45, 0.45^2 * -ln 0.55.
        z = t([[0, 0]])
        positive, negative = 0.5 * LN2, 0.45**2 * -math.log(0.55)
        value = asl.asl(z, t([[1, 0]]), gamma_pos=1, gamma_neg=2)
        assert_close(value, t(positive + negative))
        for reduction, count in (("batchmean", 1), ("mean", 2)):
            value = asl.asl(z, t([[1, 0]]), gamma_pos=1, gamma_neg=2, reduction=reduction)
            assert_close(value, t((positive + negative) / count))
        with pytest.raises(ValueError, match="reduction='none'"):
            asl.asl(z, t([[1, 0]]), reduction="none")

    def test_easy_negatives_count_for_nothing(self) -> None:
        z = t([[-3.0]]).requires_grad_()  # p = 0.047 < 0.05
        value = asl.asl(z, t([[0]]))
        assert_close(value, t(0.0))
        (gradient,) = torch.autograd.grad(value, z)
        assert_close(gradient, t([[0]]))

    def test_without_focus_and_shift_it_is_cross_entropy(self) -> None:
        z, y = rand(3, 2).requires_grad_(), t([[1, 0], [0, 0], [1, 1]])
        ours = asl.asl(z, y, gamma_neg=0, m=0)
        same_gradients(ours, F.binary_cross_entropy_with_logits(z, y, reduction="sum"), [z])

    def test_gradient_with_and_without_the_focus(self) -> None:
        # L = p^2 * -log(1 - p) at p = 1/2, dp/dz = 1/4:
        # 2 p * -log(1 - p) + p^2 / (1 - p) = ln 2 + 1/2, and 1/2 with p^2 held.
        z = t([[0.0]]).requires_grad_()
        for held, slope in ((True, LN2 + 0.5), (False, 0.5)):
            value = asl.asl(z, t([[0]]), gamma_neg=2, m=0, focus_gradient=held)
            (gradient,) = torch.autograd.grad(value, z)
            assert_close(gradient, t([[slope / 4]]))

    def test_logarithm_is_bounded(self) -> None:
        value = asl.asl(t([[-50.0]]), t([[1]]))
        assert_close(value, t(-math.log(1e-8)))
