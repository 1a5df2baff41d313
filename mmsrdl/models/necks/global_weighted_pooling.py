"""Global weighted pooling: between average and maximum."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmsrdl.arguments import check_number
from mmsrdl.registry import MODELS


@MODELS.register_module()
class GlobalWeightedPooling(BaseModule):
    r"""Mixes global average and global maximum pooling.

    .. math:: f = (1 - w) \, GAP(F) + w \, GMP(F)

    Source: MCAR (Gao and Zhou), arXiv 2007.01755, as in its public code, where w = 0.5.

    Args:
        max_weight: w.

    Shapes:
        - Input: a map [B, D, H, W], or a tuple of them.
        - Output: [B, D], or a tuple of them.

    Raises:
        TypeError: If ``max_weight`` is no number.
        ValueError: If it is outside [0, 1].
    """

    def __init__(self, max_weight: float = 0.5) -> None:
        super().__init__()
        check_number("max_weight", max_weight, low=0, high=1)
        self.max_weight = max_weight

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Pools every map."""
        if isinstance(inputs, Tensor):
            return self._pool(inputs)
        return tuple(self._pool(feature) for feature in inputs)

    def _pool(self, feature: Tensor) -> Tensor:
        return feature.mean((2, 3)).lerp(feature.amax((2, 3)), self.max_weight)
