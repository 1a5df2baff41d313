import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead, GATv2, PatchScores

GRAPH = dict(type="mmsrdl.GATv2", hidden_channels=6, num_heads=2)


def make(**options: object) -> PatchScores:
    torch.manual_seed(0)
    return PatchScores(**{**dict(in_channels=4, embed_dims=4), **options})


def test_equals_the_product_of_every_pair() -> None:
    attention, t, feature = make(), torch.randn(3, 4), torch.randn(2, 4, 2, 5)
    maps = attention(feature, attention.embed_labels(t))
    assert maps.scores.shape == (2, 3, 10)
    assert maps.size == (2, 5)
    for b, c, p in [(0, 0, 0), (1, 2, 9), (1, 1, 7)]:
        expected = sum(t[c, d] * feature[b, d, p // 5, p % 5] for d in range(4))
        assert_close(maps.scores[b, c, p], expected)
    assert_close(maps.feature, feature.flatten(2).transpose(1, 2))
    assert_close(attention.pool(maps), feature.mean((2, 3))[:, None])


def test_what_it_offers() -> None:
    attention = make()
    assert not list(attention.parameters())
    assert not attention.has_maps
    assert not attention.erasable
    assert attention.out_channels == 4


def test_any_labels_at_any_call() -> None:
    attention, t, feature = make(), torch.randn(5, 4), torch.randn(2, 4, 3, 3)
    every = attention(feature, attention.embed_labels(t)).scores
    some = attention(feature, attention.embed_labels(t[[3, 1]])).scores
    assert_close(some, every[:, [3, 1]])


def test_graph_adds_to_the_vectors() -> None:
    attention, t = make(graph=GRAPH).eval(), torch.randn(3, 4)
    assert isinstance(attention.graph, GATv2)
    assert_close(attention.embed_labels(t), t + attention.graph(t))
    assert not torch.equal(attention.embed_labels(t), t)


def test_half_precision_ties_no_scores() -> None:
    attention, t, feature = make(), torch.randn(3, 4), torch.randn(2, 4, 3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = attention(feature.bfloat16(), attention.embed_labels(t))
    assert maps.scores.dtype == torch.float32
    expected = attention(feature.bfloat16().float(), t).scores
    assert_close(maps.scores, expected, rtol=0, atol=0)


def test_in_an_ordinary_head_the_mean_position_is_scored() -> None:
    head = ClassFeatureHead(
        num_classes=3,
        in_channels=4,
        attention=dict(type="mmsrdl.PatchScores"),
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder", classes=["a", "b", "c"], embed_dims=4, num_layers=0
        ),
        classifier=dict(type="mmsrdl.EmbeddingClassifier"),
    ).eval()
    feature = torch.randn(2, 4, 3, 3)
    with torch.no_grad():
        logits, scores = head(feature), head.attend(feature).scores
    assert_close(logits, scores.mean(-1))


def test_nothing_can_be_erased() -> None:
    attention, t = make(), torch.randn(3, 4)
    maps = attention(torch.randn(2, 4, 3, 3), attention.embed_labels(t))
    with pytest.raises(ValueError, match="PatchScores cannot erase positions"):
        attention.pool(maps, torch.zeros(2, 3, 3, 3, dtype=torch.bool))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="label vectors of 5 with features of 4"):
        make(embed_dims=5)
    with pytest.raises(ValueError, match=r"graph.out_channels=8 must be those of the features, 4"):
        make(graph=dict(**GRAPH, out_channels=8))
    with pytest.raises(TypeError, match=r"graph.head=2: GATv2 takes no head"):
        make(graph=dict(**GRAPH, head=2))
    with pytest.raises(ValueError, match="in_channels=0 must be at least 1"):
        make(in_channels=0)
    with pytest.raises(ValueError, match="needs label embeddings"):
        make().embed_labels(None)
