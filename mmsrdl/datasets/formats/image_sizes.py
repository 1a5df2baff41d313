"""Widths and heights of images, from the headers of their files."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from PIL import ExifTags, Image

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats.annotations import Annotations

__all__ = ["add_sizes"]

TURNED = (5, 6, 7, 8)
"""EXIF orientations whose width and height change places when the image is decoded."""


def add_sizes(
    annotations: Annotations,
    images: str,
    progress: Callable[[Sequence], Iterable] = iter,
) -> Annotations:
    """Returns annotations whose images all have a size; known ones are kept.

    Args:
        annotations: Annotations.
        images: Folder that relative paths are below.
        progress: Wraps the images while they are read, as :func:`rich.progress.track`.

    Raises:
        FileNotFoundError: If images are not there.
        ValueError: If a file is no image.
    """
    records = annotations.records
    wanted = [record.path for record in records if record.size is None]
    missing = [path for path in wanted if not os.path.isfile(os.path.join(images, path))]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(records)} images are not in images='{images}', where their "
            f"width and height would be read: {first_of(missing, 3)}; give the folder that the "
            "paths are below"
        )
    sizes = {path: _size(os.path.join(images, path)) for path in progress(wanted)}
    return replace(
        annotations,
        records=[replace(each, size=each.size or sizes[each.path]) for each in records],
    )


def _size(path: str) -> tuple[int, int]:
    """Returns width and height as decoded."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            orientation = image.getexif().get(ExifTags.Base.Orientation)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"'{path}' is no image that can be read: {error}; fetch it again, or take it out"
        ) from error
    return (height, width) if orientation in TURNED else (width, height)
