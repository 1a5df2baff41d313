"""Scores of all pairs of nodes, without a [N, N, heads, K] tensor."""

import torch
from torch import Tensor

from mmsrdl.ops import plain
from mmsrdl.ops.backend import takes_plain_form
from mmsrdl.ops.chunked import row_blocks
from mmsrdl.ops.operator import define_operator

__all__ = ["pair_score"]


def pair_score(node: Tensor, weight: Tensor, negative_slope: float = 0.2) -> Tensor:
    r"""Scores every node for every other, and for itself.

    .. math:: e_{i,j,h} = \sum_k a_k \, \mathrm{LeakyReLU}(g_{i,h,k} + g_{j,h,k})

    is the attention of GATv2 (Brody et al., ICLR 2022) before its softmax, where source and target
    share their weights. Its plain form stores tensors [N, N, heads, K]: 1.6 GiB each at N = 925,
    K = 512. Here a few rows exist at a time, and are computed again in the backward pass.

    Args:
        node: g, [N, heads, K].
        weight: a, [K], of all heads.
        negative_slope: Slope of LeakyReLU below 0.

    Returns:
        e, [N, N, heads], symmetric; float32, or float64 if an argument is.

    Raises:
        ValueError: If the shapes do not agree, or the devices differ.
    """
    if not torch.jit.is_tracing():
        _check(node, weight)
    if takes_plain_form() or torch.jit.is_tracing():
        return plain.pair_score(node, weight, negative_slope)
    return _pair_score(node, weight, float(negative_slope))


def _check(node: Tensor, weight: Tensor) -> None:
    if node.dim() != 3 or weight.dim() != 1 or node.shape[2] != weight.shape[0]:
        raise ValueError(
            "pair_score takes node [N, heads, K] and weight [K], got "
            f"{list(node.shape)} and {list(weight.shape)}"
        )
    if node.device != weight.device:
        raise ValueError(
            f"node and weight must be on one device, got {node.device} and {weight.device}"
        )


def _forward(node: Tensor, weight: Tensor, negative_slope: float) -> Tensor:
    """Computes e, [N, N, heads]."""
    wide = plain.accumulation_dtype(node, weight)
    g, a = node.to(wide), weight.to(wide)
    score = g.new_empty(len(g), *g.shape[:2])
    with plain.full_precision(g):
        for rows in row_blocks(g):
            pairs = g[rows, None] + g  # (rows, N, heads, K)
            score[rows] = torch.nn.functional.leaky_relu_(pairs, negative_slope) @ a
    return score


def _backward(
    grad: Tensor, node: Tensor, weight: Tensor, negative_slope: float
) -> tuple[Tensor, Tensor]:
    """Computes the gradients of g and a from that of e, [N, N, heads]."""
    wide = plain.accumulation_dtype(node, weight)
    g, a = node.to(wide), weight.to(wide)
    # A pair is in e twice. The slope is 1 or negative_slope, and what is common to both comes last.
    twice = (grad + grad.transpose(0, 1)).to(wide).transpose(1, 2).contiguous()  # (N, heads, N)
    slope = g.new_empty(g.shape)  # of e over a
    with plain.full_precision(g):
        for rows in row_blocks(g):
            above = (g[rows, None] + g).gt_(0)  # (rows, N, heads, K)
            slope[rows] = torch.einsum("ihj,ijhk->ihk", twice[rows], above)
    slope.mul_(1 - negative_slope).add_(twice.sum(2, keepdim=True), alpha=negative_slope)
    # LeakyReLU(z) = slope z, so that e is linear in g but for the slopes.
    d_weight = (slope * g).sum((0, 1))
    return slope.mul_(a).to(node.dtype), d_weight.to(weight.dtype)


_pair_score = define_operator(
    "pair_score",
    "Tensor node, Tensor weight, float negative_slope",
    _forward,
    _backward,
    lambda node, *_: (node.shape[0], *node.shape[:2]),
)
