"""Softmaxes over positions, of every class and channel, chunk by chunk in PyTorch.

Serves :func:`mmsrdl.ops.decouple` and :func:`mmsrdl.ops.reweight` on every device: their time is
that of matrix products. A chunk is one image and some classes with all positions, so that each
softmax is complete. Nothing larger than the inputs, the results and a few chunks exists at a time;
the backward pass computes every chunk again.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mmsrdl.ops.chunked import images_and_classes
from mmsrdl.ops.plain import accumulation_dtype, full_precision

__all__ = ["decouple_backward", "decouple_forward", "reweight_backward", "reweight_forward"]


def decouple_forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes s, [B, C, D] in float32 (float64).

    Args:
        position: P, [B, P, D].
        label: u, [B, C, D], or [1, C, D] for all images.
        weight: W, [D, D].
    """
    x, u, w = _widen(position, label, weight)
    s = x.new_empty(len(x), u.shape[1], x.shape[2])
    with full_precision(x):
        for b, these in _blocks(x, u):
            share = _share(_gate(x[b], _of(u, b)[these]), w)
            s[b, these] = share.mul_(x[b]).sum(1)
    return s


def decouple_backward(
    grad: Tensor, s: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of P, u and W from that of s, [B, C, D]."""
    x, u, w = _widen(position, label, weight)
    grad, found = grad.to(x.dtype), _Gradients.zeros(x, u, w)
    with full_precision(x):
        for b, these in _blocks(x, u):
            gate = _gate(x[b], _of(u, b)[these])
            passed = _share(gate, w).mul_(grad[b, these, None])  # (classes, P, D)
            found.position[b] += passed.sum(0)
            # d s / d logit = share (P - s)
            d_logit = passed.mul_(x[b] - s[b, these, None])
            found.add_logits(d_logit, gate, x, u, w, b, these)
    return found.like(position, label, weight)


def reweight_forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes G, [B, P, D] in float32 (float64); see :func:`decouple_forward`."""
    x, u, w = _widen(position, label, weight)
    total = x.new_zeros(x.shape)
    with full_precision(x):
        for b, these in _blocks(x, u):
            total[b] += _share(_gate(x[b], _of(u, b)[these]), w).sum(0)
    return total


def reweight_backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the gradients of P, u and W from that of G, [B, P, D]."""
    x, u, w = _widen(position, label, weight)
    grad, found = grad.to(x.dtype), _Gradients.zeros(x, u, w)
    with full_precision(x):
        for b, these in _blocks(x, u):
            gate = _gate(x[b], _of(u, b)[these])
            share = _share(gate, w)
            passed = share * grad[b]  # (classes, P, D)
            d_logit = passed.sub_(share.mul_(passed.sum(1, keepdim=True)))
            found.add_logits(d_logit, gate, x, u, w, b, these)
    return found.like(position, label, weight)


class _Gradients(NamedTuple):
    """Gradients of P, u and W, summed up over the chunks."""

    position: Tensor
    label: Tensor
    weight: Tensor

    @classmethod
    def zeros(cls, position: Tensor, label: Tensor, weight: Tensor) -> "_Gradients":
        return cls(*(t.new_zeros(t.shape) for t in (position, label, weight)))

    def add_logits(
        self, d_logit: Tensor, gate: Tensor, x: Tensor, u: Tensor, w: Tensor, b: int, these: slice
    ) -> None:
        """Adds what the gradient of a chunk's logits, [classes, P, D], gives."""
        self.weight.addmm_(d_logit.flatten(0, 1).t(), gate.flatten(0, 1))
        # d tanh(z) = 1 - tanh(z)^2
        slope = (d_logit @ w).mul_(gate.square_().neg_().add_(1))
        self.position[b] += (slope * _of(u, b)[these, None]).sum(0)
        _of(self.label, b)[these] += slope.mul_(x[b]).sum(1)

    def like(self, *operands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Casts each to its operand's type."""
        position, label, weight = (
            gradient.to(operand.dtype) for gradient, operand in zip(self, operands, strict=True)
        )
        return position, label, weight


def _widen(*tensors: Tensor) -> list[Tensor]:
    wide = accumulation_dtype(*tensors)
    return [tensor.to(wide) for tensor in tensors]


def _blocks(position: Tensor, label: Tensor) -> list[tuple[int, slice]]:
    batch, positions, dim = position.shape
    return images_and_classes((batch, label.shape[1], positions * dim), position.device)


def _of(label: Tensor, b: int) -> Tensor:
    """Returns an image's row of what is [B, C, D], or [1, C, D] for all images."""
    return label[b if len(label) > 1 else 0]


def _gate(position: Tensor, label: Tensor) -> Tensor:
    """Computes tanh(P u) of an image [P, D] and some classes [classes, D]."""
    return (position * label[:, None]).tanh_()  # (classes, P, D)


def _share(gate: Tensor, weight: Tensor) -> Tensor:
    """Computes the softmax over positions of the gates times W, [classes, P, D]."""
    return torch.softmax(gate @ weight.t(), 1)
