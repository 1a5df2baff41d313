"""Decoders whose queries are labels, as attention over classes."""

from abc import abstractmethod

from torch import Tensor

from mmsrdl.models.attention.base import AttentionMaps, ClassAttention


class LabelDecoder(ClassAttention):
    """Base class: label queries look at an image and come back as class features.

    The features are made along with the maps, so :meth:`pool` only hands them out. The spatial
    maps, which are the last layer's cross-attention, mean over its heads, are computed where they
    are looked at (:meth:`attend`): scores do without, and so do the fused operators of attention.
    """

    has_maps = True
    sums_to_one = True

    def forward(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Computes class features and no spatial maps.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
        """
        return self.decode(feature_map, labels, weights=False)

    def attend(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Computes class features and spatial maps.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
        """
        return self.decode(feature_map, labels, weights=True)

    @abstractmethod
    def decode(self, feature_map: Tensor, labels: Tensor | None, weights: bool) -> AttentionMaps:
        """Computes class features, and the spatial maps if ``weights``.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Output of :meth:`embed_labels`.
            weights: Whether maps are wanted.
        """

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Returns the class features, [B, C, E] or [B, G, E].

        Args:
            maps: Output of :meth:`forward` or :meth:`attend`.
            erased: None; the attention's weights sum to 1, whatever would be erased.
            erase_channel: Of no account.

        Raises:
            ValueError: If something is to be erased.
        """
        if erased is not None or maps.pooled is None:
            raise ValueError(
                f"{type(self).__name__} can neither erase positions nor take part of the classes; "
                "use an attention that can, such as CARAttention"
            )
        return maps.pooled
