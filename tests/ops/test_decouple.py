"""Both operators that end in softmaxes over positions: decouple and reweight."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.ops import chunked, decouple, reweight, use_backend

Operator = Callable[[Tensor, Tensor, Tensor], Tensor]
SHAPES = [(2, 6, 4, 5), (1, 1, 1, 1), (3, 7, 13, 2)]  # B, P, D, C
both = pytest.mark.parametrize("operator", [decouple, reweight])


def plain(operator: Operator, *inputs: Tensor) -> Tensor:
    with use_backend("plain"):
        return operator(*inputs)


def make(shape: tuple, dtype: torch.dtype, per_image: bool = True) -> list[Tensor]:
    torch.manual_seed(0)
    batch, positions, dim, classes = shape
    label = (batch, classes, dim) if per_image else (classes, dim)
    sizes = ((batch, positions, dim), label, (dim, dim))
    return [torch.randn(size, dtype=dtype, requires_grad=True) for size in sizes]


def shares(position: Tensor, label: Tensor, weight: Tensor) -> list[list[float]]:
    """Softmaxes over positions of one image and one class, as [P][D], number by number."""
    positions, dim = position.shape
    x, u, w = position.tolist(), label.tolist(), weight.tolist()
    logits = [
        [sum(w[d][k] * math.tanh(x[p][k] * u[k]) for k in range(dim)) for d in range(dim)]
        for p in range(positions)
    ]
    total = [sum(math.exp(logits[p][d]) for p in range(positions)) for d in range(dim)]
    return [[math.exp(logits[p][d]) / total[d] for d in range(dim)] for p in range(positions)]


@pytest.mark.parametrize("per_image", [True, False])
def test_equal_loops_over_single_numbers(per_image: bool) -> None:
    batch, positions, dim, classes = shape = (2, 3, 4, 5)
    position, label, weight = (v.detach() for v in make(shape, torch.float64, per_image))
    s, total = decouple(position, label, weight), reweight(position, label, weight)
    for b in range(batch):
        labels = label[b] if per_image else label
        by_class = [shares(position[b], labels[c], weight) for c in range(classes)]
        for d in range(dim):
            for c in range(classes):
                mean = sum(by_class[c][p][d] * position[b, p, d].item() for p in range(positions))
                assert s[b, c, d].item() == pytest.approx(mean, rel=1e-10)
            for p in range(positions):
                summed = sum(by_class[c][p][d] for c in range(classes))
                assert total[b, p, d].item() == pytest.approx(summed, rel=1e-10)


@both
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("per_image", [True, False])
@pytest.mark.parametrize("budget", [1, 100, 1 << 20])
def test_equals_plain_form_in_any_chunking(
    operator: Operator,
    shape: tuple,
    per_image: bool,
    budget: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(chunked.CHUNK, "cpu", budget)
    inputs = make(shape, torch.float64, per_image)
    ours, theirs = operator(*inputs), plain(operator, *inputs)
    assert_close(ours, theirs)
    grad = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, grad),
        torch.autograd.grad(theirs, inputs, grad),
        strict=True,
    ):
        assert_close(a, b)


@both
@pytest.mark.parametrize("per_image", [True, False])
def test_gradcheck(operator: Operator, per_image: bool) -> None:
    assert torch.autograd.gradcheck(operator, make((2, 3, 4, 2), torch.float64, per_image))


@both
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 35, 33, 1), (2, 12, 70, 40)])
def test_float32_at_odd_shapes(operator: Operator, shape: tuple) -> None:
    exact = make(shape, torch.float64)
    inputs = [value.detach().float().requires_grad_() for value in exact]
    ours, truth = operator(*inputs), plain(operator, *exact)
    assert_close(ours.double(), truth, rtol=1e-5, atol=1e-5)
    grad = torch.randn(ours.shape)
    found = torch.autograd.grad(ours, inputs, grad)
    expected = torch.autograd.grad(truth, exact, grad.double())
    for a, b in zip(found, expected, strict=True):
        assert_close(a.double(), b, rtol=1e-5, atol=2e-5 * max(1.0, b.abs().max().item()))


@both
@pytest.mark.parametrize("form", ["plain", "chunked"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(
    operator: Operator, form: str, dtype: torch.dtype
) -> None:
    low = [v.detach().to(dtype).requires_grad_() for v in make((2, 5, 9, 4), torch.float32)]
    exact = [value.detach().double().requires_grad_() for value in low]
    with use_backend(form), torch.autocast("cpu", dtype=torch.bfloat16):
        ours = operator(*low)
    truth = plain(operator, *exact)
    assert ours.dtype == torch.float32
    assert_close(ours.double(), truth, rtol=1e-5, atol=1e-5)
    grad = torch.randn(ours.shape)
    ours.backward(grad)
    truth.backward(grad.double())
    for a, b in zip(low, exact, strict=True):
        assert a.grad.dtype == dtype
        assert_close(a.grad.double(), b.grad, rtol=2 * torch.finfo(dtype).eps, atol=1e-5)


@both
@pytest.mark.parametrize("sizes", [(0, 6, 4, 5), (2, 6, 4, 0)])
def test_nothing_to_weigh(operator: Operator, sizes: tuple) -> None:
    inputs = make(sizes, torch.float32)
    result = operator(*inputs)
    batch, positions, dim, classes = sizes
    assert result.shape == (batch, classes if operator is decouple else positions, dim)
    assert (result == 0).all()
    result.sum().backward()
    assert all((value.grad == 0).all() for value in inputs)


def test_flat_weights_average_the_positions() -> None:
    position, label, weight = (v.detach() for v in make((2, 6, 4, 5), torch.float64))
    s = decouple(position, label, torch.zeros_like(weight))
    assert_close(s, position.mean(1, keepdim=True).expand(2, 5, 4))
    total = reweight(position, label, torch.zeros_like(weight))
    assert_close(total, torch.full((2, 6, 4), 5 / 6, dtype=torch.float64))


def test_weights_sum_to_the_number_of_classes() -> None:
    total = reweight(*make((2, 6, 4, 5), torch.float64))
    assert_close(total.sum(1), torch.full((2, 4), 5.0, dtype=torch.float64))


@both
@pytest.mark.parametrize("value", [1e4, -1e4, 3e38])
def test_saturated_gates_give_no_nan(operator: Operator, value: float) -> None:
    inputs = make((1, 2, 3, 2), torch.float32)
    with torch.no_grad():
        inputs[0].fill_(value)
        inputs[1].fill_(10.0)
    result = operator(*inputs)
    assert_close(result, torch.full_like(result, value if operator is decouple else 1.0))
    result.sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in inputs[1:])


@both
def test_nan_is_not_hidden(operator: Operator) -> None:
    inputs = [value.detach() for value in make((2, 4, 8, 3), torch.float32)]
    inputs[0][0, 2, 5] = torch.nan
    result = operator(*inputs)
    assert result[0].isnan().all()
    assert result[1].isfinite().all()


@both
def test_no_large_tensor_is_kept_for_the_backward_pass(operator: Operator) -> None:
    inputs = make((2, 50, 16, 20), torch.float32)
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        operator(*inputs)
    assert max(kept) <= 2 * 50 * 16  # [B, P, D], not [B, P, C, D]


@both
@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (4, 3), (3, 3)), r"takes position \[B, P, D\]"),
        (((2, 5, 3), (4, 3), (3,)), r"weight \[D, D\]"),
        (((2, 5, 3), (4, 2), (3, 3)), "must share one D"),
        (((2, 5, 3), (4, 3), (3, 2)), "must share one D"),
        (((2, 5, 3), (3, 4, 3), (3, 3)), r"of as many images.* as \[C, D\]"),
        (((2, 0, 3), (4, 3), (3, 3)), "at least one position"),
    ],
)
def test_wrong_shapes(operator: Operator, shapes: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        operator(*(torch.zeros(shape) for shape in shapes))


@both
def test_different_devices(operator: Operator) -> None:
    operands = torch.zeros(1, 2, 3), torch.zeros(4, 3, device="meta"), torch.zeros(3, 3)
    with pytest.raises(ValueError, match="must be on one device, got cpu, meta and cpu"):
        operator(*operands)
