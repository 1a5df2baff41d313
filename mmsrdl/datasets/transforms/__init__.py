"""Data transforms."""

from mmsrdl.datasets.transforms.load_whole_image import LoadWholeImage
from mmsrdl.datasets.transforms.multi_scale_crop import MultiScaleCrop
from mmsrdl.datasets.transforms.torch_resize import TorchResize

__all__ = ["LoadWholeImage", "MultiScaleCrop", "TorchResize"]
