import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from mmsrdl.models import AttentionMaps, DynamicGCN

MAPS = AttentionMaps(torch.zeros(2, 1, 1), None, None, (1, 1))


def make(**options: object) -> DynamicGCN:
    torch.manual_seed(0)
    return DynamicGCN(**{**dict(num_classes=3, in_channels=4), **options})


def make_feature(batch: int = 2) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(batch, 3, 4)


def test_shapes_and_initial_values() -> None:
    part = make(num_classes=80, in_channels=64)
    assert part.out_channels == 64
    shapes = {name: tuple(value.shape) for name, value in part.named_parameters()}
    assert shapes == {
        "static_graph.weight": (80, 80),
        "static_weight.weight": (64, 64),
        "static_weight.bias": (64,),
        "global_weight.weight": (64, 64),
        "global_weight.bias": (64,),
        "norm.weight": (64,),
        "norm.bias": (64,),
        "dynamic_graph.weight": (80, 128),
        "dynamic_graph.bias": (80,),
        "dynamic_weight.weight": (64, 64),
        "dynamic_weight.bias": (64,),
    }
    largest = part.static_graph.weight.abs().max()
    assert 0.9 * 80**-0.5 < largest <= 80**-0.5


def test_graph_differs_by_image() -> None:
    graph = make().eval().image_graph(make_feature())
    assert graph.shape == (2, 3, 3)
    assert 0 < graph.min() < graph.max() < 1
    assert (graph[0] - graph[1]).abs().min() > 1e-4


def test_a_class_makes_its_own_column() -> None:
    part, feature = make(norm_cfg=None), make_feature()
    # With every class the same in the mean, only the column of the class that changes does.
    changed = feature.clone()
    changed[:, 0] += 1
    changed[:, 1] -= 1
    before, after = part.image_graph(feature), part.image_graph(changed)
    assert_close(before[..., 2], after[..., 2])
    assert (before[..., :2] - after[..., :2]).abs().min() > 1e-5


def test_images_do_not_mix_while_evaluating() -> None:
    part, feature = make().eval(), make_feature(3)
    assert_close(part(feature, MAPS)[1:2], part(feature[1:2], MAPS))
    assert not torch.allclose(part.train()(feature, MAPS)[:2], part(feature[:2], MAPS))


def test_one_image_cannot_train_a_batch_normalisation() -> None:
    with pytest.raises(ValueError, match=r"batch of 1 image.*drop_last=True.*norm_cfg=None"):
        make()(make_feature(1), MAPS)
    assert make().eval()(make_feature(1), MAPS).shape == (1, 3, 4)
    assert make(norm_cfg=None)(make_feature(1), MAPS).shape == (1, 3, 4)


def test_other_normalisations() -> None:
    assert isinstance(make(norm_cfg=None).norm, nn.Identity)
    assert isinstance(make(norm_cfg=dict(type="SyncBN")).norm, nn.SyncBatchNorm)
    assert isinstance(make(norm_cfg=dict(type="LN")).norm, nn.LayerNorm)


def test_autocast() -> None:
    part, feature = make(), make_feature()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = part(feature, MAPS)
    output.float().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in part.parameters())


@pytest.mark.parametrize("name", ["num_classes", "in_channels"])
def test_sizes_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        make(**{name: 0})


def test_slope_out_of_range() -> None:
    with pytest.raises(ValueError, match="negative_slope=-1 must be"):
        make(negative_slope=-1)


def test_a_shared_feature_is_refused() -> None:
    with pytest.raises(ValueError, match=r"DynamicGCN takes .* one that all share, \[2, 1, 4\]"):
        make()(make_feature()[:, :1], MAPS)
