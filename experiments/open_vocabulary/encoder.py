"""The image encoder that all trainings start from: CLIP's place, at the size of the scenes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmsrdl.models.losses.tri_state import TriStateLoss
from mmsrdl.models.necks import CLIPProjection
from mmsrdl.registry import MODELS

__all__ = ["MultiPositiveSoftmaxLoss", "TokensOfMap"]


@MODELS.register_module()
class TokensOfMap(CLIPProjection):
    """Makes tokens of a network's last map, and projects them as :class:`CLIPProjection`.

    The mean over positions takes the place of the class token.

    Args:
        in_channels: D of the map.
        out_channels: E of the space that images and texts share.

    Shapes:
        - Input: a tuple, the last element of which is a map [B, D, H, W].
        - Output: the tuple with tokens [B, 1 + H W, E] as its last element.
    """

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Lays the last map out as tokens, and projects them."""
        *earlier, last = inputs
        patches = last.flatten(2).transpose(1, 2)  # (B, P, D)
        tokens = torch.cat([patches.mean(1, keepdim=True), patches], dim=1)
        return super().forward((*earlier, tokens))


@MODELS.register_module()
class MultiPositiveSoftmaxLoss(TriStateLoss):
    """Cross entropy of a softmax over labels, the mean over an image's positives.

    It is CLIP's loss from images to texts, where an image has several texts.
    """

    def entries(self, logits: Tensor, label: Tensor) -> Tensor:
        """Computes the loss of every entry, [B, C]; 0 but at positives."""
        is_positive = label == 1
        losses = torch.where(is_positive, -logits.log_softmax(-1), 0)
        return losses / is_positive.sum(-1, keepdim=True).clamp(min=1)
