"""Which back end computes an operator: by device, or as asked."""

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

import torch
from mmengine.logging import print_log
from torch import Tensor

from mmsrdl.ops import chunked, cpu

BACKENDS = ("plain", "chunked", "cpu", "triton")
TRITON_TYPES = (torch.float32, torch.bfloat16, torch.float16)

_asked: str | None = None
_whole = False


@contextmanager
def use_backend(name: str) -> Iterator[None]:
    """Makes one back end compute the operators, forward and backward, inside the context.

    All four serve ``attended_max_pool`` and ``gated_score``. The other operators have the formulas
    for ``'plain'``, and one chunked form for all else.

    Args:
        name: ``'plain'`` (the formulas, with large tensors), ``'chunked'`` (any
            device), ``'cpu'`` or ``'triton'`` (GPUs). Without this context CPU
            tensors go to ``'cpu'``, CUDA tensors to ``'triton'`` where it works,
            and all others to ``'chunked'``.

    Raises:
        ValueError: If the name is unknown.
    """
    global _asked
    if name not in BACKENDS:
        raise ValueError(f"name={name!r} is no back end; use one of {BACKENDS}")
    before, _asked = _asked, name
    try:
        yield
    finally:
        _asked = before


@contextmanager
def whole_operators() -> Iterator[None]:
    """Keeps each operator one node of a graph that is traced inside the context.

    For an exporter that knows these nodes, see :mod:`mmsrdl.ops.onnx_form`; for all others they
    are formulas.
    """
    global _whole
    before, _whole = _whole, True
    try:
        yield
    finally:
        _whole = before


def takes_plain_form() -> bool:
    """Returns whether the formulas themselves are wanted: when asked for, and for exporters.

    Before torch 2.7 ``torch.export`` and ``torch.onnx.export(dynamo=True)`` do not say that they
    export; there, ``use_backend('plain')`` around them asks for the formulas.
    """
    if _asked == "plain":
        return True
    if _whole:
        return False
    if torch.onnx.is_in_onnx_export():
        return True
    is_exporting = getattr(torch.compiler, "is_exporting", None)  # since torch 2.7
    return (is_exporting is not None and is_exporting()) or torch.jit.is_tracing()


def backend_for(*tensors: Tensor | None) -> ModuleType:
    """Returns the module whose functions compute an operator on these tensors.

    Raises:
        RuntimeError: If the back end that was asked for does not serve.
    """
    given = [tensor for tensor in tensors if tensor is not None]
    device = given[0].device
    name = _asked or {"cpu": "cpu", "cuda": "triton"}.get(device.type, "chunked")
    if name == "cpu" and device.type != "cpu":
        raise RuntimeError(f"use_backend('cpu') does not serve: the tensors are on {device}")
    if name != "triton":
        return cpu if name == "cpu" else chunked
    types = {tensor.dtype for tensor in given}
    why = _why_not_triton(device) if types <= set(TRITON_TYPES) else _types_not_covered(types)
    if why is None:
        from mmsrdl.ops import triton_backend

        return triton_backend
    if _asked == "triton":
        raise RuntimeError(f"use_backend('triton') does not serve: {why}")
    _log_once(why)
    return chunked


def describe_backend(device: torch.device) -> str:
    """Says which back end serves float32 tensors of a device, and why no faster one does."""
    if device.type == "cpu":
        return "cpu: made for CPUs"
    why = _why_not_triton(device)
    return f"chunked: {why}" if why else "triton: tried just now, and right"


def _types_not_covered(types: set[torch.dtype]) -> str:
    names = sorted(str(dtype).removeprefix("torch.") for dtype in types - set(TRITON_TYPES))
    return f"the Triton kernels do not cover {', '.join(names)}"


@cache
def _log_once(why: str) -> None:
    print_log(
        f"mmsrdl.ops: {why}; these tensors are computed chunk by chunk: right, but slower",
        logger="current",
        level=logging.WARNING,
    )


@cache
def _why_not_triton(device: torch.device) -> str | None:
    """Says why a device's Triton kernels are not used, or None if they work.

    They are run once, on a small problem, and compared with the formulas: a
    missing compiler, an old GPU or a wrong result is seen here and not in a training.
    """
    if device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return f"Triton takes no {device.type.upper()} tensors"
    if importlib.util.find_spec("triton") is None:
        return "the package 'triton' is not installed"
    try:
        from mmsrdl.ops import probe, triton_backend

        wrong = [dtype for dtype in TRITON_TYPES if not probe.agrees(triton_backend, device, dtype)]
    except Exception as problem:  # of Triton, of a compiler that is not there, of the driver
        first_line = str(problem).strip().split("\n")[0]
        return f"the Triton kernels fail on {device} ({type(problem).__name__}: {first_line})"
    return f"the Triton kernels give wrong results on {device} for {wrong}" if wrong else None
