"""Eq. (6) and its global max pooling, without a tensor over positions x classes x channels."""

import torch
from torch import Tensor

from mmsrdl.ops.chunks import chunk_elements


@torch.no_grad()
def _argmax_positions(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    weights: tuple[float, float],
    keep: Tensor | None,
) -> Tensor:
    """Returns the position of the maximum, [B, C, D], found one chunk of classes at a time."""
    batch, positions, dim = feature.shape
    classes = (spatial if spatial is not None else channel).shape[1]  # type: ignore[union-attr]
    block = max(chunk_elements(feature.device) // (positions * dim), 1)
    index = torch.empty(batch, classes, dim, dtype=torch.long, device=feature.device)
    for b in range(batch):
        for c in range(0, classes, block):
            gate = feature.new_zeros(1)
            if spatial is not None:
                gate = gate + weights[0] * spatial[b, c : c + block, :, None]  # (c, P, 1)
            if channel is not None:
                gate = gate + weights[1] * channel[b, c : c + block, None, :]  # (c, P or 1, D)
            if keep is not None:
                gate = gate * keep[b, c : c + block, :, None]
            index[b, c : c + block] = (feature[b] * gate).argmax(dim=1)
    return index


def attended_max_pool(
    feature: Tensor,
    spatial: Tensor | None,
    channel: Tensor | None,
    weights: tuple[float, float] = (0.5, 0.5),
    keep: Tensor | None = None,
) -> Tensor:
    r"""Pools the attended feature map of every class by its maximum over positions.

    .. math:: f_{b,c,k} = \max_p F_{b,p,k} (w_s SA_{b,c,p} + w_c CA_{b,c,k})

    is SRDL's Eq. (6) followed by global max pooling. Only the position of each
    maximum is kept for the backward pass (the gradient of a maximum goes to one
    position: the first, among equals), so nothing larger than [B, C, D] is
    stored.

    Args:
        feature: F, [B, P, D].
        spatial: SA in [0, 1], [B, C, P], or None for no spatial attention.
        channel: CA in [0, 1], [B, C, D], or None for no channel attention.
        weights: w_s and w_c.
        keep: Mask, [B, C, P]; where it is False both branches are zero.

    Returns:
        f, [B, C, D].

    Raises:
        ValueError: If neither attention is given, or the shapes do not agree.
    """
    _check_shapes(feature, spatial, channel, keep)
    index = _argmax_positions(feature, spatial, channel, weights, keep)
    peak = feature.gather(1, index)  # (B, C, D)
    gate: Tensor | float = 0.0
    if spatial is not None:
        gate = gate + weights[0] * spatial.gather(2, index)
    if channel is not None:
        gate = gate + weights[1] * channel
    if keep is not None:
        gate = gate * keep.gather(2, index)
    return peak * gate  # Eq. (6) at its maximum


def _check_shapes(
    feature: Tensor, spatial: Tensor | None, channel: Tensor | None, keep: Tensor | None
) -> None:
    if spatial is None and channel is None:
        raise ValueError("attended_max_pool needs `spatial` or `channel`; both are None")
    if feature.dim() != 3 or not feature.shape[1]:
        raise ValueError(
            f"`feature` must be [B, P, D] with at least one position P, got {list(feature.shape)}"
        )
    batch, positions, dim = feature.shape
    classes = (spatial if spatial is not None else channel).shape[1]  # type: ignore[union-attr]
    for name, tensor, last in (
        ("spatial", spatial, positions),
        ("channel", channel, dim),
        ("keep", keep, positions),
    ):
        if tensor is not None and tensor.shape != (batch, classes, last):
            raise ValueError(
                f"`{name}` must be [{batch}, C, {last}] for feature {list(feature.shape)}, with "
                f"one C for all (here {classes}), got {list(tensor.shape)}"
            )
