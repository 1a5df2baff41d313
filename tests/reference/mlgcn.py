"""ML-GCN's label graph and scores, as loops.

Source: Chen et al., Multi-Label Image Recognition with Graph Convolutional Networks, CVPR 2019.
Where the paper and its published weights differ, the weights' way is taken and said. Of the
equation numbers only (6) to (8) could be checked.

Symbols: Y labels, M [C, C] images with both categories, N [C] images with a category, P the
conditional probabilities, A the correlation matrix, A_hat its normalised transpose, E [C, d'] label
vectors, X [C, D] the classifiers, F [B, D, H, W] feature map.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .car import gmp
from .gcn import h, matmul


def counts(Y: Tensor) -> tuple[Tensor, Tensor]:
    """(M [C, C], N [C]) of labels Y [n, C]; 1 counts, all else does not. M's diagonal is zero."""
    C = Y.shape[1]
    M, N = torch.zeros(C, C, dtype=torch.float64), torch.zeros(C, dtype=torch.float64)
    for y in Y:
        for i in range(C):
            if y[i] == 1:
                N[i] += 1
            for j in range(C):
                if i != j and y[i] == 1 and y[j] == 1:
                    M[i, j] += 1
    return M, N


def adjacency(M: Tensor, N: Tensor, tau: float = 0.4, weight: float = 0.25) -> Tensor:
    """Correlation matrix A [C, C] of counts M [C, C] and N [C].

    The paper's Eq. (8) has p / (row sum) off and 1 - p on the diagonal, p = 0.2. The published
    weights were trained with that matrix over 1 - p, hence 0.25, and with column sums.
    M's diagonal is not read; a category that no image has listens to none (house convention).
    """
    C = M.shape[0]
    linked = torch.zeros(C, C, dtype=torch.bool)
    for i in range(C):
        for j in range(C):
            if i != j and N[i] > 0:
                linked[i, j] = M[i, j] / N[i] >= tau  # Eq. (6), P(j | i); Eq. (7)

    A = torch.zeros(C, C, dtype=torch.float64)
    for j in range(C):
        in_column = sum(int(linked[i, j]) for i in range(C))
        for i in range(C):
            if linked[i, j]:
                A[i, j] = weight / (in_column + 1e-6)  # Eq. (8)
        A[j, j] = 1.0
    return A


def normalise(A: Tensor) -> Tensor:
    """A_hat [C, C]: A_hat[i, j] = A[j, i] / sqrt(r_i r_j), with r_i = sum_j A[i, j].

    The transpose is the published weights' way: i listens to j where P(i | j) is large.
    """
    C = A.shape[0]
    r = []
    for i in range(C):
        total = A.new_zeros(())
        for j in range(C):
            total = total + A[i, j]
        r.append(total)
    A_hat = [A[j, i] / torch.sqrt(r[i] * r[j]) for i in range(C) for j in range(C)]
    return torch.stack(A_hat).reshape(C, C)


def gcn(E: Tensor, A_hat: Tensor, Ws: Sequence[Tensor], slope: float = 0.2) -> Tensor:
    """Node features after the last layer [C, d_L], Eq. (2); here the classifiers X.

    Args:
        E: label vectors [C, d_0].
        A_hat: normalised adjacency [C, C], row i weighs the nodes that i listens to.
        Ws: one [d_l, d_{l+1}] matrix a layer, no bias.
        slope: of LeakyReLU, between layers only.
    """
    H = E
    for layer, W in enumerate(Ws):
        H = matmul(A_hat, matmul(H, W))  # Eq. (2)
        if layer < len(Ws) - 1:
            C, d = H.shape
            H = torch.stack([h(H[c, k], slope) for c in range(C) for k in range(d)]).reshape(C, d)
    return H


def logits(F: Tensor, X: Tensor) -> Tensor:
    """Scores [B, C] of feature maps F [B, D, H, W] and classifiers X [C, D], no bias."""
    out = []
    for F_n in F:
        x = gmp(F_n)  # Eq. (3)
        for c in range(X.shape[0]):
            score = F.new_zeros(())
            for k in range(X.shape[1]):
                score = score + X[c, k] * x[k]  # Eq. (4)
            out.append(score)
    return torch.stack(out).reshape(F.shape[0], X.shape[0])
