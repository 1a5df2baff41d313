"""Attention of every class over the feature map."""

from mmsrdl.models.attention.base import AttentionMaps, ClassAttention
from mmsrdl.models.attention.car import CARAttention
from mmsrdl.models.attention.global_pooling import GlobalPooling

__all__ = ["AttentionMaps", "CARAttention", "ClassAttention", "GlobalPooling"]
from mmsrdl.models.attention.semantic_attention import SemanticAttention
from mmsrdl.models.attention.semantic_decoupling import SemanticDecoupling

__all__ = [
    "AttentionMaps",
    "CARAttention",
    "ClassAttention",
    "SemanticAttention",
    "SemanticDecoupling",
]
