"""P-GCN as far as it is known, as loops.

Source: Chen et al., Learning Graph Convolutional Networks for Multi-Label Recognition and
Applications, TPAMI 2023. Only its abstract is public: the image's feature is decomposed into
label-aware features, which a graph convolution over the labels encodes into scores. The rest is
a reconstruction that takes from ML-GCN, its sibling, all that the abstract leaves open.

Symbols: f [B, D] max-pooled image features, V [C, D] a weight a label and channel, U [B, C, D]
label-aware features, A_hat [C, C] ML-GCN's normalised adjacency.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from . import mlgcn


def label_aware_features(f: Tensor, V: Tensor) -> Tensor:
    """U [B, C, D]: U[n, c, k] = V[c, k] f[n, c, k].

    The entries of U[n, c] sum to a linear classifier's score, so U is its decomposition.

    Args:
        f: image features [B, D] that all labels share, or one a label [B, C, D].
        V: label weights [C, D], no bias.
    """
    B, (C, D) = f.shape[0], V.shape
    U = []
    for n in range(B):
        for c in range(C):
            own = f[n] if f.dim() == 2 else f[n, c]
            U.append(torch.stack([V[c, k] * own[k] for k in range(D)]))
    return torch.stack(U).reshape(B, C, D)


def graph(U: Tensor, A_hat: Tensor, Ws: Sequence[Tensor], slope: float = 0.2) -> Tensor:
    """Node features [B, C, d_L] of U [B, C, D]; the layers as in :func:`mlgcn.gcn`."""
    return torch.stack([mlgcn.gcn(U_n, A_hat, Ws, slope) for U_n in U])


def logits(f: Tensor, V: Tensor, A_hat: Tensor, W: Tensor, w: Tensor, slope: float = 0.2) -> Tensor:
    """Scores [B, C]: a graph convolution to width d, then one to width 1, which is the score.

    Args:
        f: image features, [B, D] or [B, C, D].
        V: label weights [C, D].
        A_hat: normalised adjacency [C, C].
        W: first layer [D, d].
        w: last layer [d].
        slope: of the LeakyReLU between the two.
    """
    return graph(label_aware_features(f, V), A_hat, [W, w[:, None]], slope)[..., 0]
