import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead, GlobalMaxPooling
from mmsrdl.models.attention import GlobalPooling


@pytest.mark.parametrize("mode", ["max", "average"])
def test_pools_every_channel(mode: str) -> None:
    feature_map = torch.randn(2, 5, 3, 4)
    attention = GlobalPooling(5, mode)
    maps = attention(feature_map, None)
    expected = feature_map.amax((2, 3)) if mode == "max" else feature_map.mean((2, 3))
    assert_close(attention.pool(maps), expected[:, None])
    assert (maps.feature.shape, maps.size) == ((2, 12, 5), (3, 4))
    assert not attention.has_maps
    assert not attention.erasable


def test_with_a_linear_classifier_it_is_the_gmp_baseline() -> None:
    head = ClassFeatureHead(3, 5, attention=dict(type="mmsrdl.GlobalPooling"))
    feature_map = torch.randn(2, 5, 3, 4)
    pooled = GlobalMaxPooling()(feature_map)
    linear = torch.nn.functional.linear(pooled, head.classifier.weight, head.classifier.bias)
    assert_close(head(feature_map), linear)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"mode='avg' is unknown; use one of \('max', 'average'\)"):
        GlobalPooling(4, "avg")
    with pytest.raises(ValueError, match=r"in_channels=0 must be at least 1"):
        GlobalPooling(0)
    maps = GlobalPooling(4)(torch.rand(1, 4, 2, 2), None)
    with pytest.raises(ValueError, match=r"the attention has no spatial maps"):
        maps.spatial_map()
