"""The labels of an image file."""

import os
from collections.abc import Sequence
from pathlib import Path

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats.annotations import Annotations, ImageRecord

__all__ = ["find_record", "find_records"]


def find_record(annotations: Annotations, image: str | os.PathLike[str]) -> ImageRecord:
    """Finds an image among annotated ones, wherever the images' folder lies.

    Args:
        annotations: Images whose paths may be relative.
        image: The file.

    Returns:
        The record whose path is the longest end of the file's: ``/data/val/1.jpg`` is
        ``val/1.jpg`` rather than ``1.jpg``.

    Raises:
        ValueError: If there is none, or its path stands twice.
    """
    return find_records(annotations, [image])[0]


def find_records(
    annotations: Annotations, images: Sequence[str | os.PathLike[str]]
) -> list[ImageRecord]:
    """Finds several images among annotated ones, each as :func:`find_record` does.

    Args:
        annotations: Images whose paths may be relative.
        images: N files.

    Returns:
        N records.

    Raises:
        ValueError: If an image is not there, or its path stands twice.
    """
    known: dict[tuple[str, ...], list[ImageRecord]] = {}
    for record in annotations.records:
        known.setdefault(Path(os.path.normpath(record.path)).parts, []).append(record)
    return [_find(annotations, image, known) for image in images]


def _find(
    annotations: Annotations,
    image: str | os.PathLike[str],
    known: dict[tuple[str, ...], list[ImageRecord]],
) -> ImageRecord:
    parts = Path(os.path.abspath(image)).parts
    for start in range(len(parts)):
        records = known.get(parts[start:], [])
        if len(records) > 1:
            raise ValueError(
                f"'{annotations.source}' has {len(records)} images of the path "
                f"'{records[0].path}'; leave one of them"
            )
        if records:
            return records[0]
    raise ValueError(
        f"'{annotations.source}' has no labels of the image '{image}'; its images are "
        f"{first_of([record.path for record in annotations.records], 3)}"
    )
