"""The projection into the space that images and texts share."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsrdl.arguments import check_integer
from mmsrdl.registry import MODELS


@MODELS.register_module()
class CLIPProjection(BaseModule):
    """Projects the tokens of a vision transformer's last stage; CLIP's ``visual.proj``.

    Source: CLIP (Radford et al., ICML 2021) projects the class token; MKT and SigRL, by their
    public code, all tokens. Earlier stages are handed on as they are, for a distillation.

    Args:
        in_channels: D of the tokens.
        out_channels: E of the space.

    Shapes:
        - Input: a tuple, the last element of which is tokens [B, N, D] or vectors [B, D].
        - Output: the tuple with [B, N, E] or [B, E] as its last element.

    Raises:
        TypeError: If a size is no integer.
        ValueError: If a size is below 1; in :meth:`forward`, if the input is of another size.
    """

    def __init__(self, in_channels: int, out_channels: int, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        check_integer("in_channels", in_channels, low=1, example=768)
        check_integer("out_channels", out_channels, low=1, example=512)
        self.proj = nn.Parameter(torch.empty(in_channels, out_channels))
        nn.init.normal_(self.proj, std=in_channels**-0.5)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Projects the last stage."""
        *earlier, last = inputs
        channels = self.proj.shape[0]
        if last.dim() not in (2, 3) or last.shape[-1] != channels:
            raise ValueError(
                f"CLIPProjection takes tokens [B, N, {channels}], got {list(last.shape)}; set "
                "in_channels to the backbone's, and let it return tokens (out_type='raw')"
            )
        return (*earlier, last @ self.proj)
