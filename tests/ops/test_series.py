import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mmsrdl.ops import chunked, cpu, series


def make(
    largest: float, rows: int = 300, classes: int = 7, dim: int = 40
) -> tuple[torch.Tensor, ...]:
    """a, u, w and a gradient of s, float64; |a u| reaches ``largest`` in every channel."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((rows, dim), (classes, dim), (dim,), (rows, classes))
    a, u, w, g = (torch.randn(s, generator=generator, dtype=torch.float64) for s in sizes)
    return a / a.abs().amax(0), u / u.abs().amax(0) * largest, w, g


@pytest.mark.parametrize("limit", series.RANGES)
def test_polynomial_equals_tanh_on_its_range(limit: float) -> None:
    z = np.linspace(-limit, limit, 4001)
    value = sum(c * z ** (2 * m + 1) for m, c in enumerate(series.coefficients(limit)))
    assert np.abs(value - np.tanh(z)).max() < 3e-8


def test_no_polynomial_for_large_gates() -> None:
    with pytest.raises(ValueError, match=r"limit=6.0: no short polynomial"):
        series.coefficients(6.0)


@pytest.mark.parametrize("limit", series.RANGES)
@pytest.mark.parametrize("rows", [1, 300])
def test_equals_tanh_in_float64(limit: float, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "ROWS", 128)  # blocks, the last of them not full
    a, u, w, g = make(limit, rows)
    w[3] = 0.0
    low = [value.float() for value in (a, u, w)]
    score = series.forward(*low, limit)
    assert_close(score.double(), chunked.gated_score_forward(a, u, w), rtol=1e-6, atol=3e-6)
    found, expected = (
        series.backward(g.float(), *low, limit),
        chunked.gated_score_backward(g, a, u, w),
    )
    for ours, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max().item()
        assert_close(ours.double(), theirs, rtol=1e-5, atol=5e-6 * scale)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 100.0, 1e6])
def test_one_factor_may_be_large_where_the_gate_is_small(size: float) -> None:
    a, u, w, g = make(1.2)
    a, u = a * size, u / size
    a[:, 0] = 0.0
    u[:, 1] = 0.0
    low = [value.float() for value in (a, u, w)]
    score = cpu.gated_score_forward(*low).double()
    assert_close(score, chunked.gated_score_forward(a, u, w), rtol=1e-6, atol=3e-6)
    found = cpu.gated_score_backward(g.float(), *low)
    for ours, theirs in zip(found, chunked.gated_score_backward(g, a, u, w), strict=True):
        assert_close(ours.double(), theirs, rtol=1e-5, atol=5e-6 * theirs.abs().max().item())


def test_channels_are_split_by_their_gates() -> None:
    a, u, *_ = make(1.0)
    u[:, :4] *= 30.0
    a[0, 5] = torch.nan
    u[0, 6] = torch.inf
    (small, limit), (large, none) = series.limits(a, u)
    assert limit == 1.0
    assert none is None
    assert large.nonzero().flatten().tolist() == [0, 1, 2, 3, 5, 6]
    assert torch.equal(small, ~large)


def test_range_is_that_of_the_largest_gate() -> None:
    for largest, limit in ((0.01, 0.25), (0.4, 0.5), (1.2, 1.5)):
        a, u, *_ = make(largest)
        assert [part[1] for part in series.limits(a, u)] == [limit]


def test_few_small_gates_do_not_pay() -> None:
    a, u, *_ = make(1.0)
    u[:, 8:] *= 30.0
    ((every, limit),) = series.limits(a, u)
    assert every.all()
    assert limit is None


@pytest.mark.parametrize("large", [0, 7, 40])
def test_backend_puts_the_parts_together(large: int) -> None:
    a, u, w, g = make(0.9)
    u[:, :large] *= 20.0
    low = [value.float() for value in (a, u, w)]
    assert_close(
        cpu.gated_score_forward(*low).double(),
        chunked.gated_score_forward(a, u, w),
        rtol=1e-5,
        atol=1e-5,
    )
    found = cpu.gated_score_backward(g.float(), *low)
    for ours, theirs in zip(found, chunked.gated_score_backward(g, a, u, w), strict=True):
        assert_close(ours.double(), theirs, rtol=1e-5, atol=5e-6 * theirs.abs().max().item())


def test_float64_is_exact() -> None:
    a, u, w, _ = make(0.1)
    truth = ((a[:, None] * u).tanh() * w).sum(-1)
    assert_close(cpu.gated_score_forward(a, u, w), truth, rtol=1e-13, atol=1e-13)
