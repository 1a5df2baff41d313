import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.ops import attended_max_pool, chunked, cpu, use_backend


@pytest.fixture(params=["cpu", "chunked"], autouse=True)
def _backend(request: pytest.FixtureRequest) -> Iterator[None]:
    with use_backend(request.param):
        yield


def make(batch: int = 2, positions: int = 6, dim: int = 5, classes: int = 4) -> dict[str, Tensor]:
    torch.manual_seed(0)
    values = dict(
        feature=torch.randn(batch, positions, dim, dtype=torch.float64),
        spatial=torch.rand(batch, classes, positions, dtype=torch.float64),
        channel=torch.rand(batch, classes, dim, dtype=torch.float64),
    )
    return {name: value.requires_grad_() for name, value in values.items()}


@pytest.mark.parametrize("without", [(), ("spatial",), ("channel",)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("budget", [1, 1 << 19])
def test_equals_plain_form(
    without: tuple, masked: bool, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(chunked.CHUNK, "cpu", budget)
    monkeypatch.setattr(cpu, "BUFFER", budget)
    inputs: dict = {**make(), **dict.fromkeys(without)}
    torch.manual_seed(1)
    keep = torch.rand(2, 4, 6) < 0.7 if masked else None
    ours = attended_max_pool(**inputs, weights=(0.3, 0.9), keep=keep)
    with use_backend("plain"):
        theirs = attended_max_pool(**inputs, weights=(0.3, 0.9), keep=keep)
    assert_close(ours, theirs)
    wanted = [value for value in inputs.values() if value is not None]
    grad = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, wanted, grad),
        torch.autograd.grad(theirs, wanted, grad),
        strict=True,
    ):
        assert_close(a, b)


def test_equals_the_loops_of_the_paper() -> None:
    inputs = make(batch=1, positions=4, dim=3, classes=2)
    ours = attended_max_pool(**inputs, weights=(0.3, 0.9))
    feature, spatial, channel = (value.detach()[0].tolist() for value in inputs.values())
    for c, k in itertools.product(range(2), range(3)):
        best = max(feature[p][k] * (0.3 * spatial[c][p] + 0.9 * channel[c][k]) for p in range(4))
        assert ours[0, c, k].item() == pytest.approx(best, rel=1e-12)


def test_gradcheck() -> None:
    assert torch.autograd.gradcheck(lambda f, s, c: attended_max_pool(f, s, c), (*make().values(),))


@pytest.mark.parametrize("missing", ["spatial", "channel"])
def test_gradcheck_of_one_attention_with_a_mask(missing: str) -> None:
    inputs: dict = {**make(), missing: None}
    keep = torch.rand(2, 4, 6) < 0.7

    def pooled(*given: Tensor) -> Tensor:
        values = iter(given)
        operands = {name: None if v is None else next(values) for name, v in inputs.items()}
        return attended_max_pool(**operands, weights=(0.3, 0.9), keep=keep)

    assert torch.autograd.gradcheck(pooled, tuple(v for v in inputs.values() if v is not None))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 35, 33, 1), (1, 1, 70, 3), (3, 12, 31, 80)])
def test_float32_at_odd_shapes(shape: tuple[int, int, int, int]) -> None:
    exact = make(*shape)
    inputs = {name: v.detach().float().requires_grad_() for name, v in exact.items()}
    grad = torch.randn(shape[0], shape[3], shape[2])
    with use_backend("plain"):
        truth = attended_max_pool(**exact)
    ours = attended_max_pool(**inputs)
    assert_close(ours.double(), truth, rtol=1e-5, atol=1e-5)
    found = torch.autograd.grad(ours, [*inputs.values()], grad)
    expected = torch.autograd.grad(truth, [*exact.values()], grad.double())
    for a, b in zip(found, expected, strict=True):
        assert_close(a.double(), b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_that_of_the_result_alone(dtype: torch.dtype) -> None:
    rounded = {name: value.detach().to(dtype) for name, value in make(2, 35, 33, 9).items()}
    with use_backend("plain"):
        truth = attended_max_pool(**{name: value.double() for name, value in rounded.items()})
    ours = attended_max_pool(**rounded)
    assert ours.dtype == dtype
    assert_close(ours.double(), truth, rtol=torch.finfo(dtype).eps, atol=0)


def test_types_may_differ() -> None:
    inputs = {name: value.detach().float().requires_grad_() for name, value in make().items()}
    low = inputs["feature"].detach().bfloat16().requires_grad_()
    pooled = attended_max_pool(low, inputs["spatial"], inputs["channel"])
    pooled.float().sum().backward()
    assert pooled.dtype == torch.bfloat16
    assert low.grad.dtype == torch.bfloat16
    assert inputs["spatial"].grad.dtype == torch.float32


def test_strides_do_not_matter() -> None:
    inputs = make()
    turned = {
        name: value.detach().transpose(1, 2).contiguous().transpose(1, 2).requires_grad_()
        for name, value in inputs.items()
    }
    ours, theirs = attended_max_pool(**turned), attended_max_pool(**inputs)
    assert_close(ours, theirs, rtol=0, atol=0)
    ours.sum().backward()
    theirs.sum().backward()
    for name, value in turned.items():
        assert_close(value.grad, inputs[name].grad, rtol=0, atol=0)


@pytest.mark.parametrize("classes", [1, 300])
def test_nan_is_not_hidden(classes: int) -> None:
    inputs = {name: value.detach() for name, value in make(classes=classes).items()}
    inputs["feature"][1, 4, 2] = torch.nan
    pooled = attended_max_pool(**inputs)
    assert pooled[1, :, 2].isnan().all()
    assert pooled.isnan().sum() == classes


def test_gradient_of_equal_maxima_goes_to_the_first() -> None:
    feature = torch.ones(1, 3, 1, requires_grad=True)
    attended_max_pool(feature, None, torch.ones(1, 1, 1), (1.0, 1.0)).sum().backward()
    assert_close(feature.grad[0, :, 0], torch.tensor([1.0, 0.0, 0.0]))


def test_no_large_tensor_is_kept_for_the_backward_pass() -> None:
    inputs = make(2, 50, 16, 20)
    kept: list[Tensor] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        attended_max_pool(**inputs)
    assert max(tensor.numel() for tensor in kept) <= 2 * 20 * 50  # not [B, C, P, D]
    assert [t.dtype for t in kept if not t.is_floating_point()] == [torch.int16]


def test_positions_beyond_int16() -> None:
    positions = torch.iinfo(torch.int16).max + 3
    feature = torch.zeros(1, positions, 1, requires_grad=True)
    with torch.no_grad():
        feature[0, -1] = 1.0
    attended_max_pool(feature, None, torch.ones(1, 1, 1), (1.0, 1.0)).sum().backward()
    assert feature.grad[0, -1, 0] == 1.0
    assert feature.grad.sum() == 1.0


def test_both_attentions_missing() -> None:
    with pytest.raises(ValueError, match="`spatial` or `channel`"):
        attended_max_pool(torch.zeros(1, 2, 3), None, None)


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match=r"`spatial` must be \[1, C, 2\]"):
        attended_max_pool(torch.zeros(1, 2, 3), torch.zeros(1, 4, 5), None)


@pytest.mark.parametrize("name", ["channel", "keep"])
def test_different_numbers_of_classes(name: str) -> None:
    inputs = {**make(classes=4), "keep": torch.ones(2, 4, 6, dtype=torch.bool)}
    inputs[name] = inputs[name][:, :1]
    with pytest.raises(ValueError, match=rf"`{name}` must be .* one C for all \(here 4\), got"):
        attended_max_pool(**inputs)


def test_mask_of_numbers() -> None:
    with pytest.raises(TypeError, match=r"`keep` must be a boolean mask, got torch.float32; use"):
        attended_max_pool(
            torch.zeros(1, 2, 3), torch.zeros(1, 4, 2), None, keep=torch.ones(1, 4, 2)
        )


def test_different_devices() -> None:
    with pytest.raises(ValueError, match="`spatial` is on meta and feature on cpu"):
        attended_max_pool(torch.zeros(1, 2, 3), torch.zeros(1, 4, 2, device="meta"), None)


def test_no_position() -> None:
    with pytest.raises(ValueError, match=r"at least one position P, got \[2, 0, 5\]"):
        attended_max_pool(torch.zeros(2, 0, 5), torch.zeros(2, 4, 0), None)


def test_no_image() -> None:
    inputs = make(batch=0)
    pooled = attended_max_pool(**inputs)
    assert pooled.shape == (0, 4, 5)
    pooled.sum().backward()
    assert all(value.grad is not None for value in inputs.values())
