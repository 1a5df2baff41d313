"""Weights of positions by the softmaxes of all classes, without a [B, P, C, D] tensor."""

from typing import Any

import torch
from torch import Tensor

from mmsrdl.ops import plain, position_softmax
from mmsrdl.ops.backend import takes_plain_form
from mmsrdl.ops.decouple import check_operands


def reweight(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    r"""Weighs every channel of every position by what all classes see in it.

    .. math::
        G_{b,p} = \sum_c \mathrm{softmax}_p(W \tanh(P_{b,p} \odot u_{b,c}))

    The second half of SigRL's semantic visual feature reconstruction, as in its public code; the
    reconstructed feature is :math:`P \odot G`. Over the positions G sums to C, so its mean is
    C / P. For memory see :func:`mmsrdl.ops.decouple`.

    Args:
        position: P, [B, P, D]; B may be 0.
        label: u, [C, D] for all images, or [B, C, D].
        weight: W, [D, D].

    Returns:
        G, [B, P, D]; float32, or float64 if an argument is.

    Raises:
        ValueError: If the shapes do not agree, or the devices differ.
    """
    if not torch.jit.is_tracing():
        check_operands("reweight", position, label, weight)
    if takes_plain_form():
        return plain.reweight(position, label, weight)
    return _reweight(position, label if label.dim() == 3 else label[None], weight)


@torch.library.custom_op(
    "mmsrdl::reweight",
    mutates_args=(),
    schema="(Tensor position, Tensor label, Tensor weight) -> Tensor",
)
def _reweight(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes G, [B, P, D], from P, u [B or 1, C, D] and W."""
    return position_softmax.reweight_forward(position, label, weight)


@_reweight.register_fake
def _(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    wide = plain.accumulation_dtype(position, label, weight)
    return position.new_empty(position.shape, dtype=wide)


@torch.library.custom_op(
    "mmsrdl::reweight_backward",
    mutates_args=(),
    schema="(Tensor grad, Tensor position, Tensor label, Tensor weight)"
    " -> (Tensor, Tensor, Tensor)",
)
def _reweight_backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return position_softmax.reweight_backward(grad, position, label, weight)


@_reweight_backward.register_fake
def _(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    p, u, w = (tensor.new_empty(tensor.shape) for tensor in (position, label, weight))
    return p, u, w


def _setup(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return _reweight_backward(grad, *ctx.saved_tensors)


_reweight.register_autograd(_backward, setup_context=_setup)
