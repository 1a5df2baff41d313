"""Attention of every class over the feature map."""

from mmsrdl.models.attention.car import AttentionMaps, CARAttention

__all__ = ["AttentionMaps", "CARAttention"]
