"""Heads and their classifiers."""

from mmsrdl.models.heads.car_head import CARHead
from mmsrdl.models.heads.class_classifier import (
    ClassClassifier,
    FeatureClassifier,
    IdentityClassifier,
)
from mmsrdl.models.heads.class_feature_head import ClassFeatureHead, LabelSide, ScoredImages
from mmsrdl.models.heads.dictionary_classifier import DictionaryClassifier
from mmsrdl.models.heads.embedding_classifier import EmbeddingClassifier
from mmsrdl.models.heads.group_classifier import GroupClassifier
from mmsrdl.models.heads.sigrl_head import SigRLHead
from mmsrdl.models.heads.two_stream_classifier import TwoStreamClassifier

__all__ = [
    "CARHead",
    "ClassClassifier",
    "ClassFeatureHead",
    "DictionaryClassifier",
    "EmbeddingClassifier",
    "FeatureClassifier",
    "GroupClassifier",
    "IdentityClassifier",
    "LabelSide",
    "ScoredImages",
    "SigRLHead",
    "TwoStreamClassifier",
]
