"""Global max pooling, which MMPretrain's necks lack."""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmsrdl.registry import MODELS


@MODELS.register_module()
class GlobalMaxPooling(BaseModule):
    """Takes the maximum over positions: the GMP baseline of ML-GCN and SRDL.

    Shapes:
        - Input: a map [B, D, H, W], or a tuple of them.
        - Output: [B, D], or a tuple of them.
    """

    def forward(self, inputs: Tensor | Sequence[Tensor]) -> Tensor | tuple[Tensor, ...]:
        """Pools every map."""
        if isinstance(inputs, Tensor):
            return inputs.amax((2, 3))
        return tuple(feature.amax((2, 3)) for feature in inputs)
