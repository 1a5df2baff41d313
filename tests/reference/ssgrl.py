"""SSGRL's semantic decoupling (SD), gated graph network and scores, as loops.

Source: Chen et al., Learning Semantic-Specific Graph Representation for Multi-Label Image
Recognition, ICCV 2019, and its public code, which has biases in the gates. The equation numbers
could not be checked.

Symbols: F [B, D, H, W] feature map, x [C, d'] label vectors (called `emb` where x is a coordinate),
a [B, C, H, W] attention, f [B, C, D] category features, A [C, C] P(c' | c), h [C, D] node states.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .car import linear, logits, psi
from .gcn import matmul


def attention_scores(
    F: Tensor, emb: Tensor, W_1: Tensor, W_2: Tensor, W_3: Tensor, b_3: Tensor, w_a: Tensor
) -> Tensor:
    """Scores before the softmax [B, C, H, W], Eqs. (3) and (4).

    f_a's bias is left out: it is the same at all positions, and the softmax takes it away.

    Args:
        F: feature maps.
        emb: label vectors [C, d'].
        W_1: of the feature [d, D], no bias.
        W_2: of the label vector [d, d'], no bias.
        W_3: of the product [d_3, d].
        b_3: [d_3].
        w_a: attention [d_3].
    """
    B, _, H, W = F.shape
    values = []
    for n in range(B):
        for c in range(emb.shape[0]):
            v = linear(W_2, emb[c])
            for y in range(H):
                for x in range(W):
                    u = linear(W_1, F[n, :, y, x])
                    t = torch.stack([torch.tanh(u[k] * v[k]) for k in range(len(u))])
                    values.append(linear(w_a[None], linear(W_3, t, b_3))[0])  # Eqs. (3), (4)
    return torch.stack(values).reshape(B, emb.shape[0], H, W)


def attention(scores: Tensor) -> Tensor:
    """a [B, C, H, W]: the softmax over an image's positions of scores [B, C, H, W], Eq. (5)."""
    B, C, H, W = scores.shape
    values = []
    for n in range(B):
        for c in range(C):
            highest = scores[n, c].detach().max()
            total = scores.new_zeros(())
            for y in range(H):
                for x in range(W):
                    total = total + torch.exp(scores[n, c, y, x] - highest)
            for y in range(H):
                for x in range(W):
                    values.append(torch.exp(scores[n, c, y, x] - highest) / total)  # Eq. (5)
    return torch.stack(values).reshape(B, C, H, W)


def features(F: Tensor, a: Tensor, erased: Tensor | None = None) -> Tensor:
    """f [B, C, D]: the weighted sum over positions, Eq. (6).

    Args:
        F: feature maps [B, D, H, W].
        a: attention [B, C, H, W].
        erased: boolean [B, C, H, W]; true positions weigh 0, the others keep their weight.
    """
    (B, D, H, W), C = F.shape, a.shape[1]
    values = []
    for n in range(B):
        for c in range(C):
            for k in range(D):
                total = F.new_zeros(())
                for y in range(H):
                    for x in range(W):
                        if erased is None or not erased[n, c, y, x]:
                            total = total + a[n, c, y, x] * F[n, k, y, x]  # Eq. (6)
                values.append(total)
    return torch.stack(values).reshape(B, C, D)


def adjacency(M: Tensor, N: Tensor) -> Tensor:
    """A [C, C]: A[c, c'] = P(c' | c) = M[c, c'] / N[c], 1 on the diagonal, neither cut nor scaled.

    M [C, C] and N [C] are counts of images as in :func:`mlgcn.counts`; M's diagonal is not read.
    The row of a category that no image has is 0 (house convention).
    """
    C = M.shape[0]
    A = torch.zeros(C, C, dtype=torch.float64)
    for i in range(C):
        for j in range(C):
            if N[i] > 0:
                A[i, j] = 1.0 if i == j else M[i, j] / N[i]
    return A


def ggnn(
    f: Tensor,
    A: Tensor,
    Ws: Sequence[Tensor],
    Us: Sequence[Tensor],
    bs: Sequence[Tensor] | None = None,
    T: int = 3,
) -> Tensor:
    """Node states after T steps [B, C, D] of category features f [B, C, D], Eqs. (7) and (8).

    The reset gate acts before U does, unlike in `torch.nn.GRUCell`.

    Args:
        f: the states at t = 0.
        A: [C, C]; c gathers A[c, c'] h_c' (in) and A[c', c] h_c' (out).
        Ws: of the gathered message, three [D, 2D]: update gate z, reset gate r, candidate.
        Us: of the state, three [D, D] likewise.
        bs: three [D] likewise; where W and U have a bias each, their sum. None: no bias.
        T: number of steps.
    """
    D = f.shape[2]
    W_z, W_r, W = Ws
    U_z, U_r, U = Us
    b_z, b_r, b = bs if bs is not None else [f.new_zeros(D)] * 3
    states = []
    for h in f:
        for _ in range(T):
            gathered = torch.cat([matmul(A, h), matmul(A.T, h)], dim=1)  # Eq. (7)
            updated = []
            for c in range(h.shape[0]):
                z = psi(linear(W_z, gathered[c]) + linear(U_z, h[c]) + b_z)  # Eq. (8)
                r = psi(linear(W_r, gathered[c]) + linear(U_r, h[c]) + b_r)
                candidate = torch.tanh(linear(W, gathered[c]) + linear(U, r * h[c]) + b)
                updated.append((1 - z) * h[c] + z * candidate)
            h = torch.stack(updated)
        states.append(h)
    return torch.stack(states)


def output(h_T: Tensor, h_0: Tensor, W_o: Tensor, b_o: Tensor) -> Tensor:
    """o [B, C, d_o]: tanh of a layer that all categories share on [h^T, h^0], Eq. (9).

    Args:
        h_T: states after the last step [B, C, D].
        h_0: category features [B, C, D].
        W_o: [d_o, 2D].
        b_o: [d_o].
    """
    B, C = h_T.shape[:2]
    rows = []
    for n in range(B):
        for c in range(C):
            rows.append(torch.tanh(linear(W_o, torch.cat([h_T[n, c], h_0[n, c]]), b_o)))  # Eq. (9)
    return torch.stack(rows).reshape(B, C, -1)


def ssgrl_logits(
    f: Tensor,
    A: Tensor,
    Ws: Sequence[Tensor],
    Us: Sequence[Tensor],
    bs: Sequence[Tensor] | None,
    W_o: Tensor,
    b_o: Tensor,
    W_phi: Tensor,
    b_phi: Tensor,
    T: int = 3,
) -> Tensor:
    """Scores [B, C] of category features f [B, C, D]; SD alone is :func:`car.logits` on f.

    Args:
        f: category features.
        A: as in :func:`ggnn`, like Ws, Us, bs and T.
        W_o: as in :func:`output`, like b_o.
        W_phi: classifiers [C, d_o].
        b_phi: [C].
    """
    return logits(output(ggnn(f, A, Ws, Us, bs, T), f, W_o, b_o), W_phi, b_phi)
