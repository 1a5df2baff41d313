from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from mmsrdl.ops import attended_max_pool, backend, chunked, gated_score, probe, use_backend

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


def test_cpu_tensors_are_computed_chunk_by_chunk() -> None:
    assert backend.backend_for(*OPERANDS, None) is chunked


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
def test_probe_accepts_a_right_backend(dtype: torch.dtype) -> None:
    assert probe.agrees(chunked, torch.device("cpu"), dtype)


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
