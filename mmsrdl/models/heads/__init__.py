"""Heads and their classifiers."""

from mmsrdl.models.heads.car_head import CARHead
from mmsrdl.models.heads.class_classifier import ClassClassifier, FeatureClassifier
from mmsrdl.models.heads.class_feature_head import ClassFeatureHead, LabelSide, ScoredImages
from mmsrdl.models.heads.dictionary_classifier import DictionaryClassifier

__all__ = [
    "CARHead",
    "ClassClassifier",
    "ClassFeatureHead",
    "DictionaryClassifier",
    "FeatureClassifier",
    "LabelSide",
    "ScoredImages",
]
