"""Query2Label (arXiv 2107.10834), as loops: encoder, decoder, group-wise linear; dropout 0.

Symbols: n image, p one of P = H * W positions in row-major order, k category; F [D, H, W] a
feature map, d the width of the transformer, pos [P, d] the position encoding, e [C, d] the label
embeddings (the query positions), T [C, d] the queries, which start at zero. A tilde in the paper
marks what has its position added: queries and keys have, values have not.

The equations of the decoder are named in the comments, not numbered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .car import linear


class Attention(NamedTuple):
    """Weights of one multi-head attention: W_in [3d, d] (query, key, value rows), b_in [3d]."""

    W_in: Tensor
    b_in: Tensor
    W_out: Tensor  # [d, d]
    b_out: Tensor  # [d]


class Norm(NamedTuple):
    """Scale w [d] and shift b [d] of a layer normalisation."""

    w: Tensor
    b: Tensor


class FeedForward(NamedTuple):
    """W1 [h, d], b1 [h], W2 [d, h], b2 [d]."""

    W1: Tensor
    b1: Tensor
    W2: Tensor
    b2: Tensor


class EncoderLayer(NamedTuple):
    """Weights of one encoder layer."""

    attention: Attention
    norm1: Norm
    feed_forward: FeedForward
    norm2: Norm


class DecoderLayer(NamedTuple):
    """Weights of one decoder layer; without self-attention its norm1 is absent too."""

    cross_attention: Attention
    norm2: Norm
    feed_forward: FeedForward
    norm3: Norm
    self_attention: Attention | None = None
    norm1: Norm | None = None


def sine_encoding(d: int, H: int, W: int, temperature: float = 10000.0) -> Tensor:
    """Position encoding [d, H, W] in float64.

    The first d / 2 channels are the row's, the others the column's. Rows and columns count from 1
    and are scaled to 2 pi at the last one. Channel j of either half has the angle
    x / temperature^(2 floor(j / 2) / (d / 2)), of which even j take the sine, odd j the cosine.
    """
    half = d // 2
    pos = torch.zeros(d, H, W, dtype=torch.float64)
    for j in range(half):
        rate = temperature ** (2 * (j // 2) / half)
        wave = math.sin if j % 2 == 0 else math.cos
        for y in range(H):
            for x in range(W):
                pos[j, y, x] = wave(2 * math.pi * (y + 1) / (H + 1e-6) / rate)
                pos[half + j, y, x] = wave(2 * math.pi * (x + 1) / (W + 1e-6) / rate)
    return pos


def layer_norm(z: Tensor, norm: Norm, eps: float = 1e-5) -> Tensor:
    """(z - mean) / sqrt(var + eps) * w + b for z [d], with the biased variance."""
    d = z.shape[0]
    mean = sum((z[i] for i in range(d)), z.new_zeros(())) / d
    var = sum(((z[i] - mean) ** 2 for i in range(d)), z.new_zeros(())) / d
    return torch.stack(
        [(z[i] - mean) / torch.sqrt(var + eps) * norm.w[i] + norm.b[i] for i in range(d)]
    )


def softmax(scores: Sequence[Tensor]) -> list[Tensor]:
    """exp(s_i) / sum_j exp(s_j) of scalars, shifted by the largest."""
    top = max(s.item() for s in scores)
    powers = [torch.exp(s - top) for s in scores]
    total = sum(powers, torch.zeros_like(powers[0]))
    return [p / total for p in powers]


def attention(
    Q: Tensor, K: Tensor, V: Tensor, weights: Attention, heads: int
) -> tuple[Tensor, Tensor]:
    """(out [N, d], A [heads, N, M]) of queries Q [N, d], keys K [M, d] and values V [M, d].

    A head of width s = d / heads sees its own s rows of each projection:
    A_im = softmax_m(q_i . k_m / sqrt(s)), out_i = W_out [sum_m A_im v_m of every head] + b_out.
    """
    N, M, d = Q.shape[0], K.shape[0], Q.shape[1]
    s = d // heads
    W, b = weights.W_in, weights.b_in
    q = [linear(W[:d], Q[i], b[:d]) for i in range(N)]
    k = [linear(W[d : 2 * d], K[m], b[d : 2 * d]) for m in range(M)]
    v = [linear(W[2 * d :], V[m], b[2 * d :]) for m in range(M)]
    maps = []
    gathered: list[list[Tensor]] = [[] for _ in range(N)]
    for h in range(heads):
        channels = range(h * s, (h + 1) * s)
        for i in range(N):
            scores = []
            for m in range(M):
                dot = sum((q[i][c] * k[m][c] for c in channels), Q.new_zeros(()))
                scores.append(dot / math.sqrt(s))
            A = softmax(scores)
            maps.append(torch.stack(A))
            for c in channels:
                gathered[i].append(sum((A[m] * v[m][c] for m in range(M)), Q.new_zeros(())))
    out = [linear(weights.W_out, torch.stack(gathered[i]), weights.b_out) for i in range(N)]
    return torch.stack(out), torch.stack(maps).reshape(heads, N, M)


def feed_forward(z: Tensor, weights: FeedForward) -> Tensor:
    """W2 max(W1 z + b1, 0) + b2 for z [d]: [d]."""
    hidden = linear(weights.W1, z, weights.b1)
    hidden = torch.stack([h if h > 0 else h * 0 for h in hidden])
    return linear(weights.W2, hidden, weights.b2)


def add_and_norm(X: Tensor, change: Tensor, norm: Norm) -> Tensor:
    """Each row of X + change [N, d], normalised (post-norm)."""
    return torch.stack([layer_norm(X[i] + change[i], norm) for i in range(X.shape[0])])


def encoder_layer(X: Tensor, pos: Tensor, layer: EncoderLayer, heads: int) -> Tensor:
    """Features [P, d] after one encoder layer of features X [P, d] with positions pos [P, d]."""
    located = X + pos
    change, _ = attention(located, located, X, layer.attention, heads)
    X = add_and_norm(X, change, layer.norm1)
    change = torch.stack([feed_forward(X[p], layer.feed_forward) for p in range(X.shape[0])])
    return add_and_norm(X, change, layer.norm2)


def decoder_layer(
    T: Tensor, memory: Tensor, e: Tensor, pos: Tensor, layer: DecoderLayer, heads: int
) -> tuple[Tensor, Tensor]:
    """(T [C, d], A [heads, C, P]): the queries after one decoder layer, and the cross-attention.

    Args:
        T: queries [C, d].
        memory: encoded features [P, d].
        e: label embeddings [C, d].
        pos: position encoding [P, d].
        layer: weights; with self-attention as the paper writes it, without as it was released.
        heads: number of heads.
    """
    if layer.self_attention is not None and layer.norm1 is not None:
        change, _ = attention(T + e, T + e, T, layer.self_attention, heads)  # self-attention
        T = add_and_norm(T, change, layer.norm1)
    change, A = attention(T + e, memory + pos, memory, layer.cross_attention, heads)
    T = add_and_norm(T, change, layer.norm2)  # cross-attention
    change = torch.stack([feed_forward(T[k], layer.feed_forward) for k in range(T.shape[0])])
    return add_and_norm(T, change, layer.norm3), A  # feed-forward


def group_wise_linear(h: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Logits [B, C], w_k . h_k + b_k of h [B, C, d], W [C, d] and b [C]."""
    B, C, d = h.shape
    out = []
    for n in range(B):
        for k in range(C):
            z = b[k]
            for c in range(d):
                z = z + W[k, c] * h[n, k, c]
            out.append(z)
    return torch.stack(out).reshape(B, C)


def tokens(F_n: Tensor, W_in: Tensor | None, b_in: Tensor | None) -> Tensor:
    """Features [P, d] of one map F_n [D, H, W]: W_in f + b_in per position, or f itself."""
    H, W = F_n.shape[1:]
    rows = []
    for y in range(H):
        for x in range(W):
            f = F_n[:, y, x]
            rows.append(f if W_in is None else linear(W_in, f, b_in))
    return torch.stack(rows)


def query2label(
    F: Tensor,
    e: Tensor,
    encoder: Sequence[EncoderLayer],
    decoder: Sequence[DecoderLayer],
    norm: Norm,
    W: Tensor,
    b: Tensor,
    heads: int,
    W_in: Tensor | None = None,
    b_in: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(logits [B, C], class features [B, C, d], A [B, heads, C, P] of the last decoder layer).

    Args:
        F: feature maps [B, D, H, W].
        e: label embeddings [C, d].
        encoder: its layers, may be empty.
        decoder: its layers, at least one.
        norm: the normalisation after the last decoder layer.
        W: classifier weights [C, d].
        b: classifier biases [C].
        heads: number of heads of every attention.
        W_in: projection [d, D]; none where D = d and nothing is projected.
        b_in: its bias [d].
    """
    B, _, height, width = F.shape
    d = e.shape[1]
    encoding = sine_encoding(d, height, width).to(F.dtype)
    pos = torch.stack([encoding[:, y, x] for y in range(height) for x in range(width)])
    features, maps = [], []
    for n in range(B):
        memory = tokens(F[n], W_in, b_in)
        for encoding_layer in encoder:
            memory = encoder_layer(memory, pos, encoding_layer, heads)
        T = torch.zeros_like(e)
        for decoding_layer in decoder:
            T, A = decoder_layer(T, memory, e, pos, decoding_layer, heads)
        features.append(torch.stack([layer_norm(T[k], norm) for k in range(T.shape[0])]))
        maps.append(A)
    h = torch.stack(features)
    return group_wise_linear(h, W, b), h, torch.stack(maps)
