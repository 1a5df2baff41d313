import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import SVFRAttention
from mmsrdl.ops import chunked, use_backend

GRAPH = dict(type="mmsrdl.GATv2", hidden_channels=6, num_heads=2, dropout=0.0)
DIM = 4


def make(**options: object) -> SVFRAttention:
    torch.manual_seed(0)
    sizes = dict(in_channels=DIM, embed_dims=DIM, graph=GRAPH)
    return SVFRAttention(**{**sizes, **options}).double()


def draw(classes: int = 3, size: tuple[int, int] = (2, 3)) -> tuple[Tensor, Tensor]:
    """Label vectors [C, D] and a map [2, D, H, W]."""
    torch.manual_seed(1)
    t = torch.randn(classes, DIM, dtype=torch.float64)
    return t, torch.randn(2, DIM, *size, dtype=torch.float64)


def softmax_of(feature: list, label: list, weight: list) -> list:
    """Softmax over positions of each channel, [P][D]."""
    logits = [
        [sum(w * math.tanh(x * u) for w, x, u in zip(row, p, label, strict=True)) for row in weight]
        for p in feature
    ]
    totals = [sum(math.exp(row[d]) for row in logits) for d in range(DIM)]
    return [[math.exp(row[d]) / totals[d] for d in range(DIM)] for row in logits]


def reconstruct(attention: SVFRAttention, feature: list, t: list, g: list) -> list:
    """P' of one image, [P][D], number by number, as the public code computes it."""
    w_s, w_z, w_v = (
        layer.weight.tolist() for layer in (attention.fc_s, attention.fc_z, attention.fc_v)
    )
    positions, classes, dims = range(len(feature)), range(len(t)), range(DIM)
    shares = [softmax_of(feature, label, w_s) for label in t]
    s = [[sum(feature[p][d] * shares[c][p][d] for p in positions) for d in dims] for c in classes]
    norm = math.sqrt(sum(x * x for row in s for x in row) * sum(x * x for row in t for x in row))
    m = [[max(sum(s[c][d] * t[c][e] for c in classes) / norm, 0) for e in dims] for d in dims]
    rows = [max(math.sqrt(sum(x * x for x in row)), 1e-12) for row in m]
    r = [[sum(s[c][d] * m[d][e] / rows[d] for d in dims) for e in dims] for c in classes]
    z = [
        [sum(w * x for w, x in zip(row, r[c] + g[c], strict=True)) for row in w_z] for c in classes
    ]
    shares = [softmax_of(feature, label, w_v) for label in z]
    return [
        [feature[p][d] * sum(shares[c][p][d] for c in classes) for d in dims] for p in positions
    ]


@pytest.mark.parametrize("graph", [GRAPH, None])
def test_equals_loops_over_single_numbers(graph: dict | None) -> None:
    attention = make(graph=graph)
    t, feature_map = draw()
    maps = attention(feature_map, attention.embed_labels(t))
    g = t if attention.graph is None else attention.graph(t)
    for b in range(2):
        feature = feature_map[b].flatten(1).t().tolist()
        expected = torch.tensor(
            reconstruct(attention, feature, t.tolist(), g.tolist()), dtype=torch.float64
        )
        assert_close(maps.feature[b], expected)
        assert_close(maps.scores[b], t @ expected.t())
    assert maps.size == (2, 3)
    assert_close(attention.pool(maps), maps.feature.mean(1, keepdim=True))


def test_gradients_equal_those_of_the_plain_form() -> None:
    attention, (t, feature_map) = make(), draw()
    sources = [feature_map.requires_grad_(), t.requires_grad_(), *attention.parameters()]

    def gradients() -> list[Tensor]:
        scores = attention(feature_map, attention.embed_labels(t)).scores
        weight = torch.linspace(-1, 1, scores.numel(), dtype=scores.dtype).view_as(scores)
        return list(torch.autograd.grad((scores * weight).sum(), sources))

    ours = gradients()
    with use_backend("plain"):
        assert_close(ours, gradients())
    assert all(gradient.abs().sum() > 0 for gradient in ours)


def test_published_norms_of_the_batch_cancel() -> None:
    """An image's scores do not depend on the others in its batch."""
    attention, (t, feature_map) = make(), draw()
    labels = attention.embed_labels(t)
    assert_close(
        attention(feature_map[:1], labels).scores, attention(feature_map, labels).scores[:1]
    )


def test_a_label_unlike_all_features_gives_no_nan() -> None:
    """Rows of M may be all zero."""
    attention = make(graph=None)
    t = -torch.ones(1, DIM, dtype=torch.float64)
    feature_map = torch.rand(1, DIM, 2, 2, dtype=torch.float64).requires_grad_()
    maps = attention(feature_map, attention.embed_labels(t))
    maps.scores.sum().backward()
    assert maps.scores.isfinite().all()
    assert feature_map.grad.isfinite().all()


def test_order_of_the_labels_is_of_no_account() -> None:
    attention, (t, feature_map) = make().eval(), draw(classes=5)
    order = torch.tensor([3, 0, 4, 2, 1])
    here = attention(feature_map, attention.embed_labels(t))
    there = attention(feature_map, attention.embed_labels(t[order]))
    assert_close(there.scores, here.scores[:, order])
    assert_close(there.feature, here.feature)


@pytest.mark.parametrize("context", ["asked", "trained"])
def test_other_labels_change_the_scores_only_where_published(context: str) -> None:
    attention, (t, feature_map) = make(context=context).eval(), draw(classes=5)
    attention.set_context(t[:3])
    trained = attention(feature_map, attention.embed_labels(t[:3])).scores
    mixed = attention(feature_map, attention.embed_labels(t[[4, 2, 0]])).scores
    shared, asked = trained[:, [2, 0]], mixed[:, [1, 2]]
    if context == "trained":
        assert_close(asked, shared)
    else:
        assert not torch.allclose(asked, shared)


def test_while_training_the_labels_that_are_asked_are_those_that_are_trained() -> None:
    attention, (t, feature_map) = make(context="trained").train(), draw()
    published = make().train()
    assert_close(
        attention(feature_map, attention.embed_labels(t)).scores,
        published(feature_map, published.embed_labels(t)).scores,
    )
    attention.set_context(t[[2, 0, 1]])
    attention.eval()
    assert_close(
        attention(feature_map, attention.embed_labels(t)).scores,
        published(feature_map, published.embed_labels(t)).scores,
    )


def test_trained_labels_are_copied_and_in_no_checkpoint() -> None:
    attention, (t, _) = make(context="trained"), draw()
    names = set(make().state_dict())
    attention.set_context(t)
    assert set(attention.state_dict()) == names
    labels = copy.deepcopy(attention).eval().embed_labels(t[:1])
    assert_close(labels.context, t)


def test_no_shape_depends_on_the_number_of_labels() -> None:
    shapes = {name: tuple(value.shape) for name, value in make(graph=None).state_dict().items()}
    assert shapes == {
        "fc_s.weight": (DIM, DIM),
        "fc_z.weight": (DIM, 2 * DIM),
        "fc_v.weight": (DIM, DIM),
    }


def test_autocast_changes_nothing() -> None:
    attention, (t, feature_map) = make().float(), (v.float() for v in draw())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = attention(feature_map, attention.embed_labels(t)).scores
    high = attention(feature_map, attention.embed_labels(t)).scores
    assert_close(low, high, rtol=0, atol=0)


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches_have_gradients(batch: int) -> None:
    attention, (t, feature_map) = make(), draw()
    maps = attention(feature_map[:batch], attention.embed_labels(t))
    assert maps.scores.shape == (batch, 3, 6)
    maps.scores.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in attention.parameters())


def test_no_tensor_of_positions_classes_and_channels(
    largest_tensor: Callable[[Callable[[], Tensor]], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunked.CHUNK, "cpu", 1)
    attention, (t, feature_map) = make(), draw(classes=20, size=(6, 6))
    found = largest_tensor(lambda: attention(feature_map, attention.embed_labels(t)).scores.sum())
    assert found < 2 * 36 * 20 * DIM


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"context='seen' is unknown; use one of \('asked'"):
        make(context="seen")
    with pytest.raises(ValueError, match="label vectors of 5 with features of 4"):
        make(embed_dims=5)
    with pytest.raises(ValueError, match=r"vectors=\[3, 5\] must be label vectors \[C, 4\]"):
        make().set_context(torch.zeros(3, 5))
    with pytest.raises(ValueError, match="of at least one label"):
        make().set_context(torch.zeros(0, 4))
    with pytest.raises(ValueError, match="needs label embeddings"):
        make().embed_labels(None)
    with pytest.raises(ValueError, match=r"context='trained' needs .* call set_context"):
        make(context="trained").eval().embed_labels(torch.zeros(3, 4))
