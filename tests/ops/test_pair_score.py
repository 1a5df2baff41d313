import itertools

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.ops import chunked, pair_score, use_backend

SHAPES = [(5, 2, 3), (1, 1, 1), (7, 1, 13)]  # N, heads, K


def make(shape: tuple, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(size, dtype=dtype, requires_grad=True) for size in (shape, shape[-1:])]


def plain(*inputs: Tensor, slope: float = 0.2) -> Tensor:
    with use_backend("plain"):
        return pair_score(*inputs, slope)


@pytest.mark.parametrize("slope", [0.2, 0.0, 1.5])
def test_equals_loops_over_single_numbers(slope: float) -> None:
    node, weight = (v.detach() for v in make((4, 2, 3)))
    score = pair_score(node, weight, slope)
    g, a = node.tolist(), weight.tolist()
    for i, j, h in itertools.product(range(4), range(4), range(2)):
        sums = [x + y for x, y in zip(g[i][h], g[j][h], strict=True)]
        active = [z if z > 0 else slope * z for z in sums]
        expected = sum(w * z for w, z in zip(a, active, strict=True))
        assert score[i, j, h].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("budget", [1, 60, 1 << 20])
@pytest.mark.parametrize("slope", [0.2, 1.5])
def test_equals_plain_form_in_any_chunking(
    shape: tuple, budget: int, slope: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunked.CHUNK, "cpu", budget)
    inputs = make(shape)
    ours, theirs = pair_score(*inputs, slope), plain(*inputs, slope=slope)
    assert_close(ours, theirs)
    grad = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, grad),
        torch.autograd.grad(theirs, inputs, grad),
        strict=True,
    ):
        assert_close(a, b)


def test_gradcheck() -> None:
    assert torch.autograd.gradcheck(pair_score, make((4, 2, 3)))


@pytest.mark.parametrize("form", ["plain", "chunked"])
def test_half_precision_is_computed_in_float32(form: str) -> None:
    low = [value.detach().bfloat16().requires_grad_() for value in make((6, 2, 9))]
    exact = [value.detach().double().requires_grad_() for value in low]
    with use_backend(form), torch.autocast("cpu", dtype=torch.bfloat16):
        ours = pair_score(*low)
    truth = plain(*exact)
    assert ours.dtype == torch.float32
    assert_close(ours.double(), truth, rtol=1e-5, atol=1e-5)
    grad = torch.randn(ours.shape)
    ours.backward(grad)
    truth.backward(grad.double())
    for a, b in zip(low, exact, strict=True):
        assert a.grad.dtype == torch.bfloat16
        assert_close(a.grad.double(), b.grad, rtol=2**-7, atol=2e-3)


def test_no_nodes() -> None:
    node, weight = make((0, 2, 3))
    score = pair_score(node, weight)
    assert score.shape == (0, 0, 2)
    score.sum().backward()
    assert (weight.grad == 0).all()


def test_wrong_operands() -> None:
    with pytest.raises(ValueError, match=r"node \[N, heads, K\] and weight \[K\], got \[4, 3\]"):
        pair_score(torch.zeros(4, 3), torch.zeros(3))
    with pytest.raises(ValueError, match=r"got \[4, 2, 3\] and \[2\]"):
        pair_score(torch.zeros(4, 2, 3), torch.zeros(2))
    with pytest.raises(ValueError, match="must be on one device, got cpu and meta"):
        pair_score(torch.zeros(4, 2, 3), torch.zeros(3, device="meta"))
