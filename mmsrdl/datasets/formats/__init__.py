"""Annotation files of all kinds, read into and written from one form."""

from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord
from mmsrdl.datasets.formats.files import read_annotations

__all__ = ["Annotations", "Box", "ImageRecord", "read_annotations"]
