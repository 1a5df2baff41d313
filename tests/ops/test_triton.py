"""The kernels against plain PyTorch in float64: interpreted on a CPU, compiled on a GPU.

Triton decides as it is imported whether kernels are interpreted. So `test_in_the_interpreter`
runs this file anew, in a process with TRITON_INTERPRET=1.
"""

import inspect
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mmsrdl import ops

backend = pytest.importorskip("mmsrdl.ops.triton_backend", reason="Triton is not installed")
triton = pytest.importorskip("triton")

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
on_device = pytest.mark.skipif(
    not INTERPRETED and not torch.cuda.is_available(),
    reason="needs a GPU; test_in_the_interpreter runs it on the CPU",
)
on_gpu = pytest.mark.skipif(
    INTERPRETED or not torch.cuda.is_available(), reason="needs a GPU: a full-size problem"
)
compiling = pytest.mark.skipif(INTERPRETED, reason="interpreted kernels are not compiled")

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
DTYPES = [(F32, F32, F32), (BF16, BF16, BF16), (F16, F16, F16), (BF16, F32, F16)]


@pytest.mark.skipif(INTERPRETED, reason="is in the interpreter")
@pytest.mark.skipif(
    triton.__version__.startswith("3.1.") and not np.__version__.startswith("1."),
    reason="Triton 3.1's interpreter needs NumPy 1",
)
@pytest.mark.parametrize("tests", ["not slow", pytest.param("slow", marks=pytest.mark.slow)])
def test_in_the_interpreter(tests: str) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-m", tests, __file__]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    run = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env={**environment, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        pytest.fail(f"{run.stdout}\n{run.stderr}", pytrace=False)
    assert re.search(r"\d+ passed", run.stdout)


def rand(*shape: int, dtype: torch.dtype = F32) -> Tensor:
    return torch.randn(shape).to(DEVICE, dtype)


def check(ours: Tensor, theirs: Tensor, slack: Tensor | float = 0.0) -> None:
    """`theirs` is in float64: `ours` is to be within a rounding of its own type."""
    relative = 1e-5 if ours.dtype == F32 else 0.51 * torch.finfo(ours.dtype).eps
    if INTERPRETED and ours.dtype == BF16:
        relative *= 2  # the interpreter rounds float32 towards zero
    assert ours.shape == theirs.shape
    error = (ours.double() - theirs).abs()
    bound = 1e-5 + relative * theirs.abs() + slack
    assert bool((error <= bound).all()), f"off by {(error / bound).max():.3g} times the bound"


def score64(a: Tensor, u: Tensor, w: Tensor) -> Tensor:
    return ((a.double()[:, None] * u.double()).tanh() * w.double()).sum(-1)


def check_score(a: Tensor, u: Tensor, w: Tensor, grad: Tensor) -> None:
    # tanh.approx is within 2^-11 of tanh, and 1 - tanh^2 with it within 2^-10.
    fast = 2.0**-10 if not INTERPRETED and F32 not in (a.dtype, u.dtype) else 0.0
    A, U, W, G = (x.double() for x in (a, u, w, grad))
    score = backend.gated_score_forward(a, u, w)
    assert score.dtype == F32
    size = (A[:, None] * U).abs().tanh()
    check(score, score64(a, u, w), fast * (size @ W.abs()))
    d_a, d_u, d_w = backend.gated_score_backward(grad, a, u, w)
    assert (d_a.dtype, d_u.dtype, d_w.dtype) == (a.dtype, u.dtype, w.dtype)
    z = A[:, None] * U
    slope = G[..., None] * (1 - z.tanh() ** 2)
    reach = fast * G.abs()
    check(d_a, (slope * U).sum(1) * W, 2 * reach @ U.abs() * W.abs())
    check(d_u, (slope * A[:, None]).sum(0) * W, 2 * reach.t() @ A.abs() * W.abs())
    check(d_w, (G[..., None] * z.tanh()).sum((0, 1)), (reach[..., None] * size).sum((0, 1)))


@on_device
@pytest.mark.parametrize("dtypes", DTYPES)
@pytest.mark.parametrize(
    "shape",  # R, C, D; the last ones have several tiles of each, and sums in parts
    [
        (1, 1, 1),
        (7, 5, 3),
        (35, 1, 33),
        pytest.param((131, 9, 70), marks=pytest.mark.slow),
        pytest.param((64, 33, 131), marks=pytest.mark.slow),
    ],
)
def test_gated_score(shape: tuple, dtypes: tuple) -> None:
    torch.manual_seed(0)
    rows, classes, dim = shape
    a, u, w = rand(rows, dim), rand(classes, dim), rand(dim) / math.sqrt(dim)
    a, u, w = (x.to(dtype) for x, dtype in zip((a, u, w), dtypes, strict=True))
    check_score(a, u, w, rand(rows, classes))


@on_device
def test_gated_score_of_any_strides() -> None:
    torch.manual_seed(0)
    a, u, w = rand(5, 9).t(), rand(1, 5).expand(4, 5), rand(10)[::2]
    check_score(a, u, w, rand(1, 1).expand(9, 4))


@on_device
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e25])
def test_gated_score_saturates(scale: float) -> None:
    torch.manual_seed(0)
    a, u, w = rand(6, 4).sign() * scale, rand(3, 4).sign() * scale, rand(4)
    check(backend.gated_score_forward(a, u, w), (a[:, None] * u).sign().double() @ w.double())
    d_a, d_u, _ = backend.gated_score_backward(rand(6, 3), a, u, w)
    assert (d_a == 0).all()
    assert (d_u == 0).all()


@on_device
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.1, 0.49, 0.51, 3.0])
def test_tanh_is_accurate_relative_to_itself(scale: float) -> None:
    a = torch.linspace(0.9, 1.1, 64, device=DEVICE)[:, None] * scale
    score = backend.gated_score_forward(a, torch.ones_like(a[:1]), torch.ones_like(a[0]))
    error = (score.double() / a.double().tanh() - 1).abs().max()
    assert error < 3e-7


@on_device
@pytest.mark.parametrize("dtype", [F32, BF16])
def test_gated_score_of_nan(dtype: torch.dtype) -> None:
    a, u, w = rand(3, 4, dtype=dtype), rand(2, 4, dtype=dtype), rand(4, dtype=dtype)
    a[1, 2] = math.nan
    expected = torch.zeros(3, 4, dtype=torch.bool, device=DEVICE)
    expected[1, 2] = True
    score = backend.gated_score_forward(a, u, w)
    assert torch.equal(score.isnan(), expected.any(1, keepdim=True).expand(3, 2))
    d_a, d_u, d_w = backend.gated_score_backward(rand(3, 2), a, u, w)
    assert torch.equal(d_a.isnan(), expected)
    assert torch.equal(d_u.isnan(), expected.any(0).expand(2, 4))
    assert torch.equal(d_w.isnan(), expected.any(0))


@on_device
@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5), (3, 4, 0)])
def test_nothing_to_score(shape: tuple) -> None:
    rows, classes, dim = shape
    inputs = rand(rows, dim), rand(classes, dim), rand(dim)
    score = backend.gated_score_forward(*inputs)
    assert score.shape == (rows, classes)
    assert (score == 0).all()
    for x, gradient in zip(inputs, backend.gated_score_backward(score, *inputs), strict=True):
        assert gradient.shape == x.shape
        assert (gradient == 0).all()


def gate64(SA: Tensor | None, CA: Tensor | None, w_s: float, w_c: float, keep: Tensor | None):
    gate = 0.0
    if SA is not None:
        gate = gate + w_s * SA.double()[..., None]
    if CA is not None:
        gate = gate + w_c * CA.double()[:, :, None]
    return gate if keep is None else gate * keep[..., None]  # (B, C, P, D), or 1 for P or D


def check_pool(
    F: Tensor, SA: Tensor | None, CA: Tensor | None, keep: Tensor | None, grad: Tensor
) -> None:
    w_s, w_c = 0.3, 0.9
    gate = gate64(SA, CA, w_s, w_c, keep)
    product = F.double()[:, None] * gate
    pooled, index = backend.attended_max_pool_forward(F, SA, CA, w_s, w_c, keep, True)
    assert (pooled.dtype, index.dtype) == (F.dtype, torch.int16)
    check(pooled, product.amax(2))
    at = index.long()
    found = product.gather(2, at[:, :, None])[:, :, 0]
    assert ((product.amax(2) - found) <= 1e-6).all()

    gradients = backend.attended_max_pool_backward(
        grad, index, F, SA, CA, w_s, w_c, keep, (True, True, True)
    )
    g = gate.expand(product.shape).gather(2, at[:, :, None])[:, :, 0] * grad.double()
    peak = F.double().gather(1, at.flatten(1).view_as(at)) * grad.double()
    if keep is not None:
        peak = peak * keep.gather(2, at)
    check(gradients[0], torch.zeros_like(F, dtype=torch.float64).scatter_add_(1, at, g))
    assert gradients[0].dtype == F.dtype
    assert (gradients[1] is None, gradients[2] is None) == (SA is None, CA is None)
    if SA is not None:
        d_sa = torch.zeros(SA.shape, dtype=torch.float64, device=DEVICE)
        check(gradients[1], w_s * d_sa.scatter_add_(2, at, peak))
        assert gradients[1].dtype == SA.dtype
    if CA is not None:
        check(gradients[2], w_c * peak)
        assert gradients[2].dtype == CA.dtype


@on_device
@pytest.mark.parametrize("dtypes", DTYPES)
@pytest.mark.parametrize("attention", ["SA", "CA", "both"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "shape",  # B, P, C, D; the last one has several tiles of each
    [
        (1, 1, 1, 1),
        (2, 6, 5, 3),
        pytest.param((1, 15, 3, 33), marks=pytest.mark.slow),
        pytest.param((2, 35, 18, 131), marks=pytest.mark.slow),
    ],
)
def test_attended_max_pool(shape: tuple, masked: bool, attention: str, dtypes: tuple) -> None:
    torch.manual_seed(0)
    batch, positions, classes, dim = shape
    F = rand(batch, positions, dim, dtype=dtypes[0])
    SA, CA = rand(batch, classes, positions).sigmoid(), rand(batch, classes, dim).sigmoid()
    SA, CA = SA.to(dtypes[1]), CA.to(dtypes[2])
    keep = rand(batch, classes, positions) < 0.5 if masked else None
    grad = rand(batch, classes, dim, dtype=dtypes[0])
    check_pool(F, SA if attention != "CA" else None, CA if attention != "SA" else None, keep, grad)


@on_device
def test_attended_max_pool_of_any_strides() -> None:
    torch.manual_seed(0)
    feature_map = rand(2, 7, 3, 4)  # (B, D, H, W)
    F = feature_map.flatten(2).transpose(1, 2)
    SA, CA = rand(2, 12, 5).sigmoid().transpose(1, 2), rand(1, 5, 7).sigmoid().expand(2, 5, 7)
    keep = (rand(12, 2, 5) < 0.5).permute(1, 2, 0)
    check_pool(F, SA, CA, keep, rand(1, 1, 1).expand(2, 5, 7))


@on_device
def test_large_launches_take_wide_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_PROGRAMS", 4)
    torch.manual_seed(0)
    F, SA, CA = rand(2, 7, 5), rand(2, 18, 7).sigmoid(), rand(2, 18, 5).sigmoid()
    check_pool(F, SA, CA, rand(2, 18, 7) < 0.5, rand(2, 18, 5))


def pool_of(F: Tensor, **changes) -> tuple[Tensor, Tensor]:
    """Pools F [P] with SA of ones."""
    SA = torch.ones(1, 1, len(F), device=DEVICE)
    inputs = dict(SA=SA, CA=None, w_s=1.0, w_c=0.0, keep=None, with_index=True)
    return backend.attended_max_pool_forward(F.to(DEVICE)[None, :, None], **{**inputs, **changes})


@on_device
@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([1.0, 1.0, 1.0, 1.0, 1.0], 0),
        ([0.0, 3.0, 2.0, 3.0, 3.0], 1),
        ([-2.0, -0.0, 0.0, -0.0], 1),
        ([-math.inf, -math.inf], 0),
        ([1.0, math.inf, math.inf], 1),
    ],
)
def test_the_first_of_equal_maxima_wins(values: list, first: int) -> None:
    pooled, index = pool_of(torch.tensor(values))
    assert pooled.item() == max(values)
    assert index.item() == first


@on_device
def test_where_all_is_masked_the_first_position_wins() -> None:
    keep = torch.zeros(1, 1, 3, dtype=torch.bool, device=DEVICE)
    pooled, index = pool_of(torch.tensor([1.0, 2.0, 3.0]), keep=keep)
    assert (pooled.item(), index.item()) == (0, 0)


@on_device
@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([1.0, math.nan, 2.0, 9.0], 1),
        ([math.nan, math.inf], 0),
        ([1.0, 2.0, math.nan, 3.0, math.nan], 2),
        ([-math.inf, 0.0, math.nan], 2),
    ],
)
def test_a_nan_wins(values: list, first: int) -> None:
    pooled, index = pool_of(torch.tensor(values))
    assert pooled.isnan().all()
    assert index.item() == first
    inside, _ = pool_of(torch.ones(4), SA=torch.tensor([[[1.0, math.nan, 1, 1]]], device=DEVICE))
    assert inside.isnan().all()


@on_device
def test_without_index() -> None:
    torch.manual_seed(0)
    F, CA = rand(2, 7, 9), rand(2, 3, 9)
    pooled, index = backend.attended_max_pool_forward(F, None, CA, 0.0, 0.7, None, False)
    assert (index.numel(), index.dtype) == (0, torch.int16)
    check(pooled, (F.double()[:, None] * (0.7 * CA.double()[:, :, None])).amax(2))


@on_device
@pytest.mark.parametrize(
    "needs", [(True, False, False), (False, True, False), (False, False, True)]
)
def test_only_needed_gradients(needs: tuple) -> None:
    torch.manual_seed(0)
    F, SA, CA = rand(1, 5, 4), rand(1, 2, 5), rand(1, 2, 4)
    _, index = backend.attended_max_pool_forward(F, SA, CA, 0.5, 0.5, None, True)
    rest = rand(1, 2, 4), index, F, SA, CA, 0.5, 0.5, None
    for needed, one, among_all in zip(
        needs,
        backend.attended_max_pool_backward(*rest, needs),
        backend.attended_max_pool_backward(*rest, (True, True, True)),
        strict=True,
    ):
        assert torch.equal(one, among_all) if needed else one is None


@on_device
@pytest.mark.parametrize(("batch", "classes"), [(0, 3), (2, 0)])
def test_nothing_to_pool(batch: int, classes: int) -> None:
    F, SA = rand(batch, 5, 4), rand(batch, classes, 5)
    pooled, index = backend.attended_max_pool_forward(F, SA, None, 1.0, 0.0, None, True)
    assert pooled.shape == index.shape == (batch, classes, 4)
    d_f, d_sa, d_ca = backend.attended_max_pool_backward(
        pooled, index, F, SA, None, 1.0, 0.0, None, (True, True, True)
    )
    assert d_f.shape == F.shape
    assert (d_f == 0).all()
    assert d_sa.shape == SA.shape
    assert d_ca is None


@on_device
@pytest.mark.parametrize(("positions", "dtype"), [(32767, torch.int16), (32768, torch.int32)])
def test_index_type(positions: int, dtype: torch.dtype) -> None:
    F, SA = rand(0, positions, 1), rand(0, 1, positions)
    assert backend.attended_max_pool_forward(F, SA, None, 1, 0, None, True)[1].dtype == dtype


@on_device
@pytest.mark.slow
def test_more_positions_than_int16_holds() -> None:
    _, index = pool_of(torch.arange(32769.0))
    assert index.item() == 32768


def assert_repeatable(run: Callable[[], list[Tensor]]) -> None:
    torch.use_deterministic_algorithms(True)
    try:
        once, again = run(), run()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(x, y) for x, y in zip(once, again, strict=True))


@on_gpu
@pytest.mark.parametrize("dtype", [F32, BF16, F16])
def test_full_size_score(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    a, u, w = rand(392, 2048, dtype=dtype), rand(80, 2048, dtype=dtype), rand(2048) / 45
    w, grad = w.to(dtype), rand(392, 80)
    check_score(a, u, w, grad)

    def run() -> list[Tensor]:
        score = backend.gated_score_forward(a, u, w)
        return [score, *backend.gated_score_backward(grad, a, u, w)]

    assert_repeatable(run)


@on_gpu
@pytest.mark.parametrize("dtype", [F32, BF16, F16])
@pytest.mark.parametrize("masked", [False, True])
def test_full_size_pool(dtype: torch.dtype, masked: bool) -> None:
    torch.manual_seed(0)
    F, grad = rand(2, 196, 2048, dtype=dtype), rand(2, 80, 2048, dtype=dtype)
    SA, CA = (rand(2, 80, n).sigmoid().to(dtype) for n in (196, 2048))
    keep = rand(2, 80, 196) < 0.5 if masked else None
    check_pool(F, SA, CA, keep, grad)

    def run() -> list[Tensor]:
        pooled, index = backend.attended_max_pool_forward(F, SA, CA, 0.5, 0.5, keep, True)
        rest = grad, index, F, SA, CA, 0.5, 0.5, keep, (True, True, True)
        return [pooled, index, *backend.attended_max_pool_backward(*rest)]

    assert_repeatable(run)


KERNELS = {  # tile, and the pointers that are not of the inputs' type
    "_pad_kernel": ("_PAD", {"out_ptr": "*fp32"}),
    "_score_kernel": ("_SCORE", {"s_ptr": "*fp32"}),
    "_slope_kernel": ("_SLOPE", {"grad_ptr": "*fp32", "dw_ptr": "*fp32"}),
    "_pool_kernel": ("_POOL", {}),
    "_feature_gradient_kernel": ("_FEATURE", {}),
    "_spatial_gradient_kernel": ("_SPATIAL", {"keep_ptr": "*i1"}),
    "_channel_gradient_kernel": ("_CHANNEL", {"keep_ptr": "*i1"}),
}


def compiled(name: str, element: str, capability: int, **constants: int | None):
    """Compiles a kernel with all its optional pointers, for a GPU that need not be there."""
    from triton.backends.compiler import GPUTarget

    kernel = getattr(backend, name)
    tile, pointers = KERNELS[name]
    constants = {**getattr(backend, tile), "FAST": element != "fp32", **constants}
    constants = {key: value for key, value in constants.items() if key in kernel.arg_names}
    types = {"index_ptr": "*i16", "sa_ptr": "*fp32", "keep_ptr": "*fp32", **pointers}
    types |= {"w_s": "fp32", "w_c": "fp32"}
    signature = {
        argument: types.get(argument, f"*{element}" if argument.endswith("_ptr") else "i32")
        for argument in kernel.arg_names
        if argument not in constants
    }
    source = triton.compiler.ASTSource
    if "constexprs" in inspect.signature(source).parameters:  # not in Triton 3.1
        signature = {
            argument: signature.get(argument, "constexpr") for argument in kernel.arg_names
        }
    return triton.compile(
        source(kernel, signature, constants),
        target=GPUTarget("cuda", capability, 32),
        options=dict(backend._BUILD),
    )


@compiling
@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("element", ["fp32", "bf16"])
@pytest.mark.parametrize("name", list(KERNELS))
def test_compiles_and_spills_nothing(
    name: str, element: str, capability: int, tmp_path: Path
) -> None:
    kernel = compiled(name, element, capability)
    assert ("tanh.approx.f32" in kernel.asm["ptx"]) == (
        element == "bf16" and name in ("_score_kernel", "_slope_kernel")
    )
    binary = tmp_path / "kernel.cubin"
    binary.write_bytes(kernel.asm["cubin"])
    tool = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    command = [str(tool), "-res-usage", str(binary)]
    usage = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "STACK:0" in usage, usage
    assert "LOCAL:0" in usage, usage


@compiling
@pytest.mark.slow
@pytest.mark.parametrize("name", list(KERNELS))
def test_compiles_for_sizes_of_one_without_optional_inputs(name: str) -> None:
    # Triton makes constants of the integers that are 1.
    sizes = "R C D N M P H W x_batch x_row x_column out_H out_W part"
    absent = dict.fromkeys(["dw_ptr", "ca_ptr", "keep_ptr"])
    if name == "_pool_kernel":
        absent["index_ptr"] = None
    kernel = compiled(name, "fp16", 75, **dict.fromkeys(sizes.split(), 1), **absent)
    assert kernel.asm["cubin"]


@on_device
@pytest.mark.slow
@pytest.mark.parametrize("dtype", [F32, BF16])
def test_chosen_by_the_operators(dtype: torch.dtype) -> None:
    """The probe accepts the kernels, and autograd goes through them."""
    torch.manual_seed(0)
    position, label, weight = rand(2, 20, 33, dtype=dtype), rand(5, 33), rand(33) / 6
    channel = rand(2, 5, 33, dtype=dtype).sigmoid()
    operands = [value.requires_grad_() for value in (position, label, weight, channel)]

    def run() -> list[Tensor]:
        spatial = ops.gated_score(position, label, weight).sigmoid().transpose(1, 2)
        pooled = ops.attended_max_pool(position, spatial, channel)
        return [pooled, *torch.autograd.grad(pooled.float().square().sum(), operands)]

    with ops.use_backend("triton"):
        ours = run()
    with ops.use_backend("plain"):
        theirs = run()
    tolerance = 1e-4 if dtype == F32 else 0.05
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
