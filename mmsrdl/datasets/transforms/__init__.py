"""Data transforms."""

from mmsrdl.datasets.transforms.multi_scale_crop import MultiScaleCrop
from mmsrdl.datasets.transforms.torch_resize import TorchResize

__all__ = ["MultiScaleCrop", "TorchResize"]
