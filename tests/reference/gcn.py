"""Contextualised label embeddings, Eq. (3), as loops.

Symbols: C categories, d' node width, A^l [C, d'] node features, V [C, C] adjacency (any sign),
W^l [d', d'] the transformation of layer l, h LeakyReLU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def normalise(V: Tensor, kind: str = "symmetric") -> Tensor:
    """Normalised adjacency V_hat [C, C] of V [C, C].

    With r_i = sum_j |V[i, j]| and q_j = sum_i |V[i, j]|, where a sum of zero counts as 1:
    'symmetric' V[i, j] / sqrt(r_i * q_j); 'row' V[i, j] / r_i; 'none' V[i, j].
    The paper does not say which normalisation it takes: a house convention.
    """
    C = V.shape[0]
    r, q = [], []
    for i in range(C):
        r_i = V.new_zeros(())
        q_i = V.new_zeros(())
        for j in range(C):
            r_i = r_i + V[i, j].abs()
            q_i = q_i + V[j, i].abs()
        r.append(r_i if r_i > 0 else V.new_ones(()))
        q.append(q_i if q_i > 0 else V.new_ones(()))

    V_hat = []
    for i in range(C):
        for j in range(C):
            if kind == "symmetric":
                V_hat.append(V[i, j] / torch.sqrt(r[i] * q[j]))
            elif kind == "row":
                V_hat.append(V[i, j] / r[i])
            elif kind == "none":
                V_hat.append(V[i, j])
            else:
                raise ValueError(f"kind={kind!r}: take 'symmetric', 'row' or 'none'.")
    return torch.stack(V_hat).reshape(C, C)


def h(z: Tensor, slope: float = 0.2) -> Tensor:
    """LeakyReLU of a scalar."""
    return z if z > 0 else slope * z


def matmul(P: Tensor, Q: Tensor) -> Tensor:
    """Matrix product [I, K] x [K, J] -> [I, J]."""
    out = []
    for i in range(P.shape[0]):
        for j in range(Q.shape[1]):
            total = P.new_zeros(())
            for k in range(P.shape[1]):
                total = total + P[i, k] * Q[k, j]
            out.append(total)
    return torch.stack(out).reshape(P.shape[0], Q.shape[1])


_normalise = normalise  # gcn has an argument of that name


def gcn(
    A0: Tensor,
    V: Tensor,
    Ws: Sequence[Tensor],
    slope: float = 0.2,
    normalise: str = "symmetric",
) -> Tensor:
    """Label embeddings x [C, d_L]: the node features after the last layer, Eq. (3).

    Args:
        A0: node features A^0 [C, d_0].
        V: adjacency [C, C]; row i weighs the nodes that category i listens to.
        Ws: one [d_l, d_{l+1}] matrix a layer, applied as A @ W (the paper: all d' x d').
        slope: of LeakyReLU, which follows every layer, the last one included.
        normalise: kind of normalisation, see :func:`normalise`.
    """
    V_hat = _normalise(V, normalise)
    A = A0
    for W in Ws:
        Z = matmul(matmul(V_hat, A), W)
        rows = []
        for c in range(Z.shape[0]):
            rows.append(torch.stack([h(Z[c, k], slope) for k in range(Z.shape[1])]))  # Eq. (3)
        A = torch.stack(rows)
    return A
