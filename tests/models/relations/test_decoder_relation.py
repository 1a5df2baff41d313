"""Class features as the queries of a decoder."""

import copy

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import AttentionMaps, CARHead, DecoderRelation, ObjectErasing
from tests.models.test_peer_equations_q2l import EXACT, decoder_layer
from tests.reference import q2l as ref

EMBEDDER = dict(type="mmsrdl.GCNLabelEmbedder", classes=["a", "b", "c"], embed_dims=5)
SMALL = dict(type="mmsrdl.DecoderRelation", num_heads=2, feedforward_channels=16)


def make_head(**options: object) -> CARHead:
    torch.manual_seed(0)
    relation = {**SMALL, **options}
    return CARHead(num_classes=3, in_channels=8, embedder=EMBEDDER, relation=relation)


def make_maps(channels: int = 8) -> AttentionMaps:
    feature = torch.randn(2, 6, channels, dtype=torch.float64)
    return AttentionMaps(feature, None, None, (2, 3))


@pytest.mark.parametrize("self_attention", [True, False])
def test_against_loops(self_attention: bool) -> None:
    torch.manual_seed(0)
    relation = DecoderRelation(
        8, num_heads=2, feedforward_channels=5, num_layers=2, self_attention=self_attention,
        dropout=0.0,
    ).double()  # fmt: skip
    for parameter in relation.parameters():
        torch.nn.init.normal_(parameter)
    maps, f = make_maps(), torch.randn(2, 3, 8, dtype=torch.float64)
    positions = ref.sine_encoding(8, 2, 3).flatten(1).T
    for image, x in enumerate(f):
        for layer in relation.layers:
            weights = decoder_layer(layer)
            x, _ = ref.decoder_layer(
                x, maps.feature[image], torch.zeros_like(x), positions, weights, 2
            )
        assert_close(relation(f, maps)[image], x, **EXACT)


def test_sizes_that_differ() -> None:
    relation = DecoderRelation(4, memory_channels=6, hidden_channels=8, num_heads=2).double()
    f = torch.randn(2, 3, 4, dtype=torch.float64)
    assert relation(f, make_maps(6)).shape == (2, 3, 8)
    assert relation.out_channels == 8
    with pytest.raises(ValueError, match=r"memory_channels=6 .* set relation.memory_channels=8"):
        relation(f, make_maps(8))


def losses_of(head: CARHead) -> dict[str, Tensor]:
    torch.manual_seed(1)
    samples = [DataSample(gt_score=torch.tensor([1.0, 0, -1]))] * 2
    return head.loss((torch.randn(2, 8, 3, 3),), samples)


def test_car_features_are_queries_and_erased() -> None:
    head = make_head(hidden_channels=12, dropout=0.0)
    assert head.classifier.weight.shape == (3, 12)
    alone = losses_of(head)["loss_ori"]
    head.erasing = ObjectErasing(topk=2)
    losses = losses_of(head)
    assert_close(losses["loss_ori"], alone)
    assert not torch.allclose(losses["loss_era"], alone)
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name


def test_classes_know_of_each_other_by_self_attention_alone() -> None:
    torch.manual_seed(0)
    maps, f = make_maps(), torch.randn(2, 3, 8, dtype=torch.float64)
    changed = f.clone()
    changed[:, 2] += 1
    for self_attention in (True, False):
        relation = DecoderRelation(8, num_heads=2, self_attention=self_attention).double().eval()
        same = torch.allclose(relation(f, maps)[:, :2], relation(changed, maps)[:, :2])
        assert same != self_attention


def test_autocast_and_copies() -> None:
    head = make_head(hidden_channels=12).eval()
    feature = torch.randn(2, 8, 3, 3)
    expected = head((feature,))
    assert_close(copy.deepcopy(head)((feature,)), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = head((feature,))
    assert_close(logits, expected, rtol=0, atol=0.05)  # float32, as the logarithms of losses need
    logits.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_refused_options() -> None:
    for options, message in (
        (dict(hidden_channels=6), "hidden_channels=6 must be a multiple of 4"),
        (dict(num_layers=0), "num_layers=0 must be at least 1"),
        (dict(num_heads=3), "num_heads=3 does not divide"),
    ):
        with pytest.raises(ValueError, match=message):
            make_head(**options)
