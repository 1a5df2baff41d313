"""ADD-GCN's semantic attention (SAM), static and dynamic graph convolution and scores, as loops.

Source: Ye et al., Attention-Driven Dynamic Graph Convolutional Network for Multi-Label Image
Recognition, ECCV 2020, after its public code: two residuals, a batch normalisation, two LeakyReLUs
in each graph convolution, and the dynamic matrix read by columns. The paper's formulas, which could
not be compared, may be shorter.

Symbols: F [B, D, H, W] feature map, G [B, C, H, W] map scores, M = psi(G) maps, V [B, C, E]
category features, A_s [C, C] static and A_d [B, C, C] dynamic matrix, g [B, E] global vector.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .car import linear, logits, psi
from .gcn import h, matmul


def leaky(z: Tensor, slope: float = 0.2) -> Tensor:
    """LeakyReLU of each entry of a vector [E] or matrix [C, E]."""
    return torch.stack([h(value, slope) for value in z.flatten()]).reshape(z.shape)


def map_scores(F: Tensor, W_fc: Tensor) -> Tensor:
    """G [B, C, H, W]: a score a category and position, without bias.

    Args:
        F: feature maps [B, D, H, W].
        W_fc: [C, D].
    """
    B, _, H, W = F.shape
    G = []
    for n in range(B):
        scores = [linear(W_fc, F[n, :, y, x]) for y in range(H) for x in range(W)]
        G.append(torch.stack(scores, dim=1).reshape(W_fc.shape[0], H, W))
    return torch.stack(G)


def features(
    F: Tensor, G: Tensor, W_t: Tensor, b_t: Tensor, erased: Tensor | None = None
) -> Tensor:
    """V [B, C, E]: the sum over positions of M = psi(G) times the transformed feature.

    Args:
        F: feature maps [B, D, H, W].
        G: map scores [B, C, H, W].
        W_t: [E, D].
        b_t: [E].
        erased: boolean [B, C, H, W]; true positions weigh 0.
    """
    B, C, H, W = G.shape
    V = []
    for n in range(B):
        for c in range(C):
            total = F.new_zeros(W_t.shape[0])
            for y in range(H):
                for x in range(W):
                    if erased is None or not erased[n, c, y, x]:
                        transformed = linear(W_t, F[n, :, y, x], b_t)
                        total = total + psi(G[n, c, y, x]) * transformed
            V.append(total)
    return torch.stack(V).reshape(B, C, -1)


def pooled_map_scores(G: Tensor, erased: Tensor | None = None) -> Tensor:
    """s_m [B, C]: the largest score of each map G [B, C, H, W], before the sigmoid.

    Erased positions (boolean [B, C, H, W]) leave the maximum; of equal ones the first counts.
    """
    B, C, H, W = G.shape
    out = []
    for n in range(B):
        for c in range(C):
            best = None
            for y in range(H):
                for x in range(W):
                    if erased is not None and erased[n, c, y, x]:
                        continue
                    if best is None or G[n, c, y, x] > best:
                        best = G[n, c, y, x]
            if best is None:
                raise ValueError(f"erased[{n}, {c}] is true everywhere: no position is left.")
            out.append(best)
    return torch.stack(out).reshape(B, C)


def static_gcn(V: Tensor, A_s: Tensor, W_s: Tensor, b_s: Tensor) -> Tensor:
    """H [B, C, E] = V + L(W_s L(A_s V) + b_s), with L the LeakyReLU.

    Args:
        V: category features [B, C, E].
        A_s: [C, C], no bias; row i weighs the nodes that i listens to.
        W_s: [E, E].
        b_s: [E].
    """
    out = []
    for V_n in V:
        mixed = leaky(matmul(A_s, V_n))
        out.append(V_n + torch.stack([leaky(linear(W_s, node, b_s)) for node in mixed]))
    return torch.stack(out)


def batch_norm(
    z: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor | None = None,
    variance: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """gamma (z - mean) / sqrt(variance + eps) + beta of z [B, E]; all others [E].

    Without mean and variance those of the batch are taken (training), the variance over B.
    """
    B, E = z.shape
    if mean is None or variance is None:
        mean = torch.stack([sum(z[n, k] for n in range(B)) / B for k in range(E)])
        squares = [sum((z[n, k] - mean[k]) ** 2 for n in range(B)) / B for k in range(E)]
        variance = torch.stack(squares)
    return torch.stack([gamma * (z_n - mean) / torch.sqrt(variance + eps) + beta for z_n in z])


def global_vector(
    H: Tensor,
    W_g: Tensor,
    b_g: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor | None = None,
    variance: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """g [B, E] = L(BN(W_g m + b_g)), m the mean over an image's nodes.

    Args:
        H: nodes after the static convolution [B, C, E].
        W_g: [E, E].
        b_g: [E].
        gamma: as in :func:`batch_norm`, like beta, mean, variance and eps.
    """
    C = H.shape[1]
    z = torch.stack([linear(W_g, sum(H_n[c] for c in range(C)) / C, b_g) for H_n in H])
    return leaky(batch_norm(z, gamma, beta, mean, variance, eps))


def dynamic_adjacency(H: Tensor, g: Tensor, W_A: Tensor, b_A: Tensor) -> Tensor:
    """A_d [B, C, C]: column j is psi(W_A [g; H_j] + b_A).

    Args:
        H: nodes [B, C, E].
        g: global vectors [B, E].
        W_A: [C, 2E], of the global vector first.
        b_A: [C].
    """
    A_d = []
    for H_n, g_n in zip(H, g, strict=True):
        columns = [psi(linear(W_A, torch.cat([g_n, node]), b_A)) for node in H_n]
        A_d.append(torch.stack(columns, dim=1))
    return torch.stack(A_d)


def dynamic_gcn(H: Tensor, A_d: Tensor, W_d: Tensor, b_d: Tensor) -> Tensor:
    """Z [B, C, E] = L(W_d L(u) + b_d), node j with u_j = sum_i A_d[i, j] H_i (its own column).

    Args:
        H: nodes [B, C, E].
        A_d: [B, C, C].
        W_d: [E, E].
        b_d: [E].
    """
    out = []
    for H_n, A_n in zip(H, A_d, strict=True):
        mixed = leaky(matmul(A_n.T, H_n))
        out.append(torch.stack([leaky(linear(W_d, node, b_d)) for node in mixed]))
    return torch.stack(out)


def d_gcn(
    V: Tensor,
    A_s: Tensor,
    W_s: Tensor,
    b_s: Tensor,
    W_g: Tensor,
    b_g: Tensor,
    gamma: Tensor,
    beta: Tensor,
    W_A: Tensor,
    b_A: Tensor,
    W_d: Tensor,
    b_d: Tensor,
    mean: Tensor | None = None,
    variance: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """V + Z [B, C, E]: category features after both convolutions; arguments as in its parts."""
    H = static_gcn(V, A_s, W_s, b_s)
    g = global_vector(H, W_g, b_g, gamma, beta, mean, variance, eps)
    return V + dynamic_gcn(H, dynamic_adjacency(H, g, W_A, b_A), W_d, b_d)


def addgcn_logits(
    V: Tensor, s_m: Tensor, W_phi: Tensor, b_phi: Tensor, weight: float = 0.5
) -> Tensor:
    """Scores [B, C]: (1 - weight) s_r + weight s_m, the mean of both branches.

    Args:
        V: category features [B, C, E], after :func:`d_gcn`; SAM alone: before it, with weight 0.
        s_m: pooled map scores [B, C].
        W_phi: classifiers [C, E].
        b_phi: [C].
        weight: of the map scores.
    """
    return (1 - weight) * logits(V, W_phi, b_phi) + weight * s_m
