"""DSDL (AAAI 2021, arXiv 2012.12509), as loops: label autoencoder, ridge solution, losses.

Symbols: S [C, d'] label vectors, W1 [d', h] and W2 [h, D] the autoencoder (its decoder has their
transposes, nothing has a bias), M [C, D] the semantic dictionary, f [B, D] image features, z [B, C]
the code of an image over the dictionary, which is its logits, lam the weight of the ridge.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .losses import bce


def leaky_relu(x: Tensor, slope: float = 0.2) -> Tensor:
    """x where positive, slope * x elsewhere, of a scalar."""
    return x if x > 0 else slope * x


def matmul(A: Tensor, B: Tensor) -> Tensor:
    """A B of A [m, k] and B [k, n]: [m, n]."""
    out = []
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            total = A.new_zeros(())
            for k in range(A.shape[1]):
                total = total + A[i, k] * B[k, j]
            out.append(total)
    return torch.stack(out).reshape(A.shape[0], B.shape[1])


def activate(A: Tensor) -> Tensor:
    """LeakyReLU of each entry of A [m, n]."""
    return torch.stack([leaky_relu(a) for a in A.reshape(-1)]).reshape(A.shape)


def dictionary(S: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
    """M [C, D] = h(S W1) W2."""
    return matmul(activate(matmul(S, W1)), W2)


def reconstruction(M: Tensor, W1: Tensor, W2: Tensor) -> Tensor:
    """S_hat [C, d'] = h(M W2^T) W1^T, from the dictionary back."""
    return matmul(activate(matmul(M, W2.t())), W1.t())


def solve(A: Tensor, c: Tensor) -> Tensor:
    """x [C] with A x = c for a positive definite A [C, C], by elimination."""
    C = c.shape[0]
    rows = [[A[i, j] for j in range(C)] + [c[i]] for i in range(C)]
    for i in range(C):
        for r in range(i + 1, C):
            factor = rows[r][i] / rows[i][i]
            rows[r] = [rows[r][j] - factor * rows[i][j] for j in range(C + 1)]
    x: list[Tensor] = [c.new_zeros(())] * C
    for i in reversed(range(C)):
        total = rows[i][C]
        for j in range(i + 1, C):
            total = total - rows[i][j] * x[j]
        x[i] = total / rows[i][i]
    return torch.stack(x)


def code(f: Tensor, M: Tensor, lam: float) -> Tensor:
    """z [B, C], z_n = (M M^T + lam I)^-1 M f_n, which minimises ||f_n - M^T z||^2 + lam ||z||^2."""
    B, C = f.shape[0], M.shape[0]
    A = matmul(M, M.t())
    ridge = []
    for i in range(C):
        for j in range(C):
            ridge.append(A[i, j] + lam if i == j else A[i, j])
    A = torch.stack(ridge).reshape(C, C)
    right = matmul(M, f.t())  # [C, B]
    return torch.stack([solve(A, right[:, n]) for n in range(B)])


def frobenius(A: Tensor) -> Tensor:
    """Root of the sum of all squares of A [m, n]."""
    total = A.new_zeros(())
    for a in A.reshape(-1):
        total = total + a * a
    return torch.sqrt(total)


def reconstruction_loss(z: Tensor, M: Tensor, f: Tensor) -> Tensor:
    """||z M - f||, the Frobenius norm over the batch."""
    return frobenius(matmul(z, M) - f)


def sparsity_loss(z: Tensor) -> Tensor:
    """||z||, the Frobenius norm over the batch."""
    return frobenius(z)


def semantic_similarity(S: Tensor, S_hat: Tensor) -> Tensor:
    """Mean over the categories of cos(S_c, S_hat_c), for S and S_hat [C, d']."""
    total = S.new_zeros(())
    for c in range(S.shape[0]):
        dot = S.new_zeros(())
        for k in range(S.shape[1]):
            dot = dot + S[c, k] * S_hat[c, k]
        total = total + dot / (frobenius(S[c : c + 1]) * frobenius(S_hat[c : c + 1]))
    return total / S.shape[0]


def loss(
    z: Tensor,
    y: Tensor,
    f: Tensor,
    M: Tensor,
    S: Tensor,
    S_hat: Tensor,
    lam: float,
    beta: float,
    reduction: str = "mean",
) -> Tensor:
    """(BCE + beta (reconstruction + lam sparsity)) / similarity, as it was released.

    Args:
        z: codes [B, C].
        y: labels [B, C].
        f: image features [B, D].
        M: dictionary [C, D].
        S: label vectors [C, d'].
        S_hat: their reconstruction [C, d'].
        lam: weight of the ridge and of the sparsity.
        beta: weight of reconstruction and sparsity.
        reduction: of the cross entropy, see :func:`.losses.bce`.
    """
    fit = reconstruction_loss(z, M, f) + lam * sparsity_loss(z)
    return (bce(z, y, reduction) + beta * fit) / semantic_similarity(S, S_hat)
