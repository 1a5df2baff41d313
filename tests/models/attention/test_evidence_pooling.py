import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.models import AttentionMaps, ClassFeatureHead, EvidencePooling, ObjectErasing

PLAIN = dict(hidden_channels=None, signed_sqrt=False, layer_norm=False)


def make(**options: Any) -> EvidencePooling:
    torch.manual_seed(0)
    return EvidencePooling(**{**dict(num_classes=4, in_channels=8, hidden_channels=6), **options})


def make_maps(attention: EvidencePooling, batch: int = 2) -> AttentionMaps:
    torch.manual_seed(1)
    return attention(torch.randn(batch, 8, 3, 5), None)


def loops(attention: EvidencePooling, feature_map: Tensor) -> Tensor:
    """Computes the scores s, [B, C], position by position."""
    batch, _, height, width = feature_map.shape
    pooled = torch.zeros(batch, attention.score.out_features)
    for n in range(batch):
        evidence = []
        for y in range(height):
            for x in range(width):
                feature = feature_map[n, :, y, x]
                feature = torch.sign(feature) * feature.abs() / (feature.abs() + 1e-4) ** 0.5
                feature = (feature - feature.mean()) / (feature.var(unbiased=False) + 1e-5) ** 0.5
                hidden = F.gelu(attention.project.weight @ feature + attention.project.bias)
                evidence.append(attention.score.weight @ hidden + attention.score.bias)
        for c in range(pooled.shape[1]):
            powers = [math.exp(attention.temperature * z[c].item()) for z in evidence]
            pooled[n, c] = math.log(sum(powers) / len(powers)) / attention.temperature
    return pooled


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_equals_loops(temperature: float) -> None:
    attention = make(temperature=temperature)
    feature_map = torch.randn(2, 8, 3, 5)
    pooled = attention.pool(attention(feature_map, None))
    assert pooled.shape == (2, 4, 1)
    assert_close(pooled[..., 0], loops(attention, feature_map))


def test_shapes_and_what_it_offers() -> None:
    attention = make()
    maps = make_maps(attention)
    assert maps.spatial_map().shape == (2, 4, 3, 5)
    assert_close(maps.spatial.sum(-1), torch.ones(2, 4))
    assert maps.scores.shape == (2, 4, 15)
    assert attention.has_maps
    assert attention.sums_to_one
    assert attention.erasable
    assert not attention.has_channel_branch
    assert {name: tuple(value.shape) for name, value in attention.state_dict().items()} == {
        "project.weight": (6, 8),
        "project.bias": (6,),
        "score.weight": (4, 6),
        "score.bias": (4,),
    }


def test_maps_are_the_gradient_of_the_score() -> None:
    attention = make(temperature=2.0)
    maps = make_maps(attention)
    (gradient,) = torch.autograd.grad(attention.pool(maps).sum(), maps.scores)
    assert_close(gradient, maps.spatial)


def test_the_score_lies_between_mean_and_maximum() -> None:
    maps = make_maps(make())
    mean, top = maps.scores.mean(-1), maps.scores.amax(-1)
    by_temperature = [make(temperature=t).pool(maps)[..., 0] for t in (0, 0.01, 1, 10, 1e4)]
    assert_close(by_temperature[0], mean)
    assert_close(by_temperature[1], mean, rtol=0, atol=1e-2)
    assert_close(by_temperature[-1], top, rtol=0, atol=1e-2)
    for lower, higher in pairwise(by_temperature):
        assert (lower < higher).all()


def test_without_its_parts_it_is_linear_in_the_mean() -> None:
    attention = make(**PLAIN, temperature=0)
    feature_map = torch.randn(2, 8, 3, 5)
    pooled = attention.pool(attention(feature_map, None))[..., 0]
    assert_close(pooled, attention.score(feature_map.mean((2, 3))))


def test_the_scale_of_the_map_is_of_little_account() -> None:
    attention = make()
    feature_map = torch.rand(2, 8, 3, 5) + 1
    pooled = attention.pool(attention(feature_map, None))
    assert_close(attention.pool(attention(7 * feature_map, None)), pooled, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("temperature", [0, 1.0])
def test_an_erased_position_is_as_if_the_image_did_not_have_it(temperature: float) -> None:
    attention = make(temperature=temperature)
    torch.manual_seed(1)
    feature_map = torch.randn(2, 8, 3, 5)
    maps = attention(feature_map, None)
    erased = torch.zeros(2, 4, 3, 5, dtype=torch.bool)
    assert_close(attention.pool(maps, erased), attention.pool(maps))
    erased[:, 1, :2] = True
    below = attention.pool(attention(feature_map[:, :, 2:], None))
    pooled = attention.pool(maps, erased)
    assert_close(pooled[:, 1], below[:, 1])
    assert_close(pooled[:, 0], attention.pool(maps)[:, 0])


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches_and_maps_of_zeros_have_gradients(batch: int) -> None:
    attention = make()
    feature_map = torch.zeros(batch, 8, 3, 5, requires_grad=True)
    attention.pool(attention(feature_map, None)).sum().backward()
    assert feature_map.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in attention.parameters())


def test_half_precision_holds_large_scores() -> None:
    attention = make(**PLAIN)
    maps = AttentionMaps(
        torch.zeros(1, 2, 8), None, None, (1, 2), torch.tensor([[[6e4, -6e4]]]).half()
    )
    assert_close(attention.pool(maps)[0, 0, 0].item(), 60000 - math.log(2), rtol=1e-6, atol=0)


def test_in_a_head_it_is_erased() -> None:
    head = ClassFeatureHead(
        4, 8, attention=dict(type="EvidencePooling"), classifier=dict(type="IdentityClassifier")
    )
    feature_map = torch.randn(2, 8, 3, 5)
    samples = [
        DataSample().set_gt_score(torch.tensor(row)) for row in ([1.0, 0, 0, 1], [0, 1.0, 0, 0])
    ]
    assert "loss_era" not in head.loss(feature_map, samples)
    head.erasing = ObjectErasing(topk=2)
    losses = head.loss(feature_map, samples)
    assert losses["loss_era"] != losses["loss_ori"]


@pytest.mark.parametrize("name", ["num_classes", "in_channels", "hidden_channels"])
def test_sizes_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        make(**{name: 0})
    with pytest.raises(TypeError, match=f"{name}=2.5 must be an integer"):
        make(**{name: 2.5})


@pytest.mark.parametrize("temperature", [-1.0, math.inf, math.nan])
def test_temperature_out_of_range(temperature: float) -> None:
    with pytest.raises(ValueError, match=f"temperature={temperature}"):
        make(temperature=temperature)
