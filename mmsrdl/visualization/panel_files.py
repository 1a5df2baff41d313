"""Names of the pictures that are drawn of images."""

import os
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path


def panel_files(
    images: Sequence[str | os.PathLike[str]], out_dir: str | os.PathLike[str]
) -> list[Path]:
    """Names one PNG for each image, so that none takes another's place, nor an image's.

    Args:
        images: Image files, of any folders.
        out_dir: Folder of the PNG files.

    Returns:
        ``photo.png`` for the first image of the name ``photo``, then ``photo_2.png`` and so on.
    """
    taken = {_identity(image) for image in images}
    files = []
    for image in images:
        stem = Path(image).stem
        names = chain([stem], (f"{stem}_{number}" for number in count(2)))
        files.append(
            next(
                file
                for file in (Path(out_dir) / f"{name}.png" for name in names)
                if _identity(file) not in taken
            )
        )
        taken.add(_identity(files[-1]))
    return files


def _identity(file: str | os.PathLike[str]) -> str:
    """What two paths of one file share, also where a file system ignores the case of letters."""
    return os.path.realpath(file).casefold()
