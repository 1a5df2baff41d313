"""Numbers of full precision inside of autocast."""

import torch
from torch import Tensor

from mmsrdl.ops.plain import full_precision

__all__ = ["at_least_float32", "full_precision"]


def at_least_float32(values: Tensor) -> Tensor:
    """Casts numbers of half precision to float32, and leaves others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
