"""The place of a backbone whose maps were computed before."""

from mmengine.model import BaseModule
from torch import Tensor

from mmsrdl.registry import MODELS


@MODELS.register_module()
class CachedMaps(BaseModule):
    """Hands the maps of an :class:`mmsrdl.datasets.FeatureMapDataset` on; it has no parameters.

    With it necks and heads train as behind a backbone that does not learn: such figures are
    labelled *frozen*.

    Shapes:
        - Input: maps [B, D, H, W].
        - Output: a tuple of them, float32, [B, D, H, W].

    Raises:
        ValueError: If the input has another shape.
    """

    def forward(self, inputs: Tensor) -> tuple[Tensor]:
        """Returns the maps as a backbone does."""
        if inputs.dim() != 4:
            raise ValueError(
                f"CachedMaps takes maps [B, D, H, W], got {list(inputs.shape)}; its data set is "
                "mmsrdl.FeatureMapDataset"
            )
        return (inputs.float(),)
