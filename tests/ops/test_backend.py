from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.ops import attended_max_pool, backend, chunked, cpu, gated_score, probe, use_backend

CUDA = torch.device("cuda", 0)
OPERANDS = torch.zeros(1, 2, 3), torch.zeros(4, 3), torch.zeros(3)


@pytest.fixture(autouse=True)
def _forget_what_was_seen() -> Iterator[None]:
    for function in (backend._why_not_triton, backend._log_once):
        function.cache_clear()
    yield
    for function in (backend._why_not_triton, backend._log_once):
        function.cache_clear()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(backend, "print_log", lambda line, **_: lines.append(line))
    return lines


def on_gpu(dtype: torch.dtype = torch.float32) -> SimpleNamespace:
    """What a tensor on a GPU says of itself."""
    return SimpleNamespace(device=CUDA, dtype=dtype)


def test_every_device_has_its_backend() -> None:
    assert backend.backend_for(*OPERANDS, None) is cpu
    other = SimpleNamespace(device=torch.device("xpu"), dtype=torch.float32)
    assert backend.backend_for(other) is chunked


def test_cpu_backend_asked_for_on_a_gpu() -> None:
    with use_backend("cpu"), pytest.raises(RuntimeError, match="the tensors are on cuda:0"):
        backend.backend_for(on_gpu())


def test_unknown_backend() -> None:
    choice = use_backend("cuda")
    with pytest.raises(ValueError, match=r"name='cuda' is no back end; use one of \('plain', "):
        choice.__enter__()


def test_the_choice_ends_with_its_context() -> None:
    with use_backend("plain"):
        assert backend.takes_plain_form()
        with use_backend("chunked"):
            assert not backend.takes_plain_form()
        assert backend.takes_plain_form()
    assert not backend.takes_plain_form()
    with pytest.raises(ValueError, match="must be"), use_backend("plain"):
        attended_max_pool(torch.zeros(2, 3), None, torch.zeros(1))
    assert not backend.takes_plain_form()


def test_triton_asked_for_on_a_cpu() -> None:
    with use_backend("triton"), pytest.raises(RuntimeError, match=r"not serve: .* no CPU tensors"):
        gated_score(*OPERANDS)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64])
def test_type_that_triton_does_not_cover_is_logged_once(
    dtype: torch.dtype, logged: list[str]
) -> None:
    for _ in range(2):
        assert backend.backend_for(on_gpu(dtype), on_gpu()) is chunked
    name = str(dtype).removeprefix("torch.")
    assert [line.partition(";")[0] for line in logged] == [
        f"mmsrdl.ops: the Triton kernels do not cover {name}"
    ]


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (ImportError("no C compiler\nand more"), r"fail on cuda:0 \(ImportError: no C compiler\)"),
        (None, r"wrong results on cuda:0 for \[torch.float32"),
    ],
)
def test_triton_that_does_not_work_is_not_used(
    happens: Exception | None,
    said: str,
    logged: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def agrees(*args: object) -> bool:
        calls.append(args)
        if happens is not None:
            raise happens
        return False

    monkeypatch.setattr(probe, "agrees", agrees)
    assert backend.backend_for(on_gpu()) is chunked
    seen = len(calls)
    assert backend.backend_for(on_gpu()) is chunked
    assert len(calls) == seen  # looked at once
    assert len(logged) == 1
    assert "right, but slower" in logged[0]
    with use_backend("triton"), pytest.raises(RuntimeError, match=said):
        backend.backend_for(on_gpu())


def test_triton_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: None)
    assert backend.backend_for(on_gpu()) is chunked
    assert "not installed" in backend._why_not_triton(CUDA)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("right", [chunked, cpu])
def test_probe_accepts_a_right_backend(right: ModuleType, dtype: torch.dtype) -> None:
    assert probe.agrees(right, torch.device("cpu"), dtype)


@pytest.mark.parametrize(
    "name",
    [
        "gated_score_forward",
        "gated_score_backward",
        "attended_max_pool_forward",
        "attended_max_pool_backward",
    ],
)
@pytest.mark.parametrize("wrong", [1.01, float("nan")])
def test_probe_refuses_a_wrong_backend(name: str, wrong: float) -> None:
    """One entry of the last result is wrong."""

    def spoiled(*args: object) -> object:
        result = getattr(chunked, name)(*args)
        tensor = result if name == "gated_score_forward" else result[name.endswith("backward") * 2]
        worst = tensor.abs().flatten().argmax()
        tensor.view(-1)[worst] *= wrong
        return result

    functions = {key: value for key, value in vars(chunked).items() if not key.startswith("_")}
    backend_module = SimpleNamespace(**{**functions, name: spoiled})
    assert not probe.agrees(backend_module, torch.device("cpu"), torch.float32)


def test_plain_form_of_both_operators_stores_the_large_tensor() -> None:
    """What the other back ends are for."""
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(tensor.numel())
        return tensor

    feature = torch.rand(1, 6, 5, requires_grad=True)
    with use_backend("plain"), torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        gated_score(feature, torch.rand(4, 5), torch.rand(5))
        attended_max_pool(feature, torch.rand(1, 4, 6), torch.rand(1, 4, 5))
    assert max(kept) == 6 * 5 * 4


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    position, label, weight = torch.randn(60, 600), 9 * torch.randn(7, 600), torch.randn(600)
    feature, spatial = torch.randn(3, 20, 600), torch.rand(3, 7, 20)
    grad = torch.randn(60, 7)

    def run() -> list:
        pooled = cpu.attended_max_pool_forward(feature, spatial, None, 1.0, 0.0, None, True)
        scores = cpu.gated_score_forward(position, label, weight)
        return [scores, *pooled, *cpu.gated_score_backward(grad, position, label, weight)]

    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    expected = run()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert_close(run(), expected, rtol=0, atol=0)


def test_failure_in_a_thread_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    monkeypatch.setattr(cpu.np, "argmax", fail)
    with pytest.raises(MemoryError, match="no more"):
        attended_max_pool(torch.zeros(3, 2, 4), torch.zeros(3, 5, 2), None)


def test_description_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend.describe_backend(torch.device("cpu")) == "cpu: made for CPUs"
    gpu = torch.device("cuda")
    for why, text in ((None, "triton: tried"), ("no compiler", "chunked: no compiler")):
        monkeypatch.setattr(backend, "_why_not_triton", lambda device, why=why: why)
        assert backend.describe_backend(gpu).startswith(text)
