"""Data transforms."""

from mmsrdl.datasets.transforms.multi_scale_crop import MultiScaleCrop

__all__ = ["MultiScaleCrop"]
