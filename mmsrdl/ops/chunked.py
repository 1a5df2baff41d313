"""The operators chunk by chunk in one reused buffer: the CPU's back end, and any device's last.

A chunk is small enough to stay in a CPU's cache, where its passes are fast; nothing larger
than the inputs and the results is ever stored.
"""

from collections.abc import Callable, Iterator
from functools import wraps

import torch
from torch import Tensor

from mmsrdl.ops import loops, series
from mmsrdl.ops.chunks import blocks, chunk_elements
from mmsrdl.ops.plain import accumulation_dtype


def _without_autocast(function: Callable) -> Callable:
    """Keeps the matrix-vector products of a function in the type of their operands."""

    @wraps(function)
    def wrapped(*args: Tensor) -> Tensor | tuple[Tensor, ...]:
        with torch.autocast(args[0].device.type, enabled=False):
            return function(*args)

    return wrapped


@_without_autocast
def gated_score_forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes s [R, C] in float32 (float64) from a [R, D], u [C, D] and w [D]."""
    wide = accumulation_dtype(position, label, weight)
    a, u, w = position.to(wide), label.to(wide), weight.to(wide)
    score = a.new_zeros(len(a), len(u))
    for channels, limit in _channels(a, u):
        part = a[:, channels], u[:, channels], w[channels]
        score += loops.forward(*part) if limit is None else series.forward(*part, limit)
    return score


@_without_autocast
def gated_score_backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of a [R, D], u [C, D] and w [D] from that of s, [R, C]."""
    wide = accumulation_dtype(position, label, weight)
    grad, a, u, w = grad.to(wide), position.to(wide), label.to(wide), weight.to(wide)
    gradients = [operand.new_empty(operand.shape) for operand in (a, u, w)]
    for channels, limit in _channels(a, u):
        part = a[:, channels], u[:, channels], w[channels]
        found = (
            loops.backward(grad, *part) if limit is None else series.backward(grad, *part, limit)
        )
        for gradient, value in zip(gradients, found, strict=True):
            gradient[..., channels] = value
    d_position, d_label, d_weight = gradients
    return d_position.to(position.dtype), d_label.to(label.dtype), d_weight.to(weight.dtype)


def _channels(a: Tensor, u: Tensor) -> list[tuple[Tensor | slice, float | None]]:
    """Returns which channels a polynomial serves, with its limit, and which the loops (None)."""
    if a.device.type != "cpu" or a.dtype != torch.float32 or not (a.numel() and u.numel()):
        return [(slice(None), None)]
    parts = series.limits(a, u)
    return [(slice(None), parts[0][1])] if len(parts) == 1 else list(parts)


def attended_max_pool_forward(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    with_index: bool,
) -> tuple[Tensor, Tensor]:
    """Pools, and tells where each maximum is (the first, among equals).

    Args:
        feature: F, [B, P, D].
        spatial: SA, [B, C, P], or None.
        channel: CA, [B, C, D], or None.
        w_s: Weight of SA.
        w_c: Weight of CA.
        keep: [B, C, P], or None.
        with_index: Whether the positions are wanted.

    Returns:
        f in the type of F, and the positions as :func:`index_dtype` (or nothing), both
        [B, C, D].
    """
    wide = accumulation_dtype(feature, spatial, channel)
    batch, positions, dim = feature.shape
    classes = (spatial if spatial is not None else channel).shape[1]  # type: ignore[union-attr]
    shape = (batch, classes, dim)
    pooled = feature.new_empty(shape)
    index = feature.new_empty(
        shape if with_index else 0, dtype=index_dtype(positions), device=feature.device
    )
    _, block = blocks(positions, classes, dim, feature.device)
    attended, behind = feature.new_empty(2, block, positions, dim, dtype=wide)
    place = torch.arange(positions, dtype=wide, device=feature.device)[:, None]
    for b, these in _images_and_classes(batch, classes, block):
        if these.start == 0:
            image = feature[b].to(wide)
        product = _attend(image, spatial, channel, w_s, w_c, keep, b, these, attended)
        best = product.amax(1)
        pooled[b, these] = best
        if with_index:
            # Those below the maximum are counted as after all others. argmax is 20 times slower.
            below = torch.lt(product, best[:, None], out=behind[: len(product)])
            index[b, these] = torch.add(place, below, alpha=positions, out=below).amin(1)
    return pooled, index


def attended_max_pool_backward(
    grad: Tensor,
    index: Tensor,
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    needs: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Computes the needed gradients of F, SA and CA from that of f, [B, C, D]."""
    wide = accumulation_dtype(feature, spatial, channel)
    batch, classes, dim = grad.shape
    d_feature = d_spatial = d_channel = None
    if needs[0]:
        d_feature = feature.new_zeros(feature.shape, dtype=wide)
    if spatial is not None and needs[1]:
        d_spatial = spatial.new_zeros(spatial.shape, dtype=wide)
    if channel is not None and needs[2]:
        d_channel = channel.new_empty(channel.shape)
    block = max(chunk_elements(feature.device) // max(dim, 1), 1)
    for b, these in _images_and_classes(batch, classes, block):
        at, g = index[b, these].long(), grad[b, these].to(wide)
        if keep is not None:
            g = g * keep[b, these].gather(1, at)
        if d_feature is not None:
            gate: Tensor | float = 0.0
            if spatial is not None:
                gate = gate + w_s * spatial[b, these].to(wide).gather(1, at)
            if channel is not None:
                gate = gate + w_c * channel[b, these].to(wide)
            d_feature[b].scatter_add_(0, at, g * gate)
        if d_spatial is not None or d_channel is not None:
            g = g * feature[b].gather(0, at)
        if d_spatial is not None:
            d_spatial[b, these].scatter_add_(1, at, g * w_s)
        if d_channel is not None:
            d_channel[b, these] = g * w_c
    return (
        None if d_feature is None else d_feature.to(feature.dtype),
        None if d_spatial is None else d_spatial.to(spatial.dtype),  # type: ignore[union-attr]
        d_channel,
    )


def index_dtype(positions: int) -> torch.dtype:
    """Returns the smallest type that holds a position."""
    return torch.int16 if positions <= torch.iinfo(torch.int16).max else torch.int32


def _images_and_classes(batch: int, classes: int, block: int) -> Iterator[tuple[int, slice]]:
    for b in range(batch):
        for c in range(0, classes, block):
            yield b, slice(c, min(c + block, classes))


def _attend(
    image: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    b: int,
    these: slice,
    out: Tensor,
) -> Tensor:
    """Computes Eq. (6) for some classes of an image, [classes, P, D], in a buffer."""
    out = out[: these.stop - these.start]
    if spatial is not None and channel is not None:
        gate_s = spatial[b, these, :, None].to(out.dtype) * w_s
        torch.add(gate_s, channel[b, these, None].to(out.dtype), alpha=w_c, out=out)
        out.mul_(image)
    elif spatial is not None:
        torch.mul(image, spatial[b, these, :, None].to(out.dtype) * w_s, out=out)
    else:
        assert channel is not None
        torch.mul(image, channel[b, these, None].to(out.dtype) * w_c, out=out)
    return out if keep is None else out.mul_(keep[b, these, :, None])
