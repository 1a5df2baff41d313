"""SRDL's head: category-specific attentional regions (CAR)."""

from typing import Any

from mmsrdl.models.heads.class_feature_head import ClassFeatureHead
from mmsrdl.registry import MODELS


@MODELS.register_module()
class CARHead(ClassFeatureHead):
    """The :class:`ClassFeatureHead` of SRDL.

    Source: SRDL (Pu et al.), Sec. 3. The label embedder gives x_c (Eq. 3), the attention gives
    maps and class features f_c (Eqs. 4-6), the classifier gives logits (Eq. 2).

    Args:
        num_classes: C.
        in_channels: D of the backbone's last map.
        embedder: Config of the label embedder, such as ``mmsrdl.GCNLabelEmbedder``.
        attention: Config of the attention; what it leaves open is ``mmsrdl.CARAttention``'s.
        **kwargs: See :class:`ClassFeatureHead`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        embedder: dict,
        attention: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_classes=num_classes,
            in_channels=in_channels,
            embedder=embedder,
            attention={"type": "mmsrdl.CARAttention", **(attention or {})},
            **kwargs,
        )
