"""Reasoning over the class features of an image."""

from mmsrdl.models.relations.base import ClassRelation

__all__ = ["ClassRelation"]
