"""Annotation files of all kinds, read into and written from one form."""

from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord
from mmsrdl.datasets.formats.checks import Problem
from mmsrdl.datasets.formats.files import (
    AnnotationFile,
    open_annotations,
    parse_annotations,
    read_annotations,
)

__all__ = [
    "AnnotationFile",
    "Annotations",
    "Box",
    "ImageRecord",
    "Problem",
    "open_annotations",
    "parse_annotations",
    "read_annotations",
]
