import pytest
import torch

from mmsrdl.models import CachedMaps


def test_hands_maps_on_in_single_precision() -> None:
    maps = torch.rand(2, 3, 4, 5).half()
    (found,) = CachedMaps()(maps)
    torch.testing.assert_close(found, maps.float(), rtol=0, atol=0)
    assert found.dtype == torch.float32
    assert list(CachedMaps().parameters()) == []


def test_refuses_what_is_no_map() -> None:
    with pytest.raises(ValueError, match=r"maps \[B, D, H, W\], got \[2, 3\]"):
        CachedMaps()(torch.rand(2, 3))
