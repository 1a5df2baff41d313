"""Necks."""

from mmsrdl.models.necks.global_max_pooling import GlobalMaxPooling

__all__ = ["GlobalMaxPooling"]
