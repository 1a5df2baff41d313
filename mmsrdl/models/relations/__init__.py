"""Reasoning over the class features of an image."""

from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.models.relations.dynamic_gcn import DynamicGCN

__all__ = ["ClassRelation", "DynamicGCN"]
