"""Heads: one a method."""

from mmsrdl.models.heads.car_head import CARHead
from mmsrdl.models.heads.class_classifier import ClassClassifier

__all__ = ["CARHead", "ClassClassifier"]
