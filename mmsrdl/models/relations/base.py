"""What every relation between class features offers to the head."""

from abc import ABCMeta, abstractmethod

from mmengine.model import BaseModule
from torch import Tensor

from mmsrdl.models.attention.base import AttentionMaps

__all__ = ["ClassRelation"]


class ClassRelation(BaseModule, metaclass=ABCMeta):
    """Base class: lets the class features of an image know of each other.

    A subclass names in its constructor what it wants to know of ``num_classes`` (C),
    ``in_channels`` (E of the class features), ``embed_dims`` (d' of the label embeddings) and
    ``classes`` (their names): the head fills these in.

    Attributes:
        out_channels: E', size of a class feature afterwards.
    """

    out_channels: int

    @abstractmethod
    def forward(self, feature: Tensor, maps: AttentionMaps) -> Tensor:
        """Computes class features that depend on those of the other classes.

        Args:
            feature: [B, C, E].
            maps: What the features were pooled from; ``maps.feature`` are the image's positions.

        Returns:
            [B, C, E'].
        """
