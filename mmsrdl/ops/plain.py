"""The operators as their formulas say, by autograd: the truth that the other back ends equal.

Each stores tensors over images x classes x positions x channels. Exporters take this form.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F


def accumulation_dtype(*tensors: Tensor | None) -> torch.dtype:
    """Returns float64 if any tensor has it, otherwise float32."""
    wide = any(t is not None and t.dtype == torch.float64 for t in tensors)
    return torch.float64 if wide else torch.float32


def full_precision(tensor: Tensor) -> AbstractContextManager:
    """Makes a context in which nothing is cast to half precision.

    Args:
        tensor: On the device in question.
    """
    device = tensor.device.type
    # No context where none is needed: torch 2.5 cannot export one inside of another.
    enabled = torch.is_autocast_enabled(device)
    return torch.autocast(device, enabled=False) if enabled else nullcontext()


def gated_score(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes what :func:`mmsrdl.ops.gated_score` describes."""
    wide = accumulation_dtype(position, label, weight)
    gate = (position.to(wide)[:, :, None] * label.to(wide)).tanh()  # (B, P, C, D)
    return (gate * weight.to(wide)).sum(-1)


def attended_max_pool(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    weights: tuple[float, float],
    keep: Tensor | None,
) -> Tensor:
    """Computes what :func:`mmsrdl.ops.attended_max_pool` describes."""
    wide = accumulation_dtype(feature, spatial, channel)
    gate: Tensor | float = 0.0
    if spatial is not None:
        gate = gate + weights[0] * spatial.to(wide)[..., None]  # (B, C, P, 1)
    if channel is not None:
        gate = gate + weights[1] * channel.to(wide)[:, :, None]  # (B, C, P or 1, D)
    if keep is not None:
        gate = gate * keep[..., None]
    attended = feature.to(wide)[:, None] * gate  # (B, C, P, D)
    return attended.max(2).values.to(feature.dtype)


def pair_score(node: Tensor, weight: Tensor, negative_slope: float) -> Tensor:
    """Computes what :func:`mmsrdl.ops.pair_score` describes."""
    wide = accumulation_dtype(node, weight)
    node, weight = node.to(wide), weight.to(wide)
    with full_precision(node):
        return F.leaky_relu(node[:, None] + node, negative_slope) @ weight


def decouple(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes what :func:`mmsrdl.ops.decouple` describes."""
    share, position = _shares(position, label, weight)
    return (share * position[:, None]).sum(2)


def reweight(position: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """Computes what :func:`mmsrdl.ops.reweight` describes."""
    return _shares(position, label, weight)[0].sum(1)


def _shares(position: Tensor, label: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Computes a softmax over positions of every class and channel, [B, C, P, D], and P."""
    wide = accumulation_dtype(position, label, weight)
    position = position.to(wide)
    with full_precision(position):
        gate = (position[:, None] * label.to(wide)[..., None, :]).tanh()
        return torch.softmax(gate @ weight.to(wide).t(), 2), position
