"""Layers of label decoders beside torch's own, and the encoding of positions."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mmsrdl.models.attention.decoder_layers import (
    DecoderLayer,
    EncoderLayer,
    attend,
    check_transformer,
    project,
    sine_positions,
    xavier,
)
from tests.reference.q2l import sine_encoding

EXACT = dict(rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (7, 2)])
def test_positions_of_a_map_of_any_size(size: tuple[int, int]) -> None:
    positions = sine_positions(size, 8, torch.zeros(1, dtype=torch.float64))
    assert_close(positions, sine_encoding(8, *size).flatten(1).T, **EXACT)


def test_positions_are_computed_in_float32_at_least() -> None:
    half = sine_positions((14, 14), 64, torch.zeros(1, dtype=torch.bfloat16))
    assert half.dtype == torch.float32
    assert_close(half, sine_encoding(64, 14, 14).flatten(1).T.float(), rtol=0, atol=2e-6)


@pytest.mark.parametrize("same", [True, False])
def test_attention_is_torchs(same: bool) -> None:
    torch.manual_seed(0)
    module = nn.MultiheadAttention(12, 3, batch_first=True).double()
    nn.init.normal_(module.in_proj_bias)
    queries = torch.randn(2, 4, 12, dtype=torch.float64)
    keys = torch.randn(2, 5, 12, dtype=torch.float64)
    values = keys if same else torch.randn_like(keys)
    expected, weights = module(queries, keys, values)
    out, none = attend(module, project(module, queries), keys, values)
    assert none is None
    assert_close(out, expected, **EXACT)
    out, found = attend(module, project(module, queries), keys, values, weights=True)
    assert_close(out, expected, **EXACT)
    assert_close(found, weights, **EXACT)


def test_encoder_without_positions_is_torchs() -> None:
    torch.manual_seed(0)
    ours = EncoderLayer(8, 2, 16, dropout=0.0).double()
    theirs = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True).double()
    theirs.load_state_dict(ours.state_dict())  # the same names
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    assert_close(ours(x, torch.zeros_like(x[0])), theirs(x), **EXACT)


def test_decoder_without_positions_is_torchs() -> None:
    torch.manual_seed(0)
    ours = DecoderLayer(8, 2, 16, 0.0, "self_attention").double()
    theirs = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True).double()
    theirs.load_state_dict(ours.state_dict())
    x, memory = torch.randn(2, 3, 8, dtype=torch.float64), torch.randn(2, 5, 8, dtype=torch.float64)
    refined = ours.refine(x)
    out, _ = ours(refined, ours.ask(refined), memory, memory)
    assert_close(out, theirs(x, memory), **EXACT)


def test_dropout_is_drawn_while_training_alone() -> None:
    torch.manual_seed(0)
    layer = EncoderLayer(8, 2, 16, dropout=0.5)
    x, positions = torch.randn(1, 5, 8), torch.randn(5, 8)
    assert not torch.equal(layer(x, positions), layer(x, positions))
    layer.eval()
    assert torch.equal(layer(x, positions), layer(x, positions))


def test_xavier_spares_biases_and_norms() -> None:
    torch.manual_seed(0)
    layer = DecoderLayer(64, 2, 192, 0.0, "self_attention")
    before = {name: p.clone() for name, p in layer.named_parameters()}
    xavier(layer)
    for name, parameter in layer.named_parameters():
        assert torch.equal(parameter, before[name]) == (parameter.dim() == 1), name
    assert_close(layer.linear1.weight.std(), torch.tensor((2 / 256) ** 0.5), rtol=0.05, atol=0)
    assert not layer.multihead_attn.in_proj_bias.any()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(channels=10, num_heads=4), ValueError, "num_heads=4 does not divide hidden_channels"),
        (dict(channels=0), ValueError, "hidden_channels=0 must be at least 1"),
        (dict(num_heads=2.0), TypeError, "num_heads=2\\.0 must be an integer"),
        (dict(feedforward_channels=0), ValueError, "feedforward_channels=0"),
        (dict(dropout=1.5), ValueError, r"dropout=1.5 must be a number in \[0, 1\]"),
    ],
)
def test_refused_sizes(options: dict, error: type, message: str) -> None:
    sizes = dict(channels=8, num_heads=2, feedforward_channels=16, dropout=0.1)
    with pytest.raises(error, match=message):
        check_transformer(**{**sizes, **options})
