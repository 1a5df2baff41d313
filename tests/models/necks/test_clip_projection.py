import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import CLIPProjection


def test_last_stage_is_projected_and_earlier_ones_are_handed_on() -> None:
    torch.manual_seed(0)
    neck = CLIPProjection(6, 4)
    early, last = torch.randn(2, 5, 6), torch.randn(2, 5, 6)
    first, projected = neck((early, last))
    assert first is early
    assert_close(projected, torch.einsum("bnd,de->bne", last, neck.proj))
    assert_close(neck((last[:, 0],))[0], projected[:, 0])
    assert {name: tuple(p.shape) for name, p in neck.state_dict().items()} == {"proj": (6, 4)}


def test_weights_keep_the_scale() -> None:
    torch.manual_seed(0)
    out = CLIPProjection(400, 300)((torch.randn(50, 400),))[0]
    assert 0.9 < out.std().item() < 1.1


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0)])
def test_sizes(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="channels=0 must be at least 1"):
        CLIPProjection(*sizes)


@pytest.mark.parametrize("shape", [(2, 5, 8), (2, 6, 3, 3)])
def test_other_features(shape: tuple[int, ...]) -> None:
    message = r"takes tokens \[B, N, 6\], got \[2, .*\]; set in_channels to the backbone's"
    with pytest.raises(ValueError, match=message):
        CLIPProjection(6, 4)((torch.zeros(shape),))
