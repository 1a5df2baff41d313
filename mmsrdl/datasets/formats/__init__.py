"""Annotation files of all kinds, read into and written from one form."""

from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord
from mmsrdl.datasets.formats.checks import Problem
from mmsrdl.datasets.formats.convert import convert_annotations, copy_images, format_to_write
from mmsrdl.datasets.formats.files import (
    AnnotationFile,
    open_annotations,
    parse_annotations,
    read_annotations,
)
from mmsrdl.datasets.formats.image_sizes import add_sizes
from mmsrdl.datasets.formats.subset import format_subset
from mmsrdl.datasets.formats.write import what_is_lost, write_annotations, write_files

__all__ = [
    "AnnotationFile",
    "Annotations",
    "Box",
    "ImageRecord",
    "Problem",
    "add_sizes",
    "convert_annotations",
    "copy_images",
    "format_subset",
    "format_to_write",
    "open_annotations",
    "parse_annotations",
    "read_annotations",
    "what_is_lost",
    "write_annotations",
    "write_files",
]
