"""Query2Label's decoder as an attention over classes; values are in test_peer_equations_q2l."""

import copy
from collections.abc import Callable

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import nn
from torch.testing import assert_close

from mmsrdl.apis import class_maps
from mmsrdl.engine.hooks import OEErasingHook
from mmsrdl.models import AttentionMaps, ClassFeatureHead, QueryDecoder
from mmsrdl.models.attention.decoder_layers import DecoderLayer

EMBEDDER = dict(type="mmsrdl.GCNLabelEmbedder", classes=["a", "b", "c"], num_layers=0, embed_dims=8)


def make_head(embedder: dict | None = EMBEDDER, **options: object) -> ClassFeatureHead:
    torch.manual_seed(0)
    small = dict(type="mmsrdl.QueryDecoder", num_heads=2, feedforward_channels=16)
    attention = {**small, **options}
    return ClassFeatureHead(num_classes=3, in_channels=8, attention=attention, embedder=embedder)


def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Counts how often what the image is asked with is projected."""
    calls = []
    ask = DecoderLayer.ask
    monkeypatch.setattr(DecoderLayer, "ask", lambda *args: calls.append(0) or ask(*args))
    return lambda: len(calls)


def test_defaults_are_the_released_ones() -> None:
    decoder = QueryDecoder(in_channels=64, embed_dims=64)
    assert decoder.out_channels == 64
    assert isinstance(decoder.input_proj, nn.Identity)
    assert isinstance(decoder.query_proj, nn.Identity)
    assert (len(decoder.encoder), len(decoder.decoder)) == (1, 2)
    layers = [*decoder.encoder, *decoder.decoder]
    assert {layer.linear1.out_features for layer in layers} == {8192}
    assert {layer.dropout.p for layer in layers} == {0.1}
    assert {layer.multihead_attn.num_heads for layer in decoder.decoder} == {4}
    names = " ".join(decoder.state_dict())
    assert "decoder.0.self_attn" not in names
    assert "decoder.1.norm1" not in names


def test_names_of_the_state_dict() -> None:
    keys = make_head(self_attention="later", hidden_channels=12).state_dict()
    layer = "attention.decoder.1."
    assert {f"{layer}self_attn.in_proj_weight", f"{layer}norm1.bias"} <= set(keys)
    assert "attention.decoder.0.norm1.bias" not in keys
    assert {"attention.input_proj.weight", "attention.query_proj.weight"} <= set(keys)
    assert {"attention.encoder.0.linear2.bias", "attention.norm.weight"} <= set(keys)


@pytest.mark.parametrize("size", [(1, 1), (3, 5)])
@pytest.mark.parametrize("self_attention", ["none", "later", "all"])
def test_shapes_and_gradients(size: tuple[int, int], self_attention: str) -> None:
    head = make_head(self_attention=self_attention, hidden_channels=12)
    feature = torch.randn(2, 8, *size)
    losses = head.loss((feature,), [DataSample(gt_score=torch.tensor([1.0, 0, -1]))] * 2)
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():  # also what distributed training asks for
        assert parameter.grad is not None, name
    head.eval()
    maps = head.attend((feature,))
    assert maps.feature.shape == (2, size[0] * size[1], 8)
    assert maps.spatial_map().shape == (2, 3, *size)
    assert_close(maps.spatial.sum(2), torch.ones(2, 3))
    assert head.attention.pool(maps).shape == (2, 3, 12)


def test_maps_are_where_a_model_sees_a_class() -> None:
    model = nn.Module()
    model.backbone, model.head = nn.Conv2d(3, 8, 1), make_head()
    inputs = torch.randn(2, 3, 4, 5)
    maps = class_maps(model.eval(), inputs, torch.tensor([2, 0]))
    assert maps.shape == (2, 2, 4, 5)
    with torch.no_grad():
        expected = model.head.attend(model.backbone(inputs)).spatial_map()
    expected = expected[:, [2, 0]]
    assert_close(maps, expected / expected.amax((2, 3), keepdim=True))
    assert class_maps(model, inputs, method="gradcam").shape == (2, 3, 4, 5)


def test_scores_need_no_maps() -> None:
    head = make_head().eval()
    scored = head.score(torch.randn(2, 8, 3, 3), head.label_side())
    assert scored.maps.spatial is None
    assert head.spatial_attention


def test_dropout_differs_from_image_to_image() -> None:
    for self_attention in ("none", "all"):
        head = make_head(self_attention=self_attention, dropout=0.5)
        logits = head((torch.randn(1, 8, 3, 3).expand(2, -1, -1, -1),))
        assert not torch.allclose(logits[0], logits[1])


def test_labels_meet_no_image_twice_at_inference(monkeypatch: pytest.MonkeyPatch) -> None:
    head, count = make_head(self_attention="all").eval(), asked(monkeypatch)
    feature = torch.randn(2, 8, 3, 3)
    with torch.no_grad():
        first = head((feature,))
        assert count() == 2  # both layers
        assert_close(head((feature,)), first)
        assert count() == 3  # the second layer
        head.attention.decoder[0].multihead_attn.in_proj_bias.add_(1)
        changed = head((feature,))
        assert count() == 5
    assert not torch.allclose(first, changed)
    head((feature,))
    assert count() == 7  # with gradients, always anew
    with torch.no_grad():
        assert_close(copy.deepcopy(head)((feature,)), changed)


def test_any_labels_feed_the_decoder() -> None:
    """A label graph by config alone."""
    head = make_head(dict(EMBEDDER, num_layers=2, hidden_dims=(6, 5)))
    head.init_weights()
    assert head.attention.query_proj.weight.shape == (8, 5)
    head((torch.randn(2, 8, 3, 3),)).sum().backward()
    assert head.embedder.adjacency.grad.abs().sum() > 0


@pytest.mark.parametrize("training", [True, False])
def test_autocast(training: bool) -> None:
    head = make_head(self_attention="all", hidden_channels=12, dropout=0.0).train(training)
    feature = torch.randn(2, 8, 3, 3)
    expected = head((feature,))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head((feature,))
    assert_close(logits, expected, rtol=0, atol=0.05)  # float32, as the logarithms of losses need
    logits.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_erasing_is_refused() -> None:
    decoder = make_head().attention
    with pytest.raises(TypeError, match=r"none that can be erased \(QueryDecoder\)"):
        OEErasingHook()._check_attention(decoder)
    maps = AttentionMaps(torch.zeros(1, 1, 8), None, None, (1, 1), pooled=torch.zeros(1, 3, 8))
    with pytest.raises(ValueError, match="QueryDecoder can neither erase positions"):
        decoder.pool(maps, torch.zeros(1, 3, 1, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match="nor take part of the classes"):
        decoder.pool(maps.select(torch.zeros(1, 1, dtype=torch.long)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(hidden_channels=6), "hidden_channels=6 must be a multiple of 4"),
        (dict(self_attention="first"), "self_attention='first' is unknown; use one of"),
        (dict(decoder_layers=0), "decoder_layers=0 must be at least 1"),
        (dict(encoder_layers=-1), "encoder_layers=-1 must be at least 0"),
        (dict(num_heads=3), "num_heads=3 does not divide"),
    ],
)
def test_refused_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_head(**options)


def test_labels_are_needed() -> None:
    head = make_head(None, embed_dims=8)
    with pytest.raises(ValueError, match="QueryDecoder needs label embeddings; give the head an"):
        head((torch.randn(1, 8, 2, 2),))
