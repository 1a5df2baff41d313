"""Classifiers: more than one pass through backbone, neck and head."""

from mmsrdl.models.classifiers.mcar import MCARClassifier
from mmsrdl.models.classifiers.regions import attentional_boxes, crop_boxes

__all__ = ["MCARClassifier", "attentional_boxes", "crop_boxes"]
