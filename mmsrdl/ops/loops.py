"""The gated score by its tanh, a chunk of gates at a time in one reused buffer."""

import torch
from torch import Tensor

from mmsrdl.ops.chunks import blocks


def _half_gate(position: Tensor, label: Tensor, out: Tensor) -> Tensor:
    """Writes tanh(a u) / 2 = sigmoid(2 a u) - 1/2, [rows, classes, D]; sigmoid is far faster.

    Args:
        position: a, [rows, D].
        label: 2 u, [classes, D].
        out: Buffer of at least rows * classes * D elements.
    """
    shape = (len(position), len(label), position.shape[1])
    gate = out[: shape[0] * shape[1] * shape[2]].view(shape)
    torch.mul(position[:, None], label, out=gate)
    return gate.sigmoid_().sub_(0.5)


def forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes s [R, C] from a [R, D], u [C, D] and w [D]."""
    label, weight = label * 2, weight * 2
    rows, classes, dim = len(position), len(label), position.shape[1]
    row_block, class_block = blocks(rows, classes, dim, position.device)
    buffer = position.new_empty(row_block * class_block * dim)
    score = position.new_empty(rows, classes)
    for r in range(0, rows, row_block):
        for c in range(0, classes, class_block):
            gate = _half_gate(position[r : r + row_block], label[c : c + class_block], buffer)
            score[r : r + row_block, c : c + class_block] = gate @ weight
    return score


def backward(grad: Tensor, a: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of a [R, D], u [C, D] and w [D] from that of s, [R, C]."""
    rows, classes, dim = len(a), len(u), a.shape[1]
    row_block, class_block = blocks(rows, classes, dim, a.device)
    gates, slopes = a.new_empty(2, row_block * class_block * dim)
    quarter = a.new_full((), 0.25)
    d_position, d_label, d_weight = (a.new_zeros(t.shape) for t in (a, u, w))
    twice_u, scaled_u = u * 2, u * w * 4
    for r in range(0, rows, row_block):
        part = slice(r, r + row_block)
        for c in range(0, classes, class_block):
            these = slice(c, c + class_block)
            g = grad[part, these].contiguous()
            half = _half_gate(a[part], twice_u[these], gates)
            d_weight.addmv_(half.flatten(0, 1).t(), g.flatten())
            # d tanh(z) = 1 - tanh(z)^2 = 4 (1/4 - half^2)
            slope = slopes[: half.numel()].view_as(half)
            torch.addcmul(quarter, half, half, value=-1, out=slope).mul_(g[..., None])
            d_label[these] += torch.mul(slope, a[part, None], out=half).sum(0)
            if class_block == 1:
                d_position[part].addcmul_(slope[:, 0], scaled_u[c])
            else:
                d_position[part] += slope.mul_(scaled_u[these]).sum(1)
    return d_position, d_label.mul_(w * 4), d_weight.mul_(2)
