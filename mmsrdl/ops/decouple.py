"""Class features by a softmax over positions in every channel, without a [B, P, C, D] tensor."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmsrdl.ops import plain, position_softmax
from mmsrdl.ops.backend import takes_plain_form
from mmsrdl.ops.operator import define_operator

__all__ = ["decouple", "per_image"]


def decouple(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    r"""Averages the positions for every class, with weights of their own in every channel.

    .. math::
        w_{b,c,p} = \mathrm{softmax}_p(W \tanh(P_{b,p} \odot u_{b,c})), \qquad
        s_{b,c} = \sum_p w_{b,c,p} \odot P_{b,p}

    The first half of SigRL's semantic visual feature reconstruction, as in its public code. Its
    plain form stores tensors [B, P, C, D]: 11 GiB each at B = 32, P = 14 x 14, C = 925, D = 512.
    Here the weights are computed in the forward pass and again in the backward pass, a few
    classes of one image at a time. A bias beside W would shift all positions alike: the softmax
    cancels it.

    Args:
        position: P, [B, P, D]; B may be 0.
        label: u, [C, D] for all images, or [B, C, D].
        weight: W, [D, D].

    Returns:
        s, [B, C, D]; float32, or float64 if an argument is.

    Raises:
        ValueError: If the shapes do not agree, or the devices differ.
    """
    return per_image(_decouple, plain.decouple, position, label, weight)


def per_image(
    operator: Callable[..., Tensor],
    formula: Callable[..., Tensor],
    position: Tensor,
    label: Tensor,
    weight: Tensor,
) -> Tensor:
    """Checks the operands, and gives them to an operator on [B, P, D], [B or 1, C, D] and [D, D].

    Args:
        operator: The operator.
        formula: Its plain form, of the same name.
        position: P, [B, P, D].
        label: u, [C, D] or [B, C, D].
        weight: W, [D, D].

    Raises:
        ValueError: If the shapes do not agree, or the devices differ.
    """
    if not torch.jit.is_tracing():
        _check(formula.__name__, position, label, weight)
    if takes_plain_form():
        return formula(position, label, weight)
    return operator(position, label if label.dim() == 3 else label[None], weight)


def _check(name: str, position: Tensor, label: Tensor, weight: Tensor) -> None:
    shapes = f"{list(position.shape)}, {list(label.shape)} and {list(weight.shape)}"
    if position.dim() != 3 or label.dim() not in (2, 3) or weight.dim() != 2:
        raise ValueError(
            f"{name} takes position [B, P, D], label [C, D] or [B, C, D] and weight [D, D], got "
            + shapes
        )
    dim = position.shape[2]
    if not dim == label.shape[-1] == weight.shape[0] == weight.shape[1]:
        raise ValueError(f"position, label and weight of {name} must share one D, got {shapes}")
    if label.dim() == 3 and label.shape[0] != position.shape[0]:
        raise ValueError(
            f"position and label of {name} must be of as many images, got {shapes}; give labels "
            "that are the same for all as [C, D]"
        )
    if not position.shape[1]:
        raise ValueError(f"{name} needs at least one position, got position {shapes}")
    if not position.device == label.device == weight.device:
        raise ValueError(
            f"position, label and weight of {name} must be on one device, got "
            f"{position.device}, {label.device} and {weight.device}"
        )


_decouple = define_operator(
    "decouple",
    "Tensor position, Tensor label, Tensor weight",
    position_softmax.decouple_forward,
    position_softmax.decouple_backward,
    lambda position, label, weight: (position.shape[0], label.shape[1], position.shape[2]),
    keeps_result=True,
)
