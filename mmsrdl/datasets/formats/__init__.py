"""Annotation files of all kinds, read into and written from one form."""

from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord

__all__ = ["Annotations", "Box", "ImageRecord"]
