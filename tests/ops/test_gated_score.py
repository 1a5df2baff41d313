import pytest
import torch
from torch.testing import assert_close

from mmsrdl.ops import gated_score
from mmsrdl.ops.chunks import CHUNK_ELEMENTS

SHAPES = [(2, 6, 4, 5), (1, 1, 1, 1), (3, 7, 13, 2)]  # B, P, D, C


def plain(position: torch.Tensor, label: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return ((position[:, :, None] * label).tanh() * weight).sum(-1)


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
    monkeypatch.setitem(CHUNK_ELEMENTS, "cpu", budget)
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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    inputs = make((2, 5, 33, 4), torch.float32)
    low = [value.detach().to(dtype).requires_grad_() for value in inputs]
    score = gated_score(*low)
    assert score.dtype == dtype
    assert_close(score, plain(*(value.float() for value in low)).to(dtype))
    score.sum().backward()
    assert all(value.grad.dtype == dtype for value in low)


def test_autocast() -> None:
    inputs = make((1, 4, 8, 3), torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        score = gated_score(inputs[0].bfloat16(), *inputs[1:])
    assert score.dtype == torch.bfloat16
    score.float().sum().backward()
    assert inputs[1].grad.isfinite().all()


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
