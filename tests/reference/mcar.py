"""MCAR (arXiv 2007.01755), as loops: from the global stream to boxes, and back to one score.

Symbols: F [B, D, h, w] feature maps of images I [B, 3, H, W]; W [C, D], b [C] the classifier, one
for both streams and for the maps; A [B, C, H, W] class attentional maps in (0, 1); N regions an
image, tau the threshold of a marginal. A box is (x1, y1, x2, y2) in pixels, its end excluded.

The choice among several intervals is that of :mod:`.oe`. House conventions, where the paper is
silent: an interval below the minimum grows on both sides and is moved into the image; a flat
marginal gives the middle of the axis, without an eighth at either end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .losses import bce
from .oe import marginals, peak_run, top_k


def global_pooling(F_n: Tensor, kind: str = "avg") -> Tensor:
    """f [D] of one map [D, h, w]: 'avg', 'max', or 'gwp', the mean of both."""
    if kind not in ("avg", "max", "gwp"):
        raise ValueError(f"kind={kind!r}: take 'avg', 'max' or 'gwp'.")
    D, h, w = F_n.shape
    pooled = []
    for k in range(D):
        total, best = F_n.new_zeros(()), F_n[k, 0, 0]
        for y in range(h):
            for x in range(w):
                total = total + F_n[k, y, x]
                best = F_n[k, y, x] if F_n[k, y, x] > best else best
        mean = total / (h * w)
        pooled.append({"avg": mean, "max": best, "gwp": (mean + best) / 2}[kind])
    return torch.stack(pooled)


def classify(f: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Logits [C], w_c . f + b_c of one feature f [D]."""
    out = []
    for c in range(W.shape[0]):
        z = b[c]
        for k in range(W.shape[1]):
            z = z + W[c, k] * f[k]
        out.append(z)
    return torch.stack(out)


def stream(F: Tensor, W: Tensor, b: Tensor, kind: str = "avg") -> Tensor:
    """Logits [B, C] of either stream, of feature maps F [B, D, h, w]."""
    return torch.stack([classify(global_pooling(F[n], kind), W, b) for n in range(F.shape[0])])


def resize(image: Tensor, H: int, W: int) -> Tensor:
    """Bilinear resizing of one plane [h, w] to [H, W]; corners map onto corners."""
    h, w = image.shape
    values = []
    for y in range(H):
        v = y * (h - 1) / (H - 1) if H > 1 else 0.0
        y0 = min(int(v), h - 1)
        y1, dy = min(y0 + 1, h - 1), v - y0
        for x in range(W):
            u = x * (w - 1) / (W - 1) if W > 1 else 0.0
            x0 = min(int(u), w - 1)
            x1, dx = min(x0 + 1, w - 1), u - x0
            upper = (1 - dx) * image[y0, x0] + dx * image[y0, x1]
            lower = (1 - dx) * image[y1, x0] + dx * image[y1, x1]
            values.append((1 - dy) * upper + dy * lower)
    return torch.stack(values).reshape(H, W)


def class_maps(F: Tensor, W: Tensor, b: Tensor, H: int, width: int) -> Tensor:
    """A [B, C, H, width] without gradient: the classifier at each position, sigmoid, resized."""
    F, W, b = F.detach(), W.detach(), b.detach()
    B, _, h, w = F.shape
    maps = []
    for n in range(B):
        at = [torch.sigmoid(classify(F[n, :, y, x], W, b)) for y in range(h) for x in range(w)]
        scores = torch.stack(at)
        for c in range(W.shape[0]):
            maps.append(resize(scores[:, c].reshape(h, w), H, width))
    return torch.stack(maps).reshape(B, W.shape[0], H, width)


def interval(
    m: Sequence[Tensor] | None, n: int, tau: float = 0.5, least: float = 0.125
) -> tuple[int, int]:
    """(start, end), end excluded, on an axis of n pixels, of a normalised marginal m (none: flat).

    The run at or above tau that holds the maximum, of several the longest, of those the first;
    never shorter than ceil(least * n).
    """
    run = None if m is None else peak_run(m, tau)
    if run is None:
        return math.ceil(least * n), math.ceil((1 - least) * n)
    start, end = run[0], run[1] + 1
    shortest = math.ceil(least * n)
    missing = shortest - (end - start)
    if missing > 0:
        start = start - missing // 2
        start = min(max(start, 0), n - shortest)
        end = start + shortest
    return start, end


def box(A_nc: Tensor, tau: float = 0.5, least: float = 0.125) -> tuple[int, int, int, int]:
    """(x1, y1, x2, y2) of one class attentional map [H, W]."""
    H, W = A_nc.shape
    m_x, m_y = marginals(A_nc)
    x1, x2 = interval(m_x, W, tau, least)
    y1, y2 = interval(m_y, H, tau, least)
    return x1, y1, x2, y2


def regions(
    A: Tensor, z: Tensor, N: int = 4, tau: float = 0.5, least: float = 0.125
) -> list[list[tuple[int, tuple[int, int, int, int]]]]:
    """For each image its N pairs (category, box), by falling global logit z [B, C].

    Args:
        A: class attentional maps [B, C, H, W].
        z: logits of the global stream.
        N: regions an image, clipped to C.
        tau: threshold of the marginals.
        least: shortest interval as a share of its side.
    """
    found = []
    for n in range(A.shape[0]):
        found.append([(c, box(A[n, c], tau, least)) for c in top_k(z[n].detach(), N)])
    return found


def crop(I_n: Tensor, corners: tuple[int, int, int, int]) -> Tensor:
    """The region of one image [3, H, W], resized to [3, H, W], without gradient."""
    x1, y1, x2, y2 = corners
    H, W = I_n.shape[1:]
    planes = [resize(plane[y1:y2, x1:x2], H, W) for plane in I_n.detach()]
    return torch.stack(planes)


def aggregate(local: Tensor) -> Tensor:
    """Category-wise maximum [C] over the regions' scores local [N, C] of one image.

    Logits or probabilities: the sigmoid rises, so both have the same maximum.
    """
    out = []
    for c in range(local.shape[1]):
        best = local[0, c]
        for j in range(local.shape[0]):
            best = local[j, c] if local[j, c] > best else best
        out.append(best)
    return torch.stack(out)


def combine(global_: Tensor, local: Tensor) -> Tensor:
    """Prediction [B, C]: the larger of both streams, global_ [B, C] and aggregated local [B, C]."""
    B, C = global_.shape
    out = []
    for n in range(B):
        for c in range(C):
            g, s = global_[n, c], local[n, c]
            out.append(s if s > g else g)
    return torch.stack(out).reshape(B, C)


def loss(z_global: Tensor, z_local: Tensor, y: Tensor, reduction: str = "mean") -> Tensor:
    """Binary cross entropy of both streams' logits [B, C] against y [B, C], added."""
    return bce(z_global, y, reduction) + bce(z_local, y, reduction)
