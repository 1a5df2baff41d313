"""ML-Decoder (arXiv 2111.12933), as loops: decoder without self-attention, group decoding.

Symbols: F [B, D, H, W] feature maps, E [P, d] the P = H * W projected features of one image,
Q [G, d] the group queries, which are fixed, g = ceil(C / G) the categories of a group. No position
is added anywhere. Dropout is 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .car import linear
from .q2l import DecoderLayer, add_and_norm, attention, feed_forward, layer_norm


def group_size(C: int, G: int) -> int:
    """g, the least integer with G g >= C."""
    g = 1
    while G * g < C:
        g += 1
    return g


def embeddings(F_n: Tensor, W_e: Tensor, b_e: Tensor) -> Tensor:
    """E [P, d] of one map F_n [D, H, W]: max(W_e f + b_e, 0) per position, row by row."""
    rows = []
    for y in range(F_n.shape[1]):
        for x in range(F_n.shape[2]):
            z = linear(W_e, F_n[:, y, x], b_e)
            rows.append(torch.stack([v if v > 0 else v * 0 for v in z]))
    return torch.stack(rows)


def decoder_layer(Q: Tensor, E: Tensor, layer: DecoderLayer, heads: int) -> tuple[Tensor, Tensor]:
    """(Q [G, d], A [heads, G, P]) after one layer of queries Q [G, d] over features E [P, d].

    The query stands where the result of self-attention would, so that it is added to itself.
    """
    if layer.norm1 is None:
        raise ValueError(
            "layer.norm1 is None: the layer keeps it although it has no self-attention."
        )
    norm1 = layer.norm1
    Q = torch.stack([layer_norm(Q[i] + Q[i], norm1) for i in range(Q.shape[0])])
    change, A = attention(Q, E, E, layer.cross_attention, heads)  # cross-attention
    Q = add_and_norm(Q, change, layer.norm2)
    change = torch.stack([feed_forward(Q[i], layer.feed_forward) for i in range(Q.shape[0])])
    return add_and_norm(Q, change, layer.norm3), A  # feed-forward


def group_fully_connected(h: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Logits [B, C] of decoded queries h [B, G, d], W [G, d, g] and b [C].

    Category i belongs to query k = i div g and takes its column j = i mod g:
    z_i = h_k . W_k[:, j] + b_i. What the last groups have beyond C is not used.
    """
    B, _, d = h.shape
    C, g = b.shape[0], W.shape[2]
    out = []
    for n in range(B):
        for i in range(C):
            k, j = divmod(i, g)
            z = b[i]
            for c in range(d):
                z = z + h[n, k, c] * W[k, c, j]
            out.append(z)
    return torch.stack(out).reshape(B, C)


def ml_decoder(
    F: Tensor,
    Q: Tensor,
    W_e: Tensor,
    b_e: Tensor,
    layer: DecoderLayer,
    W: Tensor,
    b: Tensor,
    heads: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """(logits [B, C], decoded queries [B, G, d], A [B, heads, G, P]).

    Args:
        F: feature maps [B, D, H, W].
        Q: queries [G, d]; detached, as they are not learned.
        W_e: projection [d, D].
        b_e: its bias [d].
        layer: weights of the decoder layer, without self-attention, with norm1.
        W: group weights [G, d, g].
        b: biases [C].
        heads: number of heads.
    """
    decoded, maps = [], []
    for n in range(F.shape[0]):
        h, A = decoder_layer(Q.detach(), embeddings(F[n], W_e, b_e), layer, heads)
        decoded.append(h)
        maps.append(A)
    h_all = torch.stack(decoded)
    return group_fully_connected(h_all, W, b), h_all, torch.stack(maps)
