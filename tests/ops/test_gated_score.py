import itertools
import math
from collections.abc import Iterator

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.ops import chunked, cpu, gated_score, use_backend

SHAPES = [(2, 6, 4, 5), (1, 1, 1, 1), (3, 7, 13, 2)]  # B, P, D, C


@pytest.fixture(params=["cpu", "chunked"], autouse=True)
def _backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with use_backend(request.param):
        yield


def plain(*inputs: torch.Tensor) -> torch.Tensor:
    with use_backend("plain"):
        return gated_score(*inputs)


def make(shape: tuple[int, int, int, int], dtype: torch.dtype) -> list[torch.Tensor]:
    torch.manual_seed(0)
    batch, positions, dim, classes = shape
    sizes = ((batch, positions, dim), (classes, dim), (dim,))
    return [torch.randn(size, dtype=dtype, requires_grad=True) for size in sizes]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("budget", [1, 11, 1 << 19])
def test_equals_plain_form_in_any_chunking(
    shape: tuple, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunked.CHUNK, "cpu", budget)
    monkeypatch.setattr(cpu, "BUFFER", budget)
    inputs = make(shape, torch.float64)
    ours, theirs = gated_score(*inputs), plain(*inputs)
    assert_close(ours, theirs)
    grad = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, grad),
        torch.autograd.grad(theirs, inputs, grad),
        strict=True,
    ):
        assert_close(a, b)


@pytest.mark.parametrize("sizes", [(0, 6, 4, 5), (2, 0, 4, 5), (2, 6, 4, 0)])
def test_nothing_to_score(sizes: tuple) -> None:
    inputs = make(sizes, torch.float32)
    score = gated_score(*inputs)
    assert score.shape == (sizes[0], sizes[1], sizes[3])
    score.sum().backward()
    assert all((value.grad == 0).all() for value in inputs)


def test_gradcheck() -> None:
    assert torch.autograd.gradcheck(gated_score, make((2, 3, 4, 3), torch.float64))


def test_equals_the_loops_of_the_paper() -> None:
    position, label, weight = (v.detach() for v in make((1, 3, 4, 2), torch.float64))
    ours = gated_score(position, label, weight)
    for p, c in itertools.product(range(3), range(2)):
        terms = (
            weight[k].item() * math.tanh(position[0, p, k].item() * label[c, k].item())
            for k in range(4)
        )
        assert ours[0, p, c].item() == pytest.approx(sum(terms), rel=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 35, 33, 1), (1, 1, 70, 3), (2, 12, 300, 80)])
def test_float32_at_odd_shapes(shape: tuple) -> None:
    exact = make(shape, torch.float64)
    inputs = [value.detach().float().requires_grad_() for value in exact]
    ours, truth = gated_score(*inputs), plain(*exact)
    assert_close(ours.double(), truth, rtol=1e-5, atol=1e-5)
    grad = torch.randn(ours.shape)
    found = torch.autograd.grad(ours, inputs, grad)
    expected = torch.autograd.grad(truth, exact, grad.double())
    for a, b in zip(found, expected, strict=True):
        assert_close(a.double(), b, rtol=1e-5, atol=1e-5 * max(1.0, b.abs().max().item()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    low = [v.detach().to(dtype).requires_grad_() for v in make((2, 5, 33, 4), torch.float32)]
    exact = [value.detach().double().requires_grad_() for value in low]
    score, truth = gated_score(*low), plain(*exact)
    assert score.dtype == torch.float32
    assert_close(score.double(), truth, rtol=1e-5, atol=1e-5)
    score.sum().backward()
    truth.sum().backward()
    for a, b in zip(low, exact, strict=True):
        assert a.grad.dtype == dtype
        assert_close(a.grad.double(), b.grad, rtol=torch.finfo(dtype).eps, atol=1e-5)


def test_autocast() -> None:
    inputs = make((1, 4, 8, 3), torch.float32)
    low = inputs[0].detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        score = gated_score(low, *inputs[1:])
    assert_close(score.detach(), plain(low.float(), *inputs[1:]).detach())
    score.sum().backward()
    assert inputs[1].grad.isfinite().all()


@pytest.mark.parametrize("value", [1e4, -1e4, 3e38])
def test_saturated_gates_give_no_nan(value: float) -> None:
    inputs = make((1, 2, 3, 2), torch.float32)
    with torch.no_grad():
        inputs[0].fill_(value)
        inputs[1].fill_(10.0)
    score = gated_score(*inputs)
    sign = math.copysign(1.0, value)
    assert_close(score, (sign * inputs[2].sum()).expand(1, 2, 2))
    score.sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in inputs[1:])


def test_nan_is_not_hidden() -> None:
    inputs = [value.detach() for value in make((1, 4, 8, 3), torch.float32)]
    inputs[0][0, 2, 5] = torch.nan
    score = gated_score(*inputs)
    assert score[0, 2].isnan().all()
    assert score.isnan().sum() == 3


def test_no_large_tensor_is_kept_for_the_backward_pass() -> None:
    inputs = make((2, 50, 16, 20), torch.float32)
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        gated_score(*inputs)
    assert max(kept) <= 2 * 50 * 20  # [B, P, C], not [B, P, C, D]


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((2, 3), (4, 3), (3,)), r"position \[B, P, D\]"),
        (((2, 5, 3), (4, 2), (3,)), "share their last dimension D"),
    ],
)
def test_wrong_shapes(shapes: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gated_score(*(torch.zeros(shape) for shape in shapes))


def test_different_devices() -> None:
    with pytest.raises(ValueError, match="must be on one device, got cpu, meta and cpu"):
        gated_score(torch.zeros(1, 2, 3), torch.zeros(4, 3, device="meta"), torch.zeros(3))
