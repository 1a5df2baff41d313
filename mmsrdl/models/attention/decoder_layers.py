"""Layers of transformers whose queries are labels, and the sine encoding of positions.

The attention is that of ``torch.nn.MultiheadAttention``, whose parameters these functions use part
by part: queries that depend on labels alone are projected once, not once an image.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmsrdl.arguments import check_integer, check_number

__all__ = [
    "DecoderLayer",
    "EncoderLayer",
    "attend",
    "check_transformer",
    "project",
    "sine_positions",
    "xavier",
]

REFINEMENTS = ("none", "self_attention", "identity")


def check_transformer(
    channels: int, num_heads: int, feedforward_channels: int, dropout: float
) -> None:
    """Refuses sizes of which no transformer can be made.

    Args:
        channels: d, ``hidden_channels`` of a decoder.
        num_heads: Number of attention heads, which must divide d.
        feedforward_channels: Size of the feed-forward networks' inner layer.
        dropout: Probability of dropout.

    Raises:
        TypeError: If a size is no integer, or the probability no number.
        ValueError: If a number is out of range, or the heads do not divide d.
    """
    check_integer("hidden_channels", channels, low=1, example=512)
    check_integer("num_heads", num_heads, low=1, example=8)
    check_integer("feedforward_channels", feedforward_channels, low=1, example=2048)
    check_number("dropout", dropout, low=0, high=1, example=0.1)
    if channels % num_heads:
        raise ValueError(
            f"num_heads={num_heads} does not divide hidden_channels={channels}; use a divisor of it"
        )


def sine_positions(size: tuple[int, int], channels: int, like: Tensor) -> Tensor:
    r"""Encodes the positions of a map of any size by sines.

    Half of the channels encode the row, the other half the column. With n the number of rows (or
    columns) and p = 1, ..., n,

    .. math::
        a_j(p) = \frac{2 \pi p}{n + 10^{-6}} 10000^{-2 \lfloor j / 2 \rfloor / (d / 2)}

    and channel j is sin a_j for even j, cos a_j for odd j. Source: as in Query2Label's public
    code, whose encoding is DETR's.

    Args:
        size: (H, W).
        channels: d, a multiple of 4.
        like: Says the device, and the type: at least float32.

    Returns:
        [H * W, d], positions in row-major order.
    """
    dtype = torch.promote_types(like.dtype, torch.float32)
    half = channels // 2
    pair = torch.arange(half // 2, device=like.device, dtype=dtype)
    frequency = 2 * math.pi * 10000 ** (-2 * pair / half)
    axes = []
    for count in size:
        place = torch.arange(1, count + 1, device=like.device, dtype=dtype)
        angle = (place / (count + 1e-6))[:, None] * frequency
        axes.append(torch.stack([angle.sin(), angle.cos()], 2).flatten(1))  # (n, half)
    rows, columns = axes
    grid = (*size, half)
    return torch.cat([rows[:, None].expand(grid), columns.expand(grid)], 2).flatten(0, 1)


def project(attention: nn.MultiheadAttention, queries: Tensor) -> Tensor:
    """Projects what an attention is asked with, [..., d]."""
    size = attention.embed_dim
    return F.linear(queries, attention.in_proj_weight[:size], attention.in_proj_bias[:size])


def attend(
    attention: nn.MultiheadAttention,
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    weights: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Multi-head attention of projected queries.

    Args:
        attention: Where the parameters are.
        queries: What :func:`project` returned, [B, C, d].
        keys: Not yet projected, [B, P, d].
        values: Likewise; ``keys`` itself where they are the same.
        weights: Whether the weights are wanted, which the fused operators do not return.

    Returns:
        The output, [B, C, d]; and the mean weights of the heads, [B, C, P], or None.
    """
    size = attention.embed_dim
    weight, bias = attention.in_proj_weight[size:], attention.in_proj_bias[size:]
    if keys is values:
        k, v = F.linear(keys, weight, bias).chunk(2, -1)
    else:
        k = F.linear(keys, weight[:size], bias[:size])
        v = F.linear(values, weight[size:], bias[size:])
    q, k, v = (
        part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for part in (queries, k, v)
    )
    dropout = attention.dropout if attention.training else 0.0
    mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
    found = None
    if weights:
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        found = scores.softmax(-1).mean(1)
    return attention.out_proj(mixed.transpose(1, 2).flatten(2)), found


def xavier(module: nn.Module) -> None:
    """Draws all weights of a transformer from Xavier's uniform distribution, as DETR's code does.

    Biases stay as torch draws them: those of attention 0, of linear layers uniform.
    """
    for parameter in module.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)


class FeedForward(nn.Module):
    """Base class: the feed-forward network of a layer, under torch's names.

    Args:
        channels: d.
        feedforward_channels: Size of the inner layer.
        dropout: Probability of dropout.
    """

    def __init__(self, channels: int, feedforward_channels: int, dropout: float) -> None:
        super().__init__()
        self.linear1 = nn.Linear(channels, feedforward_channels)
        self.linear2 = nn.Linear(feedforward_channels, channels)
        self.dropout = nn.Dropout(dropout)

    def feed_forward(self, x: Tensor) -> Tensor:
        """Computes dropout(W_2 dropout(relu(W_1 x))), [..., d]."""
        return self.dropout(self.linear2(self.dropout(self.linear1(x).relu())))


class EncoderLayer(FeedForward):
    """Lets the positions of an image know of each other.

    ``x = LN1(x + attention(x + p, x + p, x))``, then ``LN2(x + feed_forward(x))``; unlike
    ``torch.nn.TransformerEncoderLayer``, the values have no position encoding p. Source: as in
    Query2Label's public code (DETR's encoder).

    Args:
        channels: d.
        num_heads: Number of attention heads.
        feedforward_channels: Size of the feed-forward network's inner layer.
        dropout: Probability of dropout.
    """

    def __init__(
        self, channels: int, num_heads: int, feedforward_channels: int, dropout: float
    ) -> None:
        super().__init__(channels, feedforward_channels, dropout)
        self.self_attn = nn.MultiheadAttention(channels, num_heads, dropout)
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Computes features of positions, [B, P, d].

        Args:
            x: [B, P, d].
            positions: Their encoding p, [P, d].
        """
        keys = x + positions
        update, _ = attend(self.self_attn, project(self.self_attn, keys), keys, x)
        x = self.norm1(x + self.dropout(update))
        return self.norm2(x + self.feed_forward(x))


class DecoderLayer(FeedForward):
    """Lets labels look at an image.

    It has two halves. :meth:`refine` knows of no image: ``x = LN1(x + update)``, where the update
    is self-attention ``attention(x + e, x + e, x)`` or x itself. :meth:`forward` is ``x = LN2(x +
    attention(x + e, m + p, m))``, then ``LN3(x + feed_forward(x))``. Sources: as in Query2Label's
    public code (DETR's decoder), and in ML-Decoder's for ``'identity'``.

    Args:
        channels: d.
        num_heads: Number of attention heads.
        feedforward_channels: Size of the feed-forward network's inner layer.
        dropout: Probability of dropout.
        refinement: What :meth:`refine` does: ``'self_attention'``; ``'identity'``: the update is
            the query itself; ``'none'``: nothing, and there is no LN1.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        feedforward_channels: int,
        dropout: float,
        refinement: str = "none",
    ) -> None:
        super().__init__(channels, feedforward_channels, dropout)
        assert refinement in REFINEMENTS
        self.self_attn = self.norm1 = None
        if refinement == "self_attention":
            self.self_attn = nn.MultiheadAttention(channels, num_heads, dropout)
        if refinement != "none":
            self.norm1 = nn.LayerNorm(channels)
        self.multihead_attn = nn.MultiheadAttention(channels, num_heads, dropout)
        self.norm2, self.norm3 = nn.LayerNorm(channels), nn.LayerNorm(channels)

    def refine(self, x: Tensor, labels: Tensor | float = 0.0) -> Tensor:
        """Computes the first half, [B, C, d].

        Args:
            x: State of the queries, [B, C, d].
            labels: e, added to x wherever it asks or is asked, [C, d].
        """
        if self.norm1 is None:
            return x
        update: Tensor = x
        if self.self_attn is not None:
            asked = x + labels
            update, _ = attend(self.self_attn, project(self.self_attn, asked), asked, x)
        return self.norm1(x + self.dropout(update))

    def ask(self, x: Tensor, labels: Tensor | float = 0.0) -> Tensor:
        """Computes what the image is asked with: x + e, projected."""
        return project(self.multihead_attn, x + labels)

    def forward(
        self, x: Tensor, queries: Tensor, keys: Tensor, values: Tensor, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Computes the second half.

        Args:
            x: Output of :meth:`refine`, [B, C, d].
            queries: Output of :meth:`ask`, [B, C, d].
            keys: Positions of the image with their encoding, m + p, [B, P, d].
            values: The same without, m.
            weights: Whether to return the attention.

        Returns:
            [B, C, d]; and the attention of positions, [B, C, P], or None.
        """
        update, found = attend(self.multihead_attn, queries, keys, values, weights)
        x = self.norm2(x + self.dropout(update))
        return self.norm3(x + self.feed_forward(x)), found
