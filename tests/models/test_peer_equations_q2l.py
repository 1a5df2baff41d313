"""Query2Label against slow loops that a second reader wrote, in value and gradient."""

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead
from mmsrdl.models.attention.decoder_layers import DecoderLayer, EncoderLayer
from tests.reference import q2l as ref

CLASSES = ["cat", "dog", "bus"]
EXACT = dict(rtol=1e-10, atol=1e-10)


def make_head(channels: int = 4, embed_dims: int = 4, **options: object) -> ClassFeatureHead:
    """A head in float64 without dropout: C = 3, d = 4, weights all over the place."""
    torch.manual_seed(0)
    head = ClassFeatureHead(
        num_classes=3,
        in_channels=channels,
        embedder=dict(
            type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, num_layers=0, embed_dims=embed_dims
        ),
        attention=dict(
            type="mmsrdl.QueryDecoder", hidden_channels=4, num_heads=2, feedforward_channels=5,
            dropout=0.0, **options,
        ),
    ).double()  # fmt: skip
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    return head


def attention(module: nn.MultiheadAttention) -> ref.Attention:
    out = module.out_proj
    return ref.Attention(module.in_proj_weight, module.in_proj_bias, out.weight, out.bias)


def norm(module: nn.LayerNorm) -> ref.Norm:
    return ref.Norm(module.weight, module.bias)


def feed_forward(layer: EncoderLayer | DecoderLayer) -> ref.FeedForward:
    one, two = layer.linear1, layer.linear2
    return ref.FeedForward(one.weight, one.bias, two.weight, two.bias)


def encoder_layer(layer: EncoderLayer) -> ref.EncoderLayer:
    first, second = norm(layer.norm1), norm(layer.norm2)
    return ref.EncoderLayer(attention(layer.self_attn), first, feed_forward(layer), second)


def decoder_layer(layer: DecoderLayer) -> ref.DecoderLayer:
    return ref.DecoderLayer(
        attention(layer.multihead_attn),
        norm(layer.norm2),
        feed_forward(layer),
        norm(layer.norm3),
        None if layer.self_attn is None else attention(layer.self_attn),
        None if layer.norm1 is None else norm(layer.norm1),
    )


def reference(head: ClassFeatureHead, feature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    decoder, e = head.attention, head.embedder.vectors
    if isinstance(decoder.query_proj, nn.Linear):
        e = e @ decoder.query_proj.weight.T + decoder.query_proj.bias
    projected = isinstance(decoder.input_proj, nn.Linear)
    return ref.query2label(
        feature,
        e,
        [encoder_layer(layer) for layer in decoder.encoder],
        [decoder_layer(layer) for layer in decoder.decoder],
        norm(decoder.norm),
        head.classifier.weight,
        head.classifier.bias,
        2,
        decoder.input_proj.weight if projected else None,
        decoder.input_proj.bias if projected else None,
    )


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (2, 3)),
        (dict(self_attention="all"), (3, 1)),
        (dict(self_attention="later"), (1, 1)),
        (dict(encoder_layers=2, decoder_layers=1), (1, 3)),
        (dict(encoder_layers=0, decoder_layers=3, self_attention="all"), (2, 2)),
        (dict(channels=6, embed_dims=5), (2, 3)),
    ],
)
def test_values_and_gradients(options: dict, size: tuple[int, int], training: bool) -> None:
    head = make_head(**options).train(training)
    feature = torch.randn(2, head.in_channels, *size, dtype=torch.float64, requires_grad=True)
    logits, features, weights = reference(head, feature)
    labels = head.label_side()
    assert_close(head((feature,)), logits, **EXACT)
    assert_close(head.score(feature, labels).pooled, features, **EXACT)
    maps = head.attend((feature,)).spatial_map()
    assert_close(maps, weights.mean(1).unflatten(2, size), **EXACT)
    seed = torch.randn_like(logits)
    names = ["feature", *dict(head.named_parameters())]
    wanted = [feature, *head.parameters()]
    ours, theirs = (
        torch.autograd.grad((seed * z).sum(), wanted) for z in (head((feature,)), logits)
    )
    for name, one, other in zip(names, ours, theirs, strict=True):
        assert_close(one, other, **EXACT, msg=lambda text, name=name: f"{name}: {text}")


def test_values_with_what_is_kept_while_evaluating() -> None:
    head = make_head(self_attention="all").eval()
    feature = torch.randn(3, 4, 2, 2, dtype=torch.float64)
    with torch.no_grad():
        head((feature[:1],))
        assert_close(head((feature,)), reference(head, feature)[0], **EXACT)
