"""Eq. (6) and its global max pooling, without a tensor over positions x classes x channels."""

from typing import Any

import torch
from torch import Tensor

from mmsrdl.ops import plain
from mmsrdl.ops.backend import backend_for, takes_plain_form
from mmsrdl.ops.chunked import index_dtype


def attended_max_pool(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    weights: tuple[float, float] = (0.5, 0.5),
    keep: Tensor | None = None,
) -> Tensor:
    r"""Pools the attended feature map of every class by its maximum over positions.

    .. math:: f_{b,c,k} = \max_p F_{b,p,k} (w_s SA_{b,c,p} + w_c CA_{b,c,k})

    is SRDL's Eq. (6) followed by global max pooling. Only the position of each
    maximum is kept for the backward pass, as int16 where P allows it (the
    gradient of a maximum goes to one position: the first, among equals), so
    nothing larger than [B, C, D] is stored. Arithmetic is in float32, or float64
    if an argument is.

    Args:
        feature: F, [B, P, D].
        spatial: SA in [0, 1], [B, C, P], or None for no spatial attention.
        channel: CA in [0, 1], [B, C, D], or None for no channel attention.
        weights: w_s and w_c.
        keep: Boolean mask, [B, C, P]; where it is False both branches are zero.

    Returns:
        f, [B, C, D], in the type of ``feature``.

    Raises:
        TypeError: If ``keep`` is not boolean.
        ValueError: If neither attention is given, the shapes do not agree, or the devices differ.
    """
    if not torch.jit.is_tracing():
        _check(feature, spatial, channel, keep)
    if takes_plain_form():
        return plain.attended_max_pool(feature, spatial, channel, weights, keep)
    differentiable = (feature, spatial, channel)
    with_index = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in differentiable
    )
    return _pool(*differentiable, float(weights[0]), float(weights[1]), keep, with_index)[0]


def _check(
    feature: Tensor, spatial: Tensor | None, channel: Tensor | None, keep: Tensor | None
) -> None:
    if spatial is None and channel is None:
        raise ValueError("attended_max_pool needs `spatial` or `channel`; both are None")
    if feature.dim() != 3 or not feature.shape[1]:
        raise ValueError(
            f"`feature` must be [B, P, D] with at least one position P, got {list(feature.shape)}"
        )
    if keep is not None and keep.dtype != torch.bool:
        raise TypeError(f"`keep` must be a boolean mask, got {keep.dtype}; use `keep.bool()`")
    batch, positions, dim = feature.shape
    classes = (spatial if spatial is not None else channel).shape[1]  # type: ignore[union-attr]
    for name, tensor, last in (
        ("spatial", spatial, positions),
        ("channel", channel, dim),
        ("keep", keep, positions),
    ):
        if tensor is None:
            continue
        if tensor.shape != (batch, classes, last):
            raise ValueError(
                f"`{name}` must be [{batch}, C, {last}] for feature {list(feature.shape)}, with "
                f"one C for all (here {classes}), got {list(tensor.shape)}"
            )
        if tensor.device != feature.device:
            raise ValueError(
                f"`{name}` is on {tensor.device} and feature on {feature.device}; move one"
            )


@torch.library.custom_op(
    "mmsrdl::attended_max_pool",
    mutates_args=(),
    schema="(Tensor feature, Tensor? spatial, Tensor? channel, float w_s, float w_c, Tensor? keep,"
    " bool with_index) -> (Tensor, Tensor)",
)
def _pool(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    with_index: bool,
) -> tuple[Tensor, Tensor]:
    """Computes f, [B, C, D], and where its maxima are, [B, C, D] (nothing if not wanted)."""
    backend = backend_for(feature, spatial, channel)
    return backend.attended_max_pool_forward(feature, spatial, channel, w_s, w_c, keep, with_index)


@_pool.register_fake
def _(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    with_index: bool,
) -> tuple[Tensor, Tensor]:
    classes = (spatial if spatial is not None else channel).shape[1]  # type: ignore[union-attr]
    pooled = feature.new_empty(feature.shape[0], classes, feature.shape[2])
    index = pooled.new_empty(
        pooled.shape if with_index else (0,), dtype=index_dtype(feature.shape[1])
    )
    return pooled, index


@torch.library.custom_op(
    "mmsrdl::attended_max_pool_backward",
    mutates_args=(),
    schema="(Tensor grad, Tensor index, Tensor feature, Tensor? spatial, Tensor? channel,"
    " float w_s, float w_c, Tensor? keep, bool[] needs) -> Tensor[]",
)
def _pool_backward(
    grad: Tensor,
    index: Tensor,
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    needs: list[bool],
) -> list[Tensor]:
    """Computes those gradients of F, SA and CA that are needed, in this order."""
    backend = backend_for(feature, spatial, channel)
    return [
        gradient
        for gradient in backend.attended_max_pool_backward(
            grad, index, feature, spatial, channel, w_s, w_c, keep, tuple(needs)
        )
        if gradient is not None
    ]


@_pool_backward.register_fake
def _(
    grad: Tensor,
    index: Tensor,
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    needs: list[bool],
) -> list[Tensor]:
    of = (feature, spatial, channel)
    return [
        tensor.new_empty(tensor.shape)
        for tensor, needed in zip(of, needs, strict=True)
        if needed and tensor is not None
    ]


def _setup(ctx: Any, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
    feature, spatial, channel, w_s, w_c, keep, _ = inputs
    ctx.weights = w_s, w_c
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1], feature, spatial, channel, keep)


def _backward(ctx: Any, grad: Tensor, _: Any) -> tuple[Tensor | None, ...]:
    index, feature, spatial, channel, keep = ctx.saved_tensors
    needs = list(ctx.needs_input_grad[:3])
    gradients = iter(
        _pool_backward(grad, index, feature, spatial, channel, *ctx.weights, keep, needs)
    )
    return (*(next(gradients) if needed else None for needed in needs), None, None, None, None)


_pool.register_autograd(_backward, setup_context=_setup)
