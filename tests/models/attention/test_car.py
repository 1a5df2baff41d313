import pytest
import torch

from mmsrdl.models.attention import AttentionMaps, CARAttention

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "weights",
    [(-0.1, 1), (0, 0), (NAN, 1), (INF, 1), (1,), (1, 1, 1), ("1", "1"), (True, 1), "ab", 0.5],
)
def test_weights_out_of_range(weights: object) -> None:
    with pytest.raises(
        ValueError, match=r"weights=.* must be \(w_s, w_c\), two .* such as"
    ) as info:
        CARAttention(8, 4, weights=weights)
    assert f"weights={weights!r}" in str(info.value)


@pytest.mark.parametrize("weights", [(0, 1), [0.5, 0.5], (2, 0)])
def test_weights_in_range(weights: tuple[float, float]) -> None:
    assert CARAttention(8, 4, weights=weights).weights == tuple(weights)


@pytest.mark.parametrize("name", ["in_channels", "embed_dims", "hidden_channels"])
def test_sizes_out_of_range(name: str) -> None:
    sizes = dict(in_channels=8, embed_dims=4, hidden_channels=6)
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        CARAttention(**{**sizes, name: 0})
    with pytest.raises(TypeError, match=f"{name}=2.5 must be an integer of at least 1"):
        CARAttention(**{**sizes, name: 2.5})


def test_no_spatial_maps() -> None:
    maps = CARAttention(8, 4, use_spatial=False)(torch.rand(1, 8, 3, 3), torch.rand(2, 8))
    assert isinstance(maps, AttentionMaps)
    with pytest.raises(ValueError, match=r"no spatial maps, .* with use_spatial=True"):
        maps.spatial_map()


def test_a_batch_of_no_image_has_gradients() -> None:
    attention = CARAttention(8, 4)
    maps = attention(torch.rand(0, 8, 3, 3), attention.embed_labels(torch.rand(2, 4)))
    feature = attention.pool(maps)
    assert feature.shape == (0, 2, 8)
    feature.sum().backward()
    assert all((p.grad == 0).all() for p in attention.parameters())
