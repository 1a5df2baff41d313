from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import SemanticDecoupling


def make(**options: int) -> SemanticDecoupling:
    torch.manual_seed(0)
    return SemanticDecoupling(**{**dict(in_channels=8, embed_dims=5, hidden_channels=6), **options})


def run(attention: SemanticDecoupling, size: tuple[int, int] = (3, 4), batch: int = 2):
    x, feature = torch.randn(4, 5), torch.randn(batch, 8, *size)
    return attention(feature, attention.embed_labels(x)), feature


def test_shapes_and_what_it_offers() -> None:
    attention = make()
    maps, _ = run(attention)
    assert maps.spatial_map().shape == (2, 4, 3, 4)
    assert attention.pool(maps).shape == (2, 4, 8)
    assert attention.out_channels == 8
    assert attention.has_maps
    assert attention.erasable
    assert attention.sums_to_one
    assert not attention.has_channel_branch
    assert maps.scores is None
    assert_close(maps.spatial.sum(-1), torch.ones(2, 4))


def test_names_are_those_of_the_published_layout() -> None:
    shapes = {name: tuple(value.shape) for name, value in make().state_dict().items()}
    assert shapes == {
        "fc_1.weight": (6, 8),
        "fc_2.weight": (6, 5),
        "fc_3.weight": (6, 6),
        "fc_3.bias": (6,),
        "fc_a.weight": (1, 6),
        "fc_a.bias": (1,),
    }
    assert SemanticDecoupling(2048, 300).fc_3.weight.shape == (1024, 1024)


def test_a_flat_map_averages_the_positions() -> None:
    attention = make()
    torch.nn.init.zeros_(attention.fc_a.weight)
    maps, feature = run(attention)
    assert_close(attention.pool(maps), feature.mean((2, 3))[:, None].expand(2, 4, 8))


def test_erased_positions_weigh_nothing_and_the_others_what_they_did() -> None:
    attention = make()
    maps, feature = run(attention)
    erased = torch.zeros(2, 4, 3, 4, dtype=torch.bool)
    assert_close(attention.pool(maps, erased), attention.pool(maps))
    erased[:, 1, :2] = True
    pooled = attention.pool(maps, erased)
    left = torch.einsum("bhw,bdhw->bd", maps.spatial_map()[:, 1, 2:], feature[:, :, 2:])
    assert_close(pooled[:, 1], left)
    assert_close(pooled[:, [0, 2, 3]], attention.pool(maps)[:, [0, 2, 3]])
    assert (attention.pool(maps, ~torch.zeros_like(erased)) == 0).all()


@pytest.mark.parametrize("batch", [0, 1])
def test_small_batches_have_gradients(batch: int) -> None:
    attention = make()
    maps, _ = run(attention, batch=batch)
    attention.pool(maps).sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in attention.parameters())


def test_autocast() -> None:
    attention, x, feature = make(), torch.randn(4, 5), torch.randn(2, 8, 3, 4)
    expected = attention.pool(attention(feature, attention.embed_labels(x)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = attention(feature, attention.embed_labels(x))
        pooled = attention.pool(maps)
    assert maps.spatial.dtype == torch.float32
    assert_close(pooled.float(), expected, rtol=0, atol=0.02)
    pooled.float().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in attention.parameters())


def test_no_tensor_of_positions_classes_and_channels(
    largest_tensor: Callable[[Callable[[], Tensor]], int],
) -> None:
    attention = make(in_channels=8, hidden_channels=64)
    x, feature = torch.randn(4, 5), torch.randn(2, 8, 6, 6, requires_grad=True)
    found = largest_tensor(
        lambda: attention.pool(attention(feature, attention.embed_labels(x))).sum()
    )
    assert found < 2 * 36 * 4 * 64


@pytest.mark.parametrize("name", ["in_channels", "embed_dims", "hidden_channels"])
def test_sizes_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        make(**{name: 0})
    with pytest.raises(TypeError, match=f"{name}=2.5 must be an integer"):
        make(**{name: 2.5})


def test_no_label_embeddings() -> None:
    with pytest.raises(ValueError, match="needs label embeddings; give the head an embedder"):
        make().embed_labels(None)
