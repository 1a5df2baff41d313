"""The gated score of Eq. (5), without a tensor over positions x classes x channels."""

from typing import Any

import torch
from torch import Tensor

from mmsrdl.ops.chunks import chunk_elements


def _blocks(rows: int, classes: int, dim: int, device: torch.device) -> tuple[int, int]:
    """Returns how many rows and how many classes one chunk holds."""
    budget = max(chunk_elements(device) // dim, 1)
    row_block = max(min(rows, budget), 1)
    return row_block, max(min(classes, budget // row_block), 1)


class _GatedScore(torch.autograd.Function):
    """Recomputes tanh chunk by chunk in the backward pass instead of storing it."""

    @staticmethod
    def forward(ctx: Any, position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(position, label, weight)
        rows, classes = position.shape[0], label.shape[0]
        row_block, class_block = _blocks(rows, classes, position.shape[1], position.device)
        score = position.new_empty(rows, classes)
        for r in range(0, rows, row_block):
            a = position[r : r + row_block, None]
            for c in range(0, classes, class_block):
                gate = (a * label[c : c + class_block]).tanh_()
                score[r : r + row_block, c : c + class_block] = gate @ weight
        return score

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        position, label, weight = ctx.saved_tensors
        rows, classes = grad.shape
        row_block, class_block = _blocks(rows, classes, position.shape[1], position.device)
        d_position = torch.zeros_like(position)
        d_label = torch.zeros_like(label)
        d_weight = torch.zeros_like(weight)
        for r in range(0, rows, row_block):
            a = position[r : r + row_block]
            for c in range(0, classes, class_block):
                u = label[c : c + class_block]
                g = grad[r : r + row_block, c : c + class_block]
                gate = (a[:, None] * u).tanh_()  # (rows, classes, D)
                d_weight += g.reshape(-1) @ gate.flatten(0, 1)
                # d tanh(z) = 1 - tanh(z)^2
                slope = gate.square_().neg_().add_(1).mul_(g[..., None])
                d_label[c : c + class_block] += (slope * a[:, None]).sum(0) * weight
                d_position[r : r + row_block] += slope.mul_(u * weight).sum(1)
        return d_position, d_label, d_weight


def gated_score(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    r"""Scores every position for every class through a tanh gate.

    .. math:: s_{b,p,c} = \sum_k w_k \tanh(a_{b,p,k} \, u_{c,k})

    is the part of SRDL's Eq. (5) whose plain form stores a [B, P, C, D] tensor
    (1.9 GiB at B = 16, C = 80, 14 x 14 positions, D = 2048). Here one chunk of
    it exists at a time, in the forward and in the backward pass. Arithmetic is
    in float32, or float64 for float64 input; the result has the input's type.

    Args:
        position: a, projected features of the positions, [B, P, D]; B may be 0.
        label: u, projected label embeddings, [C, D].
        weight: w, [D].

    Returns:
        s, [B, P, C], without bias and before the sigmoid.

    Raises:
        ValueError: If the shapes do not agree.
    """
    if position.dim() != 3 or label.dim() != 2 or weight.dim() != 1:
        raise ValueError(
            "gated_score takes position [B, P, D], label [C, D] and weight [D], got "
            f"{list(position.shape)}, {list(label.shape)} and {list(weight.shape)}"
        )
    if not position.shape[2] == label.shape[1] == weight.shape[0]:
        raise ValueError(
            "position, label and weight must share their last dimension D, got "
            f"{list(position.shape)}, {list(label.shape)} and {list(weight.shape)}"
        )
    wide = torch.float64 if position.dtype == torch.float64 else torch.float32
    batch, positions, _ = position.shape
    with torch.autocast(position.device.type, enabled=False):
        score = _GatedScore.apply(position.flatten(0, 1).to(wide), label.to(wide), weight.to(wide))
    return score.view(batch, positions, len(label)).to(position.dtype)
