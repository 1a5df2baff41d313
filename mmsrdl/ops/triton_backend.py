"""The operators of the attention on a GPU, as Triton kernels.

Nothing of size positions x classes x channels is stored: tiles of it live in
registers. Arithmetic is in float32 whatever the tensors' types. There are no
atomic operations: where a sum is split over programs its parts are stored and
added in a fixed order, so the same input gives the same bits in every run.

The launchers take tensors of any strides, on one CUDA (or ROCm) device, in
float32, bfloat16 or float16; their callers have checked the shapes.
"""
# Triton's kernels are untyped: their arguments are pointers and 32-bit numbers.
# mypy: disable-error-code=no-untyped-def

import torch
import triton
import triton.language as tl
from torch import Tensor

# A few programs on each multiprocessor of the largest GPUs; a sum over a long axis is split
# until there are about so many.
_PROGRAMS = 1024
_SHORTEST_PART = 32  # terms of a split sum
# Tiles. A thread holds 8 to 32 elements: enough independent work for the latency of loads and
# special functions, and no register spilled.
_PAD = dict(SIDE=64)
_SCORE = dict(ROWS=128, CLASSES=8, UNROLL=4)
_SLOPE = dict(ROWS=16, CHANNELS=128)
_POOL = dict(CLASSES=16, CHANNELS=128, UNROLL=2)
_FEATURE = dict(POSITIONS=32, CHANNELS=128)
_SPATIAL = dict(POSITIONS=32, CHANNELS=128)
_CHANNEL = dict(CHANNELS=512)
_BUILD = dict(num_warps=4, num_stages=1)


@triton.jit
def _tanh(z, FAST: tl.constexpr):
    if FAST:
        return tl.inline_asm_elementwise(
            "tanh.approx.f32 $0, $1;", "=f,f", [z], dtype=tl.float32, is_pure=True, pack=1
        )
    # Within 1.5e-7 of tanh, relatively: a minimax polynomial near zero, where the other
    # form cancels. A decay does not overflow, and a NaN stays one.
    square = z * z
    tail = 0.13325879 + square * (-0.053045493 + square * 0.017241491)
    near = z + z * (square * (-0.33333144 + square * tail))
    decay = tl.exp2(-2.8853900817779268 * tl.abs(z))  # exp(-2 |z|)
    far = 1.0 - 2.0 * decay / (1.0 + decay)
    return tl.where(tl.abs(z) < 0.5, near, tl.where(z < 0, -far, far))


@triton.jit
def _pad_kernel(
    x_ptr,  # [B, H, W], of any strides
    out_ptr,  # [B, >= H, >= W]
    H,
    W,
    x_batch,
    x_row,
    x_column,
    out_H,
    out_W,
    SIDE: tl.constexpr,
):
    # Reads along the axis that is dense in x and writes along the one that is dense in the
    # result, so that a transposed copy costs no more than another.
    tiles = tl.cdiv(out_W, SIDE)
    row_tiles = tl.cdiv(out_H, SIDE)
    tile = tl.program_id(0) // tiles
    b = (tile // row_tiles).to(tl.int64)
    i = (tile % row_tiles * SIDE + tl.arange(0, SIDE)[:, None]).to(tl.int64)
    j = (tl.program_id(0) % tiles * SIDE + tl.arange(0, SIDE)[None, :]).to(tl.int64)
    at = b * x_batch + i * x_row + j * x_column
    x = tl.load(x_ptr + at, mask=(i < H) & (j < W), other=0.0).to(out_ptr.dtype.element_ty)
    tl.store(out_ptr + (b * out_H + i) * out_W + j, x, mask=(i < out_H) & (j < out_W))


@triton.jit
def _score_kernel(
    a_ptr,  # [>= D, >= R], zero beyond D
    u_ptr,  # [>= D, >= C], zero beyond D
    w_ptr,  # [>= D], zero beyond D
    s_ptr,  # [parts, R, C]
    R,
    C,
    D,
    a_stride,
    u_stride,
    part,  # channels of a program, a multiple of UNROLL
    ROWS: tl.constexpr,
    CLASSES: tl.constexpr,
    UNROLL: tl.constexpr,
    FAST: tl.constexpr,
):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[None, :]
    c = tl.program_id(1) * CLASSES + tl.arange(0, CLASSES)[:, None]
    start = tl.program_id(2) * part
    a_ptr += start.to(tl.int64) * a_stride
    u_ptr += start.to(tl.int64) * u_stride
    w_ptr += start
    score = tl.zeros([CLASSES, ROWS], tl.float32)
    for _ in range(start, tl.minimum(start + part, D), UNROLL):
        for _step in tl.static_range(UNROLL):
            a = tl.load(a_ptr + r).to(tl.float32)
            u = tl.load(u_ptr + c).to(tl.float32)
            score += tl.load(w_ptr).to(tl.float32) * _tanh(a * u, FAST)
            a_ptr += a_stride
            u_ptr += u_stride
            w_ptr += 1
    row = tl.program_id(2).to(tl.int64) * R + r
    tl.store(s_ptr + row * C + c, score, mask=(r < R) & (c < C))


@triton.jit
def _slope_kernel(
    x_ptr,  # [N, D]
    y_ptr,  # [M, D]
    w_ptr,  # [D]
    grad_ptr,  # [M, >= N], zero beyond N
    dx_ptr,  # [parts, N, D]
    dw_ptr,  # [parts, cdiv(N, ROWS), D], or None
    N,
    M,
    D,
    grad_stride,
    part,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
    FAST: tl.constexpr,
):
    first = tl.program_id(0) * ROWS
    row = tl.arange(0, ROWS)[:, None]
    n = first + row
    k = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    start = tl.program_id(2) * part
    inside = (n < N) & (k < D)
    x = tl.load(x_ptr + first.to(tl.int64) * D + row * D + k, mask=inside, other=0.0).to(tl.float32)
    y_ptr += start.to(tl.int64) * D
    grad_ptr += start.to(tl.int64) * grad_stride
    dx = tl.zeros([ROWS, CHANNELS], tl.float32)
    dw = tl.zeros([ROWS, CHANNELS], tl.float32)
    for _ in range(start, tl.minimum(start + part, M)):
        y = tl.load(y_ptr + k, mask=k < D, other=0.0).to(tl.float32)
        grad = tl.load(grad_ptr + n)
        t = _tanh(x * y, FAST)
        dx += grad * (1.0 - t * t) * y  # d tanh(z) = 1 - tanh(z)^2
        if dw_ptr is not None:
            dw += grad * t
        y_ptr += D
        grad_ptr += grad_stride
    w = tl.load(w_ptr + k, mask=k < D, other=0.0).to(tl.float32)
    dx = (dx * w).to(dx_ptr.dtype.element_ty)
    dx_ptr += (tl.program_id(2).to(tl.int64) * N + first) * D
    tl.store(dx_ptr + row * D + k, dx, mask=inside)
    if dw_ptr is not None:
        line = tl.program_id(2).to(tl.int64) * tl.num_programs(0) + tl.program_id(0)
        dw_sum = tl.sum(tl.where(inside, dw, 0.0), axis=0)[None, :]
        tl.store(dw_ptr + line * D + k, dw_sum, mask=k < D)


@triton.jit
def _gate(ca, sa_ptr, keep_ptr, at, w_s):
    # (w_s SA + w_c CA) keep, a column [n, 1] or a tile [n, CHANNELS]: `ca` is w_c CA, and
    # `at` holds the places of n positions or classes, [n, 1].
    if sa_ptr is not None:
        gate = w_s * tl.load(sa_ptr + at)
        if ca is not None:
            gate = gate + ca
    else:
        gate = ca
    if keep_ptr is not None:
        gate = gate * tl.load(keep_ptr + at)
    return gate


@triton.jit
def _pool_kernel(
    feature_ptr,  # [B, P, D]
    sa_ptr,  # [B, P, >= C], or None
    ca_ptr,  # [B, C, D], or None
    keep_ptr,  # [B, P, >= C], or None
    pooled_ptr,  # [B, C, D]
    index_ptr,  # [B, C, D], or None
    P,
    C,
    D,
    c_stride,
    w_s,
    w_c,
    CLASSES: tl.constexpr,
    CHANNELS: tl.constexpr,
    UNROLL: tl.constexpr,
):
    tiles = tl.cdiv(D, CHANNELS)
    b = (tl.program_id(0) // tiles).to(tl.int64)
    k = tl.program_id(0) % tiles * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    first_class = tl.program_id(1) * CLASSES
    c = first_class + tl.arange(0, CLASSES)[:, None]
    inside = (c < C) & (k < D)
    base = (b * C + first_class) * D
    at = tl.arange(0, CLASSES)[:, None] * D + k
    ca = None
    if ca_ptr is not None:
        # One by one, as the loop holds them: wider loads would be exchanged in each of its steps.
        narrow = tl.max_contiguous(at, [1, 1])
        ca = w_c * tl.load(ca_ptr + base + narrow, mask=inside, other=0.0).to(tl.float32)
    best = tl.full([CLASSES, CHANNELS], float("-inf"), tl.float32)
    index = tl.zeros([CLASSES, CHANNELS], tl.int32)
    for first in range(0, P, UNROLL):
        for step in tl.static_range(UNROLL):
            p = tl.minimum(first + step, P - 1)  # the last again: never larger than itself
            row = b * P + p
            feature = tl.load(feature_ptr + row * D + k, mask=k < D, other=0.0).to(tl.float32)
            product = feature * _gate(ca, sa_ptr, keep_ptr, row * c_stride + c, w_s)
            if index_ptr is not None:
                index = tl.where(product > best, p, index)
            best = tl.maximum(best, product, propagate_nan=tl.PropagateNan.ALL)
    tl.store(pooled_ptr + base + at, best.to(pooled_ptr.dtype.element_ty), mask=inside)
    if index_ptr is not None:
        # A NaN wins over all numbers without being larger. Its position is looked for only where
        # there is one: a further comparison above would cost every product.
        if tl.max(tl.where(best != best, 1, 0)) > 0:
            for back in range(P):
                p = P - 1 - back
                row = b * P + p
                feature = tl.load(feature_ptr + row * D + k, mask=k < D, other=0.0).to(tl.float32)
                product = feature * _gate(ca, sa_ptr, keep_ptr, row * c_stride + c, w_s)
                index = tl.where(product != product, p, index)
        tl.store(index_ptr + base + at, index.to(index_ptr.dtype.element_ty), mask=inside)


@triton.jit
def _feature_gradient_kernel(
    grad_ptr,  # [B, C, D]
    index_ptr,  # [B, C, D]
    sa_ptr,  # [B, C, >= P], or None
    ca_ptr,  # [B, C, D], or None
    keep_ptr,  # [B, C, >= P], or None
    out_ptr,  # [B, P, D]
    P,
    C,
    D,
    p_stride,
    w_s,
    w_c,
    POSITIONS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    tiles = tl.cdiv(D, CHANNELS)
    b = (tl.program_id(0) // tiles).to(tl.int64)
    k = tl.program_id(0) % tiles * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    p = tl.program_id(1) * POSITIONS + tl.arange(0, POSITIONS)[:, None]
    out = tl.zeros([POSITIONS, CHANNELS], tl.float32)
    for c in range(C):
        row = b * C + c
        at = row * D + k
        index = tl.load(index_ptr + at, mask=k < D, other=-1).to(tl.int32)
        grad = tl.load(grad_ptr + at, mask=k < D, other=0.0).to(tl.float32)
        ca = None
        if ca_ptr is not None:
            ca = w_c * tl.load(ca_ptr + at, mask=k < D, other=0.0).to(tl.float32)
        gate = _gate(ca, sa_ptr, keep_ptr, row * p_stride + p, w_s)
        out = tl.where(index == p, out + gate * grad, out)
    at = (b * P + p) * D + k
    tl.store(out_ptr + at, out.to(out_ptr.dtype.element_ty), mask=(p < P) & (k < D))


@triton.jit
def _spatial_gradient_kernel(
    grad_ptr,  # [B, C, D]
    index_ptr,  # [B, C, D]
    feature_ptr,  # [B, P, D]
    keep_ptr,  # [B, C, P], or None
    out_ptr,  # [B, C, P]
    P,
    C,
    D,
    w_s,
    POSITIONS: tl.constexpr,
    CHANNELS: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)  # b C + c
    first = tl.program_id(1) * POSITIONS
    place = first + tl.arange(0, POSITIONS)[:, None]
    feature_ptr += row // C * P * D
    out = tl.zeros([POSITIONS, CHANNELS], tl.float32)
    for start in range(0, D, CHANNELS):
        k = start + tl.arange(0, CHANNELS)[None, :]
        index = tl.load(index_ptr + row * D + k, mask=k < D, other=-1).to(tl.int32)
        here = (index >= first) & (index < first + POSITIONS)
        grad = tl.load(grad_ptr + row * D + k, mask=here, other=0.0).to(tl.float32)
        peak = tl.load(feature_ptr + index.to(tl.int64) * D + k, mask=here, other=0.0)
        out = tl.where(index == place, out + peak.to(tl.float32) * grad, out)
    p = first + tl.arange(0, POSITIONS)
    total = w_s * tl.sum(out, axis=1)
    if keep_ptr is not None:
        total *= tl.load(keep_ptr + row * P + p, mask=p < P, other=0).to(tl.float32)
    tl.store(out_ptr + row * P + p, total.to(out_ptr.dtype.element_ty), mask=p < P)


@triton.jit
def _channel_gradient_kernel(
    grad_ptr,  # [B, C, D]
    index_ptr,  # [B, C, D]
    feature_ptr,  # [B, P, D]
    keep_ptr,  # [B, C, P], or None
    out_ptr,  # [B, C, D]
    P,
    C,
    D,
    w_c,
    CHANNELS: tl.constexpr,
):
    row = tl.program_id(0).to(tl.int64)  # b C + c
    k = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = k < D
    index = tl.load(index_ptr + row * D + k, mask=inside, other=0).to(tl.int64)
    grad = tl.load(grad_ptr + row * D + k, mask=inside, other=0.0).to(tl.float32)
    peak = tl.load(feature_ptr + (row // C * P + index) * D + k, mask=inside, other=0.0)
    out = w_c * peak.to(tl.float32) * grad
    if keep_ptr is not None:
        out *= tl.load(keep_ptr + row * P + index, mask=inside, other=0).to(tl.float32)
    tl.store(out_ptr + row * D + k, out.to(out_ptr.dtype.element_ty), mask=inside)


def _padded(x: Tensor, columns: int, rows: int = 1, dtype: torch.dtype | None = None) -> Tensor:
    """Returns x contiguous, its last two axes filled up with zeros to whole tiles."""
    height, width = x.shape[-2:]
    shape = (*x.shape[:-2], height + -height % rows, width + -width % columns)
    dtype = dtype or x.dtype
    if x.is_contiguous() and x.shape == shape and x.dtype == dtype:
        return x
    out = x.new_empty(shape, dtype=dtype)
    batch, batch_stride = (1, 0) if x.dim() == 2 else (x.shape[0], x.stride(0))
    tiles = batch * triton.cdiv(shape[-2], _PAD["SIDE"]) * triton.cdiv(shape[-1], _PAD["SIDE"])
    with torch.cuda.device_of(x):
        _pad_kernel[(tiles,)](
            x, out, height, width, batch_stride, *x.stride()[-2:], *shape[-2:], **_PAD, **_BUILD
        )
    return out


def _part(programs: int, terms: int, step: int = 1) -> int:
    """Returns how many terms of a sum one program adds, for about _PROGRAMS in all."""
    parts = min(triton.cdiv(_PROGRAMS, programs), triton.cdiv(terms, _SHORTEST_PART))
    return triton.cdiv(triton.cdiv(terms, parts), step) * step


def _has_fast_tanh(a: Tensor, u: Tensor) -> bool:
    # tanh.approx is within 2^-11 of tanh, the rounding of float16; that of bfloat16 is 2^-8.
    return (
        torch.float32 not in (a.dtype, u.dtype)
        and isinstance(_tanh, triton.runtime.JITFunction)  # compiled, not interpreted
        and torch.version.hip is None
        and torch.cuda.get_device_capability(a.device) >= (7, 5)
    )


def gated_score_forward(a: Tensor, u: Tensor, w: Tensor) -> Tensor:
    """Computes s = sum_k w_k tanh(a_k u_k), SRDL's Eq. (5) without bias and sigmoid.

    Args:
        a: Features of the positions, [R, D].
        u: Label embeddings, [C, D].
        w: [D].

    Returns:
        s, [R, C], float32.
    """
    rows, classes, dim = len(a), len(u), len(w)
    if 0 in (rows, classes, dim):
        return a.new_zeros(rows, classes, dtype=torch.float32)
    a_t = _padded(a.t(), _SCORE["ROWS"], _SCORE["UNROLL"])
    u_t = _padded(u.t(), _SCORE["CLASSES"], _SCORE["UNROLL"])
    w = _padded(w[None], _SCORE["UNROLL"])
    row_tiles = triton.cdiv(rows, _SCORE["ROWS"])
    class_tiles = triton.cdiv(classes, _SCORE["CLASSES"])
    part = _part(row_tiles * class_tiles, dim, _SCORE["UNROLL"])
    parts = triton.cdiv(dim, part)
    score = a.new_empty(parts, rows, classes, dtype=torch.float32)
    with torch.cuda.device_of(a):
        _score_kernel[row_tiles, class_tiles, parts](
            a_t,
            u_t,
            w,
            score,
            rows,
            classes,
            dim,
            a_t.stride(0),
            u_t.stride(0),
            part,
            FAST=_has_fast_tanh(a, u),
            **_SCORE,
            **_BUILD,
        )
    return score.sum(0) if parts > 1 else score[0]


def gated_score_backward(
    grad: Tensor, a: Tensor, u: Tensor, w: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of `gated_score_forward`; tanh is computed anew, twice.

    Args:
        grad: Of s, [R, C], float32.
        a: [R, D].
        u: [C, D].
        w: [D].

    Returns:
        The gradients of a, u and w, of their shapes and types.
    """
    if not grad.numel() or not len(w):
        return torch.zeros_like(a), torch.zeros_like(u), torch.zeros_like(w)
    fast = _has_fast_tanh(a, u)
    a, u, w = _padded(a, 1), _padded(u, 1), w.contiguous()
    d_a, d_w = _slope_sum(a, u, w, grad.t(), fast, with_weight=True)
    d_u, _ = _slope_sum(u, a, w, grad, fast, with_weight=False)
    return d_a, d_u, d_w.sum(0).to(w.dtype)


def _slope_sum(
    x: Tensor, y: Tensor, w: Tensor, grad: Tensor, fast: bool, with_weight: bool
) -> tuple[Tensor, Tensor]:
    """Returns the gradient of x [N, D], summed over y [M, D], and the parts of w's.

    a and u are alike in the score: each is x once. grad is [M, N].
    """
    (height, dim), terms = x.shape, len(y)
    grad = _padded(grad, _SLOPE["ROWS"], dtype=torch.float32)
    tiles = triton.cdiv(height, _SLOPE["ROWS"]), triton.cdiv(dim, _SLOPE["CHANNELS"])
    part = _part(tiles[0] * tiles[1], terms)
    parts = triton.cdiv(terms, part)
    d_x = x.new_empty(parts, height, dim, dtype=x.dtype if parts == 1 else torch.float32)
    d_w = x.new_empty(parts * tiles[0] if with_weight else 0, dim, dtype=torch.float32)
    with torch.cuda.device_of(x):
        _slope_kernel[tiles[0], tiles[1], parts](
            x,
            y,
            w,
            grad,
            d_x,
            d_w if with_weight else None,
            height,
            terms,
            dim,
            grad.stride(0),
            part,
            FAST=fast,
            **_SLOPE,
            **_BUILD,
        )
    return d_x[0] if parts == 1 else d_x.sum(0).to(x.dtype), d_w


def attended_max_pool_forward(
    F: Tensor,
    SA: Tensor | None,
    CA: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    with_index: bool,
) -> tuple[Tensor, Tensor]:
    """Computes f = max_p F (w_s SA + w_c CA) keep, SRDL's Eq. (6) with global max pooling.

    Args:
        F: Feature map, [B, P, D], P at least 1.
        SA: Spatial attention, [B, C, P], or None.
        CA: Channel attention, [B, C, D], or None; not both are None.
        w_s: Weight of SA.
        w_c: Weight of CA.
        keep: Boolean mask, [B, C, P]; where it is False the product is zero.
        with_index: Whether the positions are needed, for the gradients.

    Returns:
        f, [B, C, D], in F's type; a NaN is larger than any number. And the first position of
        each maximum, [B, C, D], int16 where that holds P and else int32, or an empty tensor.
    """
    batch, positions, dim = F.shape
    classes = _classes(SA, CA)
    pooled = F.new_empty(batch, classes, dim)
    wide = torch.int16 if positions <= torch.iinfo(torch.int16).max else torch.int32
    index = F.new_empty((batch, classes, dim) if with_index else 0, dtype=wide)
    if not pooled.numel():
        return pooled, index
    tile = _POOL
    tiles = batch * triton.cdiv(dim, tile["CHANNELS"]), triton.cdiv(classes, tile["CLASSES"])
    if tiles[0] * tiles[1] < _PROGRAMS // 4:
        tile = {**_POOL, "CLASSES": 4}
        tiles = tiles[0], triton.cdiv(classes, 4)
    sa, masks = (
        None if x is None else _padded(x.transpose(1, 2), tile["CLASSES"], dtype=torch.float32)
        for x in (SA, keep)
    )
    with torch.cuda.device_of(F):
        _pool_kernel[tiles](
            _padded(F, 1),
            sa,
            None if CA is None else CA.contiguous(),
            masks,
            pooled,
            index if with_index else None,
            positions,
            classes,
            dim,
            tiles[1] * tile["CLASSES"],
            float(w_s),
            float(w_c),
            **tile,
            **_BUILD,
        )
    return pooled, index


def attended_max_pool_backward(
    grad: Tensor,
    index: Tensor,
    F: Tensor,
    SA: Tensor | None,
    CA: Tensor | None,
    w_s: float,
    w_c: float,
    keep: Tensor | None,
    needs: tuple[bool, bool, bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Computes the gradients of `attended_max_pool_forward`: each goes to one position.

    Args:
        grad: Of f, [B, C, D].
        index: The positions of the maxima, [B, C, D].
        F: [B, P, D].
        SA: [B, C, P], or None.
        CA: [B, C, D], or None.
        w_s: Weight of SA.
        w_c: Weight of CA.
        keep: Boolean mask, [B, C, P], or None.
        needs: Whether the gradients of F, SA and CA are wanted.

    Returns:
        The gradients of F, SA and CA, of their shapes and types; None where not wanted, or
        where there is no such input.
    """
    classes = _classes(SA, CA)
    d_f, d_sa, d_ca = (
        torch.empty(x.shape, dtype=x.dtype, device=x.device) if needed and x is not None else None
        for x, needed in zip((F, SA, CA), needs, strict=True)
    )
    if not grad.numel():
        for gradient in (d_f, d_sa, d_ca):
            if gradient is not None:
                gradient.zero_()
        return d_f, d_sa, d_ca
    grad, index, F = grad.contiguous(), index.contiguous(), _padded(F, 1)
    batch, positions, dim = F.shape
    if keep is not None:
        keep = keep.contiguous()
    with torch.cuda.device_of(F):
        if d_f is not None:
            tiles = (
                triton.cdiv(dim, _FEATURE["CHANNELS"]),
                triton.cdiv(positions, _FEATURE["POSITIONS"]),
            )
            sa, masks = (
                None if x is None else _padded(x, _FEATURE["POSITIONS"], dtype=torch.float32)
                for x in (SA, keep)
            )
            _feature_gradient_kernel[batch * tiles[0], tiles[1]](
                grad,
                index,
                sa,
                None if CA is None else CA.contiguous(),
                masks,
                d_f,
                positions,
                classes,
                dim,
                tiles[1] * _FEATURE["POSITIONS"],
                float(w_s),
                float(w_c),
                **_FEATURE,
                **_BUILD,
            )
        if d_sa is not None:
            _spatial_gradient_kernel[
                batch * classes, triton.cdiv(positions, _SPATIAL["POSITIONS"])
            ](grad, index, F, keep, d_sa, positions, classes, dim, float(w_s), **_SPATIAL, **_BUILD)
        if d_ca is not None:
            _channel_gradient_kernel[batch * classes, triton.cdiv(dim, _CHANNEL["CHANNELS"])](
                grad,
                index,
                F,
                keep,
                d_ca,
                positions,
                classes,
                dim,
                float(w_c),
                **_CHANNEL,
                **_BUILD,
            )
    return d_f, d_sa, d_ca


def _classes(SA: Tensor | None, CA: Tensor | None) -> int:
    attention = SA if SA is not None else CA
    assert attention is not None
    return attention.shape[1]
