"""Class-specific residual attention (arXiv 2108.02456), as loops.

Symbols: x_j [D] the feature of position j, m_i [D] the classifier of category i, T the temperature,
lam the weight of the attention; T = 99 stands for infinity.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .q2l import softmax

TEMPERATURES = {
    1: (1,),
    2: (1, 99),
    4: (1, 2, 4, 99),
    6: (1, 2, 3, 4, 5, 99),
    8: (1, 2, 3, 4, 5, 6, 7, 99),
}
"""Temperatures of the heads, by their number."""


def scores(F_n: Tensor, m_i: Tensor) -> list[Tensor]:
    """x_j . m_i / ||m_i|| at every position of one map F_n [D, H, W], row by row."""
    D, H, W = F_n.shape
    squares = F_n.new_zeros(())
    for k in range(D):
        squares = squares + m_i[k] * m_i[k]
    out = []
    for y in range(H):
        for x in range(W):
            dot = F_n.new_zeros(())
            for k in range(D):
                dot = dot + F_n[k, y, x] * m_i[k]
            out.append(dot / torch.sqrt(squares))
    return out


def head(F: Tensor, m: Tensor, lam: float, T: float) -> Tensor:
    """Logits [B, C] of one head, of feature maps F [B, D, H, W] and classifiers m [C, D].

    The mean of the scores (the class-agnostic feature g) and lam times their mean under
    softmax(T * score) (the class-specific feature a): m_i . (g + lam a_i), Eq. (8).
    """
    B, C = F.shape[0], m.shape[0]
    out = []
    for n in range(B):
        for i in range(C):
            s = scores(F[n], m[i])
            base = sum(s, F.new_zeros(())) / len(s)
            if T == 99:
                attended = s[0]
                for v in s:
                    attended = v if v > attended else attended
            else:
                a = softmax([T * v for v in s])
                attended = sum((a[j] * s[j] for j in range(len(s))), F.new_zeros(()))
            out.append(base + lam * attended)
    return torch.stack(out).reshape(B, C)


def csra(F: Tensor, ms: Sequence[Tensor], lam: float) -> Tensor:
    """Logits [B, C], the sum over the heads; ms holds one [C, D] a head."""
    total = F.new_zeros(F.shape[0], ms[0].shape[0])
    for m, T in zip(ms, TEMPERATURES[len(ms)], strict=True):
        total = total + head(F, m, lam, T)
    return total
