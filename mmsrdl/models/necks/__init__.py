"""Necks."""

from mmsrdl.models.necks.clip_projection import CLIPProjection
from mmsrdl.models.necks.global_max_pooling import GlobalMaxPooling
from mmsrdl.models.necks.global_weighted_pooling import GlobalWeightedPooling

__all__ = ["CLIPProjection", "GlobalMaxPooling", "GlobalWeightedPooling"]
