"""The gated score of Eq. (5), without a tensor over positions x classes x channels."""

import torch
from torch import Tensor

from mmsrdl.ops import plain
from mmsrdl.ops.backend import backend_for, takes_plain_form
from mmsrdl.ops.operator import define_operator


def gated_score(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    r"""Scores every position for every class through a tanh gate.

    .. math:: s_{b,p,c} = \sum_k w_k \tanh(a_{b,p,k} \, u_{c,k})

    is the part of SRDL's Eq. (5) whose plain form stores a [B, P, C, D] tensor
    (1.9 GiB at B = 16, C = 80, 14 x 14 positions, D = 2048). Here the gates are
    computed in the forward pass and again in the backward pass, and never stored.

    Args:
        position: a, projected features of the positions, [B, P, D]; B may be 0.
        label: u, projected label embeddings, [C, D].
        weight: w, [D].

    Returns:
        s, [B, P, C], without bias and before the sigmoid; float32, or float64 if
        an argument is.

    Raises:
        ValueError: If the shapes do not agree, or the devices differ.
    """
    if not torch.jit.is_tracing():
        _check(position, label, weight)
    if takes_plain_form():
        return plain.gated_score(position, label, weight)
    return _gated_score(position.flatten(0, 1), label, weight).unflatten(0, position.shape[:2])


def _check(position: Tensor, label: Tensor, weight: Tensor) -> None:
    shapes = f"{list(position.shape)}, {list(label.shape)} and {list(weight.shape)}"
    if position.dim() != 3 or label.dim() != 2 or weight.dim() != 1:
        raise ValueError(
            "gated_score takes position [B, P, D], label [C, D] and weight [D], got " + shapes
        )
    if not position.shape[2] == label.shape[1] == weight.shape[0]:
        raise ValueError(
            "position, label and weight must share their last dimension D, got " + shapes
        )
    if not position.device == label.device == weight.device:
        raise ValueError(
            "position, label and weight must be on one device, got "
            f"{position.device}, {label.device} and {weight.device}"
        )


def _forward(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes s [R, C] from a [R, D], u [C, D] and w [D]."""
    backend = backend_for(position, label, weight)
    return backend.gated_score_forward(position, label, weight)


def _backward(
    grad: Tensor, position: Tensor, label: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    backend = backend_for(position, label, weight)
    return backend.gated_score_backward(grad, position, label, weight)


_gated_score = define_operator(
    "gated_score",
    "Tensor position, Tensor label, Tensor weight",
    _forward,
    _backward,
    lambda position, label, weight: (position.shape[0], label.shape[0]),
)
