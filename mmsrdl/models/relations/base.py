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

    def check_own_features(self, feature: Tensor, num_classes: int) -> None:
        """Refuses features that are not those of C classes.

        Args:
            feature: [B, C, E].
            num_classes: C.

        Raises:
            ValueError: If they are of another number.
        """
        if feature.shape[1] != num_classes:
            raise ValueError(
                f"{type(self).__name__} needs features of {num_classes} classes, got "
                f"{list(feature.shape)}; use an attention that gives each class its own"
            )

    @abstractmethod
    def forward(self, feature: Tensor, maps: AttentionMaps) -> Tensor:
        """Computes class features that depend on those of the other classes.

        Args:
            feature: [B, C, E].
            maps: What the features were pooled from; ``maps.feature`` are the image's positions.

        Returns:
            [B, C, E'].
        """
