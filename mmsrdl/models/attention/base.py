"""What every attention over classes offers to the head."""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor

__all__ = ["AttentionMaps", "ClassAttention"]


@dataclass
class AttentionMaps:
    """Attention of every class over an image's features.

    Attributes:
        feature: F, [B, P, D] with P = H * W positions in row-major order.
        spatial: Attention of positions, [B, C, P] of numbers >= 0, or None without it.
        channel: Attention of channels, [B, C, D], or None without it.
        size: (H, W).
        scores: Evidence for every class at every position, logits [B, C, P], where the
            attention is made from such.
        pooled: Class features, where the attention makes them along with its maps; they are those
            of all classes, so :meth:`select` leaves them out.
        token: The image's class token, [B, D], which the head puts here where its input has one.
        vectors: Label vectors v, [C, D], where ``scores`` are their products with ``feature``.
    """

    feature: Tensor
    spatial: Tensor | None
    channel: Tensor | None
    size: tuple[int, int]
    scores: Tensor | None = None
    pooled: Tensor | None = None
    token: Tensor | None = None
    vectors: Tensor | None = None

    def spatial_map(self) -> Tensor:
        """Returns the spatial attention as maps, [B, C, H, W].

        Raises:
            ValueError: If there is no spatial attention.
        """
        if self.spatial is None:
            raise ValueError(
                "the attention has no spatial maps, which maps and object erasing need; use one "
                "that has, such as CARAttention with use_spatial=True"
            )
        return self.spatial.unflatten(2, self.size)

    def select(self, classes: Tensor) -> "AttentionMaps":
        """Keeps the maps of some classes of each image.

        Args:
            classes: Class indices, [B, K].
        """
        rows = torch.arange(len(classes), device=classes.device)[:, None]
        chosen = (
            None if maps is None else maps[rows, classes]
            for maps in (self.spatial, self.channel, self.scores)
        )
        spatial, channel, scores = chosen
        return AttentionMaps(self.feature, spatial, channel, self.size, scores, token=self.token)

    def top_scores(self, erased: Tensor | None = None) -> Tensor:
        """Returns the largest of the position's scores, [B, C].

        Args:
            erased: True at positions that do not count, [B, C, H, W]; never all of a map.

        Raises:
            ValueError: If the attention has no scores.
        """
        if self.scores is None:
            raise ValueError(
                "map_score_weight needs an attention that is made from scores of positions, such "
                "as SemanticAttention; set it to 0"
            )
        scores = self.scores
        if erased is not None:
            scores = scores.masked_fill(erased.flatten(2), -torch.inf)
        return scores.amax(-1)


class ClassAttention(BaseModule, metaclass=ABCMeta):
    """Base class: from a feature map to features of classes.

    A subclass names in its constructor what it wants to know of ``num_classes`` (C),
    ``in_channels`` (D of the map), ``embed_dims`` (d' of the label embeddings) and ``classes``
    (their names): the head fills these in.

    Attributes:
        out_channels: E, size of a class feature.
        num_groups: G, where the features are of G groups of classes and not of single ones.
        has_maps: Whether there are spatial maps of classes.
        sums_to_one: Whether a spatial map is a distribution over positions, so of values about
            1 / P.
        erasable: Whether :meth:`pool` heeds erased positions, which object erasing needs.
        has_channel_branch: Whether there is a branch that ``erase_channel`` erases too.
    """

    out_channels: int
    num_groups: int | None = None
    has_maps: bool = False
    sums_to_one: bool = False
    erasable: bool = False
    has_channel_branch: bool = False

    def embed_labels(self, x: Tensor | None) -> Any:
        """Computes all that depends on labels alone; the head keeps it while evaluating.

        Args:
            x: Label embeddings, [C, d'], or None where the head has no embedder.

        Returns:
            What :meth:`forward` needs: a tensor, a tuple of such, or None.
        """
        return x

    def need_embeddings(self, x: Tensor | None) -> Tensor:
        """Returns the label embeddings, of an attention that cannot do without.

        Args:
            x: Label embeddings, [C, d'], or None.

        Raises:
            ValueError: If there are none.
        """
        if x is None:
            raise ValueError(
                f"{type(self).__name__} needs label embeddings; give the head an embedder, such as "
                "dict(type='mmsrdl.GCNLabelEmbedder', classes=[...], embed_dims=300)"
            )
        return x

    @abstractmethod
    def forward(self, feature_map: Tensor, labels: Any) -> AttentionMaps:
        """Computes the attention maps.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
        """

    def attend(self, feature_map: Tensor, labels: Any) -> AttentionMaps:
        """Computes the attention maps to be looked at: those that scores do not need, too.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
        """
        return self(feature_map, labels)

    @abstractmethod
    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Computes class features.

        Args:
            maps: Output of :meth:`forward`, or of K classes an image from it.
            erased: True where the attention is erased, [B, C, H, W]; only if ``erasable``.
            erase_channel: Whether the channel branch is erased there too.

        Returns:
            [B, C, E], or [B, 1, E] where all classes share one feature; [B, G, E] where there are
            ``num_groups``.
        """
