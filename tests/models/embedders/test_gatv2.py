import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import GATv2
from mmsrdl.models.embedders import GATv2Layer
from mmsrdl.ops import chunked


def make(dropout: float = 0.0, **options: int) -> GATv2:
    torch.manual_seed(0)
    sizes = dict(in_channels=5, hidden_channels=6, num_heads=3, out_channels=4)
    return GATv2(**{**sizes, **options}, dropout=dropout).double()


def layer_by_loops(layer: GATv2Layer, h: Tensor) -> Tensor:
    """h' of every label, number by number."""
    heads, count = layer.num_heads, len(h)
    weight, a = layer.linear.weight.tolist(), layer.attn.weight[0].tolist()
    size = len(a)
    g = [[sum(w * v for w, v in zip(row, x, strict=True)) for row in weight] for x in h.tolist()]
    result = torch.zeros(count, heads * size, dtype=h.dtype)
    for i in range(count):
        for k in range(heads):
            channels = range(k * size, (k + 1) * size)
            e = []
            for j in range(count):
                sums = [g[i][c] + g[j][c] for c in channels]
                active = [z if z > 0 else layer.negative_slope * z for z in sums]
                e.append(sum(x * y for x, y in zip(a, active, strict=True)))
            total = sum(math.exp(x) for x in e)
            for c in channels:
                result[i, c] = sum(math.exp(e[j]) / total * g[j][c] for j in range(count))
    return result


@pytest.mark.parametrize(("heads", "slope"), [(1, 0.2), (3, 0.2), (2, 0.0)])
def test_layer_equals_loops_over_single_numbers(heads: int, slope: float) -> None:
    torch.manual_seed(0)
    layer = GATv2Layer(4, 6, heads, negative_slope=slope).double()
    h = torch.randn(5, 4, dtype=torch.float64)
    assert_close(layer(h), layer_by_loops(layer, h))


def test_two_layers_with_elu_between() -> None:
    graph, t = make(), torch.randn(7, 5, dtype=torch.float64)
    middle = torch.nn.functional.elu(layer_by_loops(graph.layer1, t))
    assert_close(graph(t), layer_by_loops(graph.layer2, middle))


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_chunks_of_rows_change_nothing(dropout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = make(dropout)
    t = torch.randn(7, 5, dtype=torch.float64, requires_grad=True)
    results = []
    for chunk in (1 << 20, 7 * 6 * 2, 1):
        monkeypatch.setitem(chunked.CHUNK, "cpu", chunk)
        torch.manual_seed(1)
        g = graph(t)
        results.append([g, *torch.autograd.grad(g.square().sum(), [t, *graph.parameters()])])
    for other in results[1:]:
        assert_close(other, results[0])


def test_order_of_the_labels_is_of_no_account() -> None:
    graph, t = make(), torch.randn(7, 5, dtype=torch.float64)
    order = torch.randperm(7)
    assert_close(graph(t[order]), graph(t)[order])
    assert graph(t[:2]).shape == (2, 4)


def test_published_sizes_and_names() -> None:
    shapes = {k: tuple(v.shape) for k, v in GATv2(in_channels=512).state_dict().items()}
    assert shapes == {
        "layer1.linear.weight": (128, 512),
        "layer1.attn.weight": (1, 32),
        "layer2.linear.weight": (512, 128),
        "layer2.attn.weight": (1, 512),
    }


def test_dropout_only_while_training() -> None:
    graph, t = make(0.5), torch.randn(7, 5, dtype=torch.float64)
    assert not torch.equal(graph(t), graph(t))
    assert_close(graph.eval()(t), make()(t))


def test_autocast_changes_nothing() -> None:
    graph, t = make().float(), torch.randn(7, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = graph(t)
    assert low.dtype == torch.float32
    assert_close(low, graph(t), rtol=0, atol=0)


def test_no_tensor_is_kept_of_all_pairs_and_channels() -> None:
    graph, t = make(), torch.randn(30, 5, dtype=torch.float64)
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        graph(t)
    assert max(kept) <= 30 * 30 * 3  # (N, N, heads)


@pytest.mark.parametrize("name", ["in_channels", "hidden_channels", "num_heads", "out_channels"])
def test_sizes_out_of_range(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1, such as"):
        make(**{name: 0})
    with pytest.raises(TypeError, match=f"{name}=2.5 must be an integer"):
        make(**{name: 2.5})


def test_other_numbers_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"num_heads=4 must divide the 6 channels"):
        make(num_heads=4)
    with pytest.raises(ValueError, match=r"dropout=1.5 must be a number in \[0, 1\]"):
        make(dropout=1.5)
    with pytest.raises(ValueError, match="negative_slope=-1 must be a finite number of at least 0"):
        make(negative_slope=-1)
