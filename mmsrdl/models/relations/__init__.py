"""Reasoning over the class features of an image."""

from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.models.relations.decoder_relation import DecoderRelation
from mmsrdl.models.relations.dynamic_gcn import DynamicGCN
from mmsrdl.models.relations.ggnn import GGNN
from mmsrdl.models.relations.prediction_gcn import PredictionGCN

__all__ = ["GGNN", "ClassRelation", "DecoderRelation", "DynamicGCN", "PredictionGCN"]
