"""The CPU's back end: NumPy's vector loops over data in cache, each thread on its own part.

PyTorch splits every pass over a small buffer between its threads and waits for all of them. Where
other processes use the same cores, that waiting takes longer than the work. Here the threads wait
for each other once. NumPy's tanh and arg-max are also several times faster than PyTorch's.
"""

from itertools import product

import numpy as np
import torch
from torch import Tensor

from mmsrdl.ops import series
from mmsrdl.ops.chunked import attended_max_pool_backward, index_dtype, values_at
from mmsrdl.ops.plain import accumulation_dtype
from mmsrdl.threads import in_threads

__all__ = [
    "attended_max_pool_backward",
    "attended_max_pool_forward",
    "gated_score_backward",
    "gated_score_forward",
]

# Elements of a thread's buffer: 400 kB in float32, for a second-level cache.
BUFFER = 1 << 17


def gated_score_forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes s [R, C] in float32 (float64) from a [R, D], u [C, D] and w [D]."""
    wide = accumulation_dtype(position, label, weight)
    a, u, w = position.to(wide), label.to(wide), weight.to(wide)
    score = a.new_zeros(len(a), len(u))
    with torch.autocast("cpu", enabled=False):
        for channels, limit in _channels(a, u):
            part = a[:, channels], u[:, channels], w[channels]
            score += _tanh_score(*part) if limit is None else series.forward(*part, limit)
    return score


def gated_score_backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of a [R, D], u [C, D] and w [D] from that of s, [R, C]."""
    wide = accumulation_dtype(position, label, weight)
    grad, a, u, w = grad.to(wide), position.to(wide), label.to(wide), weight.to(wide)
    gradients = [operand.new_empty(operand.shape) for operand in (a, u, w)]
    with torch.autocast("cpu", enabled=False):
        for channels, limit in _channels(a, u):
            part = grad, a[:, channels], u[:, channels], w[channels]
            found = _tanh_gradients(*part) if limit is None else series.backward(*part, limit)
            for gradient, value in zip(gradients, found, strict=True):
                gradient[..., channels] = value
    d_position, d_label, d_weight = gradients
    return d_position.to(position.dtype), d_label.to(label.dtype), d_weight.to(weight.dtype)


def attended_max_pool_forward(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    with_index: bool,
) -> tuple[Tensor, Tensor]:
    """Pools, and tells where each maximum is; see :mod:`mmsrdl.ops.chunked`."""
    wide = accumulation_dtype(feature, spatial, channel)
    batch, positions, dim = feature.shape
    classes = (spatial if spatial is not None else channel).shape[1]  # type: ignore[union-attr]
    index = torch.empty(batch, classes, dim, dtype=index_dtype(positions))
    image, found = feature.to(wide).numpy(), index.numpy()
    rows = None if spatial is None else (spatial.to(wide) * w_s).numpy()
    columns = None if channel is None else (channel.to(wide) * w_c).numpy()
    kept = None if keep is None else keep.numpy()
    size = max(BUFFER // positions, 1)

    @np.errstate(all="ignore")  # NaN and infinity pass through, as everywhere in PyTorch
    def search(part: tuple[int, int]) -> None:
        b, start = part
        these = slice(start, start + size)
        block = np.ascontiguousarray(image[b, :, these].T)  # (channels, P)
        gated, where = np.empty_like(block), np.empty(len(block), dtype=np.intp)
        for c in range(classes):
            if rows is not None and columns is not None:
                np.add(rows[b, c], columns[b, c, these, None], out=gated)
                np.multiply(gated, block, out=gated)
            elif rows is not None:
                np.multiply(block, rows[b, c], out=gated)
            else:
                np.multiply(block, columns[b, c, these, None], out=gated)  # type: ignore[index]
            if kept is not None:
                np.multiply(gated, kept[b, c], out=gated)
            found[b, c, these] = np.argmax(gated, axis=1, out=where)

    in_threads(search, product(range(batch), range(0, dim, size)))
    pooled = values_at(index, feature, spatial, channel, w_s, w_c, keep)
    return pooled, index if with_index else index.new_empty(0)


def _channels(a: Tensor, u: Tensor) -> list[tuple[Tensor | slice, float | None]]:
    """Returns which channels a polynomial serves, with its limit, and which tanh itself (None)."""
    if a.dtype != torch.float32 or not (a.numel() and u.numel()):
        return [(slice(None), None)]
    parts = series.limits(a, u)
    return [(slice(None), parts[0][1])] if len(parts) == 1 else list(parts)


def _tanh_score(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    score = torch.empty(len(position), len(label), dtype=position.dtype)
    a, u, w, s = (t.numpy() for t in (position.contiguous(), label, weight, score))
    size = max(BUFFER // max(a.shape[1], 1), 1)

    @np.errstate(all="ignore")
    def compute(start: int) -> None:
        rows = a[start : start + size]
        gate = np.empty_like(rows)
        for c in range(len(u)):
            np.tanh(np.multiply(rows, u[c], out=gate), out=gate)
            np.einsum("rk,k->r", gate, w, out=s[start : start + size, c])

    in_threads(compute, range(0, len(a), size))
    return score


def _tanh_gradients(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    results = [torch.zeros(t.shape, dtype=t.dtype) for t in (position, label, weight)]
    d_a, d_u, d_w = (t.numpy() for t in results)
    g, a, u, w = (t.contiguous().numpy() for t in (grad.t(), position, label, weight))
    # Every thread has channels of its own, so that no sum depends on their number.
    size = 256
    block = max(BUFFER // size, 1)

    @np.errstate(all="ignore")
    def compute(start: int) -> None:
        these = slice(start, start + size)
        scaled = u[:, these] * w[these]
        for r in range(0, len(a), block):
            rows = np.ascontiguousarray(a[r : r + block, these])
            tanh, slope, d_rows = np.empty_like(rows), np.empty_like(rows), np.zeros_like(rows)
            for c in range(len(u)):
                weights = g[c, r : r + block]
                np.tanh(np.multiply(rows, u[c, these], out=tanh), out=tanh)
                d_w[these] += np.einsum("rk,r->k", tanh, weights)
                # d tanh(z) = 1 - tanh(z)^2
                np.subtract(1, np.multiply(tanh, tanh, out=slope), out=slope)
                np.multiply(slope, weights[:, None], out=slope)
                d_u[c, these] += np.einsum("rk,rk->k", slope, rows)
                d_rows += np.multiply(slope, scaled[c], out=slope)
            d_a[r : r + block, these] = d_rows

    in_threads(compute, range(0, a.shape[1], size))
    d_position, d_label, d_weight = results
    return d_position, d_label.mul_(weight), d_weight
