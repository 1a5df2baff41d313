"""Reasoning over the class features of an image."""

from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.models.relations.class_gcn import ClassGCN

__all__ = ["ClassGCN", "ClassRelation"]
