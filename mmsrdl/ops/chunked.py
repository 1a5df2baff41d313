"""The operators chunk by chunk in PyTorch: for devices that have no back end of their own.

Nothing larger than the inputs, the results and one chunk exists at a time.
"""

from itertools import product

import torch
from torch import Tensor

from mmsrdl.ops.plain import accumulation_dtype

# Elements of a chunk: on a CPU 4 MB in float32, on a GPU enough to keep it busy.
CHUNK = {"cpu": 1 << 20, "other": 1 << 26}


def gated_score_forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes s [R, C] in float32 (float64) from a [R, D], u [C, D] and w [D]."""
    wide = accumulation_dtype(position, label, weight)
    a, u, w = position.to(wide), label.to(wide), weight.to(wide)
    score = a.new_empty(len(a), len(u))
    for rows, classes in _blocks(len(a), len(u), a):
        gate = (a[rows, None] * u[classes]).tanh_()  # (rows, classes, D)
        score[rows, classes] = gate.mul_(w).sum(-1)
    return score


def gated_score_backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of a [R, D], u [C, D] and w [D] from that of s, [R, C]."""
    wide = accumulation_dtype(position, label, weight)
    grad, a, u, w = grad.to(wide), position.to(wide), label.to(wide), weight.to(wide)
    d_position, d_label, d_weight = (t.new_zeros(t.shape) for t in (a, u, w))
    for rows, classes in _blocks(len(a), len(u), a):
        g = grad[rows, classes, None]
        gate = (a[rows, None] * u[classes]).tanh_()
        d_weight += (gate * g).sum((0, 1))
        # d tanh(z) = 1 - tanh(z)^2
        slope = gate.square_().neg_().add_(1).mul_(g)
        d_label[classes] += (slope * a[rows, None]).sum(0) * w
        d_position[rows] += slope.mul_(u[classes] * w).sum(1)
    return d_position.to(position.dtype), d_label.to(label.dtype), d_weight.to(weight.dtype)


def _chunk(device: torch.device, dim: int) -> int:
    """Returns how many rows of ``dim`` elements a chunk has on a device."""
    return max(CHUNK.get(device.type, CHUNK["other"]) // max(dim, 1), 1)


def _blocks(rows: int, classes: int, a: Tensor) -> list[tuple[slice, slice]]:
    """Returns which rows of a [R, D] and which classes the chunks hold."""
    budget = _chunk(a.device, a.shape[1])
    height = max(min(rows, budget), 1)
    width = max(min(classes, budget // height), 1)
    return [
        (slice(r, r + height), slice(c, c + width))
        for r, c in product(range(0, rows, height), range(0, classes, width))
    ]


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
    index = torch.empty(batch, classes, dim, dtype=index_dtype(positions), device=feature.device)
    for b, these in images_and_classes((batch, classes, positions * dim), feature.device):
        gate: Tensor | float = 0.0
        if spatial is not None:
            gate = gate + w_s * spatial[b, these, :, None].to(wide)
        if channel is not None:
            gate = gate + w_c * channel[b, these, None].to(wide)
        if keep is not None:
            gate = gate * keep[b, these, :, None]
        index[b, these] = (feature[b].to(wide) * gate).argmax(1).to(index.dtype)
    pooled = values_at(index, feature, spatial, channel, w_s, w_c, keep)
    return pooled, index if with_index else index.new_empty(0)


def values_at(
    index: Tensor,
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
) -> Tensor:
    """Computes Eq. (6) at one position for each class and channel, [B, C, D]."""
    wide = accumulation_dtype(feature, spatial, channel)
    values = feature.new_empty(index.shape)
    for b, these in images_and_classes(index.shape, index.device):
        at = index[b, these].long()
        gate = _gate_at(at, b, these, spatial, channel, w_s, w_c, wide)
        if keep is not None:
            gate = gate * keep[b, these].gather(1, at)
        values[b, these] = feature[b].gather(0, at) * gate
    return values


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
    d_feature = d_spatial = d_channel = None
    if needs[0]:
        d_feature = feature.new_zeros(feature.shape, dtype=wide)
    if spatial is not None and needs[1]:
        d_spatial = spatial.new_zeros(spatial.shape, dtype=wide)
    if channel is not None and needs[2]:
        d_channel = channel.new_empty(channel.shape)
    for b, these in images_and_classes(grad.shape, grad.device):
        at, g = index[b, these].long(), grad[b, these].to(wide)
        if keep is not None:
            g = g * keep[b, these].gather(1, at)
        if d_feature is not None:
            gate = _gate_at(at, b, these, spatial, channel, w_s, w_c, wide)
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


def row_blocks(node: Tensor) -> list[slice]:
    """Splits the rows of all pairs of nodes [N, heads, K] into chunks."""
    rows = _chunk(node.device, node.numel())
    return [slice(r, r + rows) for r in range(0, len(node), rows)]


def images_and_classes(
    shape: torch.Size | tuple[int, int, int], device: torch.device
) -> list[tuple[int, slice]]:
    """Splits [B, C, elements] into chunks of one image and some classes."""
    batch, classes, size = shape
    block = _chunk(device, size)
    return [(b, slice(c, c + block)) for b in range(batch) for c in range(0, classes, block)]


def _gate_at(
    at: Tensor,
    b: int,
    these: slice,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    wide: torch.dtype,
) -> Tensor:
    """Computes w_s SA + w_c CA of an image at the given positions, [classes, D]."""
    gate = torch.zeros((), dtype=wide, device=at.device)
    if spatial is not None:
        gate = gate + w_s * spatial[b, these].to(wide).gather(1, at)
    if channel is not None:
        gate = gate + w_c * channel[b, these].to(wide)
    return gate
