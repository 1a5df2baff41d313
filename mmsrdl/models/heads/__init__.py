"""Heads and their classifiers."""

from mmsrdl.models.heads.car_head import CARHead
from mmsrdl.models.heads.class_classifier import ClassClassifier, FeatureClassifier
from mmsrdl.models.heads.class_feature_head import ClassFeatureHead, LabelSide, ScoredImages

__all__ = [
    "CARHead",
    "ClassClassifier",
    "ClassFeatureHead",
    "FeatureClassifier",
    "LabelSide",
    "ScoredImages",
]
