"""Asymmetric loss (arXiv 2009.14119), as loops.

Symbols: p = psi(z), p_m = max(p - m, 0) the shifted probability, gamma_+ and gamma_- the focusing
of positives and negatives.
"""

from __future__ import annotations

import torch
from torch import Tensor


def log(p: Tensor, eps: float) -> Tensor:
    """log(max(p, eps)) of a scalar; no gradient below eps."""
    return torch.log(p if p > eps else p.new_full((), eps))


def asl(
    z: Tensor,
    y: Tensor,
    gamma_pos: float = 0.0,
    gamma_neg: float = 4.0,
    m: float = 0.05,
    eps: float = 1e-8,
    reduction: str = "sum",
    focus_gradient: bool = True,
) -> Tensor:
    """Asymmetric loss of logits z [B, C] against labels y [B, C] in {0, 1}: a scalar.

    Args:
        z: logits.
        y: labels.
        gamma_pos: exponent of (1 - p) for positives.
        gamma_neg: exponent of p_m for negatives.
        m: the shift; 0 is none.
        eps: least argument of a logarithm.
        reduction: 'sum' (the paper), 'batchmean' that sum over B, 'mean' over B * C.
        focus_gradient: false treats both factors as constants, as the published training did.
    """
    B, C = z.shape
    total = z.new_zeros(())
    for n in range(B):
        for c in range(C):
            p = torch.sigmoid(z[n, c])
            if y[n, c] == 1:
                focus, log_p = (1 - p) ** gamma_pos, log(p, eps)
            else:
                p_m = p - m if p > m else p * 0
                focus, log_p = p_m**gamma_neg, log(1 - p_m, eps)
            if not focus_gradient:
                focus = focus.detach()
            total = total - focus * log_p
    if reduction == "sum":
        return total
    if reduction == "batchmean":
        return total / B
    if reduction == "mean":
        return total / (B * C)
    raise ValueError(f"reduction={reduction!r}: take 'sum', 'batchmean' or 'mean'.")
