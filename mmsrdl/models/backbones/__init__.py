"""Backbones."""

from mmsrdl.models.backbones.cached_maps import CachedMaps

__all__ = ["CachedMaps"]
