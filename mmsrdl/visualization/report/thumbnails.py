"""Small copies of images, for a page."""

import os
from pathlib import Path, PurePath

from PIL import Image

from mmsrdl.datasets.rgb_image import to_rgb

__all__ = ["find_image", "write_thumbnail"]

SIDE, QUALITY = 240, 82


def find_image(path: str, root: str | os.PathLike[str] | None) -> Path | None:
    """Finds an image that may have been moved.

    Args:
        path: As a test run wrote it; ``''`` is none.
        root: Folder in which to look instead, for the path and for its ends, the longest first:
            of ``data/val/1.jpg``, ``data/val/1.jpg``, ``val/1.jpg`` and ``1.jpg``.

    Returns:
        The file, or None if there is none.
    """
    if not path:
        return None
    if root is None:
        return Path(path) if os.path.isfile(path) else None
    parts = [part for part in PurePath(path).parts if part not in ("/", "..", ".")]
    ends = (Path(root, *parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if os.path.isfile(end)), None)


def write_thumbnail(image: Path, out_file: Path) -> tuple[int, int] | None:
    """Writes a JPEG of at most 240 x 240 pixels.

    Args:
        image: The image.
        out_file: The file; its folder exists.

    Returns:
        Its width and height, or None if the image does not decode.
    """
    try:
        with Image.open(image) as file:
            file.draft("RGB", (2 * SIDE, 2 * SIDE))  # lets a JPEG decode at a part of its size
            small = to_rgb(file)
            small.thumbnail((SIDE, SIDE))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    small.save(out_file, "JPEG", quality=QUALITY)
    return small.size
