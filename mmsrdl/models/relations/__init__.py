"""Reasoning over the class features of an image."""

from mmsrdl.models.relations.base import ClassRelation
from mmsrdl.models.relations.prediction_gcn import PredictionGCN

__all__ = ["ClassRelation", "PredictionGCN"]
from mmsrdl.models.relations.dynamic_gcn import DynamicGCN
from mmsrdl.models.relations.ggnn import GGNN

__all__ = ["GGNN", "ClassRelation", "DynamicGCN"]
