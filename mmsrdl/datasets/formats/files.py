"""Annotation files of any format."""

import os

from mmsrdl.datasets.formats.annotations import Annotations
from mmsrdl.datasets.formats.csv_file import read_csv

__all__ = ["read_annotations"]

READERS = {"csv": read_csv}
ENDINGS = {".csv": "csv"}


def read_annotations(path: str | os.PathLike[str], format: str = "auto") -> Annotations:
    """Reads an annotation file.

    Args:
        path: The file.
        format: ``'csv'``; ``'auto'`` goes by the ending.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of the format; the message names file, place and mend.
    """
    path = os.path.expanduser(os.fspath(path))
    if format == "auto":
        format = ENDINGS.get(os.path.splitext(path)[1].lower(), "")
    if format not in READERS:
        raise ValueError(f"format={format!r} of '{path}' must be one of {list(READERS)}")
    return READERS[format](path)
