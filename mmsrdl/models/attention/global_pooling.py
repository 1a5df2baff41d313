"""Global pooling: one feature that all classes share."""

from torch import Tensor

from mmsrdl.arguments import check_integer
from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.registry import MODELS

MODES = ("max", "average")


@MODELS.register_module()
class GlobalPooling(ClassAttention):
    """Pools the map over positions, without attention.

    Source: ML-GCN (Chen et al., CVPR 2019), Eq. (3), which takes the maximum.

    Args:
        in_channels: D of the feature map.
        mode: ``'max'`` or ``'average'``.

    Raises:
        TypeError: If the size is no integer.
        ValueError: If the size is below 1 or the mode unknown.
    """

    def __init__(self, in_channels: int, mode: str = "max") -> None:
        super().__init__()
        check_integer("in_channels", in_channels, low=1, example=2048)
        if mode not in MODES:
            raise ValueError(f"mode={mode!r} is unknown; use one of {MODES}")
        self.out_channels, self.mode = in_channels, mode

    def forward(self, feature_map: Tensor, labels: Tensor | None) -> AttentionMaps:
        """Lays out the positions, [B, P, D]; there are no maps.

        Args:
            feature_map: F, [B, D, H, W].
            labels: Not looked at.
        """
        height, width = feature_map.shape[2:]
        return AttentionMaps(feature_map.flatten(2).transpose(1, 2), None, None, (height, width))

    def pool(
        self, maps: AttentionMaps, erased: Tensor | None = None, erase_channel: bool = False
    ) -> Tensor:
        """Pools.

        Args:
            maps: Output of :meth:`forward`.
            erased: Not supported, as ``erasable`` says.
            erase_channel: Likewise.

        Returns:
            [B, 1, D].
        """
        if self.mode == "max":
            return maps.feature.amax(1, keepdim=True)
        return maps.feature.mean(1, keepdim=True)
