"""ML-Decoder's decoder as an attention; values are in test_peer_equations_mldecoder."""

import copy

import pytest
import torch
from mmpretrain.structures import DataSample
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead, GroupDecoder
from mmsrdl.models.attention.decoder_layers import DecoderLayer

GROUPS = dict(type="mmsrdl.GroupClassifier")


def make_head(num_classes: int = 5, **options: object) -> ClassFeatureHead:
    torch.manual_seed(0)
    small = dict(hidden_channels=12, num_heads=2, feedforward_channels=16, num_groups=3)
    config = dict(num_classes=num_classes, in_channels=8, classifier=GROUPS)
    for key in ("embedder", "classifier"):
        if key in options:
            config[key] = options.pop(key)
    attention = {"type": "mmsrdl.GroupDecoder", **small, **options}
    return ClassFeatureHead(attention=attention, **config)


def test_defaults_are_the_released_ones() -> None:
    decoder = GroupDecoder(in_channels=16, num_classes=80)
    assert (decoder.num_groups, decoder.out_channels) == (80, 768)
    assert GroupDecoder(in_channels=16, num_classes=1000).num_groups == 100
    layer = decoder.layer
    assert layer.linear1.out_features == 2048
    assert layer.multihead_attn.num_heads == 8
    assert layer.dropout.p == layer.multihead_attn.dropout == 0.1
    assert layer.self_attn is None
    assert decoder.queries.shape == (80, 768)
    assert_close(decoder.queries.std(), torch.tensor(1.0), rtol=0.02, atol=0)


def test_names_of_the_state_dict() -> None:
    parts = {key.split(".")[1] for key in make_head().state_dict() if key.startswith("attention.")}
    assert parts == {"queries", "input_proj", "layer"}


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
def test_shapes_and_gradients(size: tuple[int, int]) -> None:
    head, feature = make_head(learn_queries=True), torch.randn(2, 8, *size)
    losses = head.loss((feature,), [DataSample(gt_score=torch.tensor([1.0, 0, -1, 0, 1]))] * 2)
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in head.parameters())
    head.eval()
    maps = head.attend((feature,)).spatial_map()
    assert maps.shape == (2, 5, *size)
    assert torch.equal(maps[:, 0], maps[:, 1])  # one group
    assert_close(maps.sum((2, 3)), torch.ones(2, 5))
    scored = head.score(feature, head.label_side())
    assert scored.pooled.shape == (2, 3, 12)
    assert scored.maps.spatial is None


def test_dropout_differs_from_image_to_image() -> None:
    head = make_head(dropout=0.5)
    logits = head((torch.randn(1, 8, 3, 3).expand(2, -1, -1, -1),))
    assert not torch.allclose(logits[0], logits[1])


def test_queries_are_refined_once_at_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    head, calls = make_head().eval(), []
    refine = DecoderLayer.refine
    monkeypatch.setattr(DecoderLayer, "refine", lambda *args: calls.append(0) or refine(*args))
    feature = torch.randn(2, 8, 3, 3)
    with torch.no_grad():
        first = head((feature,))
        assert_close(head((feature,)), first)
        assert len(calls) == 1
        head.attention.layer.norm1.weight.add_(1)
        changed = head((feature,))
        assert len(calls) == 2
        assert not torch.allclose(first, changed)
        assert_close(copy.deepcopy(head)((feature,)), changed)


def test_label_embeddings_as_queries() -> None:
    embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=list("abcde"), embed_dims=6)
    head = make_head(embedder=embedder, num_groups=100, classifier="per_class")
    assert head.attention.query_proj.weight.shape == (12, 6)
    assert not hasattr(head.attention, "queries")
    head((torch.randn(2, 8, 3, 3),)).sum().backward()
    assert head.embedder.vectors.grad.abs().sum() > 0
    with pytest.raises(ValueError, match=r"num_groups=3: label embeddings .*set num_groups=5, or"):
        make_head(embedder=embedder)
    with pytest.raises(ValueError, match="learn_queries=True has no effect on label embeddings"):
        make_head(embedder=embedder, num_groups=100, learn_queries=True)


@pytest.mark.parametrize("training", [True, False])
def test_autocast(training: bool) -> None:
    head = make_head(dropout=0.0).train(training)
    feature = torch.randn(2, 8, 3, 3)
    expected = head((feature,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head((feature,))
    assert_close(logits, expected, rtol=0, atol=0.05)  # float32, as the logarithms of losses need
    logits.sum().backward()
    wanted = [parameter for parameter in head.parameters() if parameter.requires_grad]
    assert all(parameter.grad.isfinite().all() for parameter in wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_groups=0), "num_groups=0 must be at least 1"),
        (dict(num_heads=5), "num_heads=5 does not divide hidden_channels=12"),
        (dict(dropout=-1), "dropout=-1 must be a number"),
    ],
)
def test_refused_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_head(**options)
