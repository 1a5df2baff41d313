"""A small problem that tells whether a back end works on a device."""

from types import ModuleType

import torch
from torch import Tensor

from mmsrdl.ops import chunked

# B, P, C, D: several tiles of every kernel, the last of them not full.
SHAPE = (2, 49, 20, 160)


def agrees(backend: ModuleType, device: torch.device, dtype: torch.dtype) -> bool:
    """Compares both operators, forward and backward, with the chunked form in float64.

    Args:
        backend: Module with the functions of :mod:`mmsrdl.ops.chunked`.
        device: Where to run.
        dtype: Type of the inputs.

    Returns:
        Whether all results differ by the rounding of ``dtype`` at most.
    """
    ours, theirs = (
        [*_scores(module, inputs), *_pools(module, inputs)]
        for module, inputs in (
            (backend, _inputs(device, dtype)),
            (chunked, {name: t.double() for name, t in _inputs(device, dtype).items()}),
        )
    )
    tolerance = max(8 * torch.finfo(dtype).eps, 1e-5)
    return all(
        bool(((a.double() - b).abs().max() <= tolerance * b.abs().max()).item())
        for a, b in zip(ours, theirs, strict=True)
    )


def _inputs(device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
    images, positions, classes, dim = SHAPE
    generator = torch.Generator().manual_seed(0)
    sizes = dict(
        position=(images * positions, dim),
        label=(classes, dim),
        weight=(dim,),
        d_score=(images * positions, classes),
        feature=(images, positions, dim),
        spatial=(images, classes, positions),
        channel=(images, classes, dim),
        d_pooled=(images, classes, dim),
    )
    return {
        name: torch.rand(size, generator=generator).sub_(0.3).to(device, dtype)
        for name, size in sizes.items()
    }


def _scores(backend: ModuleType, x: dict[str, Tensor]) -> list[Tensor]:
    operands = x["position"], x["label"], x["weight"]
    gradients = backend.gated_score_backward(x["d_score"], *operands)
    return [backend.gated_score_forward(*operands), *gradients]


def _pools(backend: ModuleType, x: dict[str, Tensor]) -> list[Tensor]:
    operands = x["feature"], x["spatial"], x["channel"], 0.5, 0.25, x["spatial"] > 0
    pooled, index = backend.attended_max_pool_forward(*operands, True)
    needs = (True, True, True)
    gradients = backend.attended_max_pool_backward(x["d_pooled"], index, *operands, needs)
    return [pooled, *gradients]
