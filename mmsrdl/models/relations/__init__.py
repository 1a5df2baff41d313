"""Reasoning over the class features of an image."""

from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.models.relations.decoder_relation import DecoderRelation

__all__ = ["ClassRelation", "DecoderRelation"]
