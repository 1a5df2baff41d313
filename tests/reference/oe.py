"""Object erasing, Eqs. (7) to (10) and the choice of interval and categories, as loops.

Symbols: SA [H, W] the spatial attention of one image and category, m_x [W] and m_y [H] its
marginals in [0, 1], alpha the threshold, K the number of categories that are erased.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def norm(values: Sequence[Tensor]) -> list[Tensor] | None:
    """Min-max normalisation to [0, 1]; none where all values are equal."""
    low = high = values[0]
    for v in values:
        low = v if v < low else low
        high = v if v > high else high
    if high == low:
        return None
    return [(v - low) / (high - low) for v in values]


def marginals(SA: Tensor) -> tuple[list[Tensor] | None, list[Tensor] | None]:
    """(m_x [W], m_y [H]) of SA [H, W], without gradient; none for a flat marginal."""
    SA = SA.detach()
    H, W = SA.shape
    over_y = []
    for x in range(W):
        best = SA[0, x]
        for y in range(H):
            best = SA[y, x] if SA[y, x] > best else best
        over_y.append(best)
    over_x = []
    for y in range(H):
        best = SA[y, 0]
        for x in range(W):
            best = SA[y, x] if SA[y, x] > best else best
        over_x.append(best)
    m_x = norm(over_y)  # Eq. (7)
    m_y = norm(over_x)  # Eq. (8)
    return m_x, m_y


def runs(m: Sequence[Tensor], alpha: float) -> list[tuple[int, int]]:
    """Maximal intervals (first, last), both included, of a marginal at or above alpha."""
    found: list[tuple[int, int]] = []
    first = None
    for i in range(len(m)):
        if m[i] >= alpha:  # Eqs. (9), (10)
            first = i if first is None else first
            if i == len(m) - 1 or not m[i + 1] >= alpha:
                found.append((first, i))
                first = None
    return found


def peak_run(m: Sequence[Tensor], alpha: float) -> tuple[int, int] | None:
    """The run that holds the global maximum of a marginal; none where no entry reaches alpha.

    Of several such runs the widest, of several as wide the first.
    """
    top = m[0]
    for v in m:
        top = v if v > top else top
    best = None
    for first, last in runs(m, alpha):
        if not any(m[i] == top for i in range(first, last + 1)):
            continue
        if best is None or last - first > best[1] - best[0]:
            best = (first, last)
    return best


def erased_mask(SA: Tensor, alpha: float = 0.5, region: str = "rectangle") -> Tensor:
    """Boolean mask [H, W] of the positions to erase in SA [H, W] (true = erased).

    House conventions: a flat marginal does not localise, so its run is the whole axis; where both
    are flat, or alpha is above 1, nothing is erased. In a cross a flat axis adds no band.

    Args:
        SA: spatial attention.
        alpha: threshold on the normalised marginals.
        region: 'rectangle', rows and columns of both runs; 'cross', of either run.
    """
    if region not in ("rectangle", "cross"):
        raise ValueError(f"region={region!r}: take 'rectangle' or 'cross'.")
    H, W = SA.shape
    mask = torch.zeros(H, W, dtype=torch.bool)
    m_x, m_y = marginals(SA)
    if alpha > 1 or (m_x is None and m_y is None):
        return mask
    columns = (0, W - 1) if m_x is None else peak_run(m_x, alpha)
    rows = (0, H - 1) if m_y is None else peak_run(m_y, alpha)
    if columns is None or rows is None:
        raise AssertionError("a marginal in [0, 1] reaches 1, so alpha <= 1 leaves a run")
    for y in range(H):
        for x in range(W):
            in_column = columns[0] <= x <= columns[1]
            in_row = rows[0] <= y <= rows[1]
            if region == "rectangle":
                mask[y, x] = in_column and in_row
            else:
                mask[y, x] = (in_column and m_x is not None) or (in_row and m_y is not None)
    return mask


def top_k(scores: Tensor, K: int = 3) -> list[int]:
    """The K categories of largest score in scores [C], largest first; K is clipped to C.

    Of equal scores the lower index comes first.
    """
    C = scores.shape[0]
    left = list(range(C))
    chosen: list[int] = []
    for _ in range(min(K, C)):
        best = left[0]
        for c in left:
            if scores[c] > scores[best]:
                best = c
        left.remove(best)
        chosen.append(best)
    return chosen
