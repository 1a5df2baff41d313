import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import AttentionMaps, SemanticAttention


def make(**options: int) -> SemanticAttention:
    torch.manual_seed(0)
    return SemanticAttention(**{**dict(num_classes=4, in_channels=8, out_channels=6), **options})


def make_maps(attention: SemanticAttention, batch: int = 2) -> AttentionMaps:
    torch.manual_seed(1)
    return attention(torch.randn(batch, 8, 3, 4), None)


def test_shapes_and_what_it_offers() -> None:
    attention = make()
    maps = make_maps(attention)
    assert maps.spatial_map().shape == (2, 4, 3, 4)
    assert_close(maps.scores.sigmoid(), maps.spatial)
    assert maps.top_scores().shape == (2, 4)
    assert attention.pool(maps).shape == (2, 4, 6)
    assert attention.out_channels == 6
    assert attention.has_maps
    assert attention.erasable
    assert not attention.sums_to_one
    assert not attention.has_channel_branch
    assert {name: tuple(value.shape) for name, value in attention.state_dict().items()} == {
        "fc.weight": (4, 8),
        "transform.weight": (6, 8),
        "transform.bias": (6,),
    }


def test_transforming_before_summing_gives_the_same() -> None:
    attention = make()
    maps = make_maps(attention)
    assert_close(attention.pool(maps), maps.spatial @ attention.transform(maps.feature))


def test_erased_positions_leave_sum_and_maximum() -> None:
    attention = make()
    maps = make_maps(attention)
    erased = torch.zeros(2, 4, 3, 4, dtype=torch.bool)
    assert_close(attention.pool(maps, erased), attention.pool(maps))
    erased[:, 1, :2] = True
    left = slice(8, None)  # the last of three rows
    transformed = attention.transform(maps.feature)
    expected = (maps.spatial[:, 1, None, left] @ transformed[:, left])[:, 0]
    assert_close(attention.pool(maps, erased)[:, 1], expected)
    assert_close(maps.top_scores(erased)[:, 1], maps.scores[:, 1, left].amax(-1))
    assert_close(maps.top_scores(erased)[:, 0], maps.top_scores()[:, 0])


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches_have_gradients(batch: int) -> None:
    attention = make()
    maps = make_maps(attention, batch)
    (attention.pool(maps).sum() + maps.top_scores().sum()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in attention.parameters())


@pytest.mark.parametrize("name", ["num_classes", "in_channels", "out_channels"])
def test_sizes_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        make(**{name: 0})
    with pytest.raises(TypeError, match=f"{name}=2.5 must be an integer"):
        make(**{name: 2.5})
