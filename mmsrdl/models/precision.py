"""Numbers of full precision inside of autocast."""

import torch
from torch import Tensor

__all__ = ["at_least_float32", "full_precision"]


def full_precision(tensor: Tensor) -> torch.autocast:
    """Makes a context in which nothing is cast to half precision.

    Args:
        tensor: On the device in question.
    """
    return torch.autocast(tensor.device.type, enabled=False)


def at_least_float32(values: Tensor) -> Tensor:
    """Casts numbers of half precision to float32, and leaves others as they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
