"""What may be given for images: files, folders, globs, arrays and PIL images."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image
from torchvision.datasets.folder import IMG_EXTENSIONS

from mmsrdl.datasets.rgb_image import to_rgb

__all__ = ["ImageInput", "ImageInputs", "expand_inputs", "to_bgr"]

ImageInput: TypeAlias = str | os.PathLike[str] | np.ndarray | Image.Image
"""One image, or a folder or glob of several."""
ImageInputs: TypeAlias = ImageInput | Iterable[ImageInput]


def expand_inputs(inputs: ImageInputs) -> list[str | np.ndarray | Image.Image]:
    """Lists single images.

    Args:
        inputs: A file; a folder, of which all images are taken, those of its folders too, in
            alphabetical order; a glob such as ``photos/**/*.jpg``; an array; a PIL image; or
            several of these. Hidden files and folders are left out of folders.

    Returns:
        Paths, arrays and PIL images. Whether the files exist is not looked at.

    Raises:
        TypeError: If something else is given.
        FileNotFoundError: If a folder or a glob holds no image.
    """
    if isinstance(inputs, str | os.PathLike | np.ndarray | Image.Image):
        inputs = [inputs]
    if not isinstance(inputs, Iterable):
        raise TypeError(f"inputs={inputs!r} {_WANTED}")
    found: list[str | np.ndarray | Image.Image] = []
    for each in inputs:
        if isinstance(each, np.ndarray | Image.Image):
            found.append(each)
        elif isinstance(each, str | os.PathLike):
            found.extend(_files(os.path.expanduser(os.fspath(each))))
        else:
            raise TypeError(f"inputs holds {each!r}, a {type(each).__name__}, which {_WANTED}")
    return found


_WANTED = "must be a path, a folder, a glob, an array [H, W, 3], a PIL image, or a list of these"


def _files(path: str) -> list[str]:
    """Lists the files that a path stands for."""
    if os.path.isdir(path):
        files = (file for file in Path(path).rglob("*") if not _is_hidden(file.relative_to(path)))
        return _images(files, f"folder {path!r}")
    if glob.has_magic(path) and not os.path.exists(path):
        return _images(map(Path, glob.iglob(path, recursive=True)), f"glob {path!r}")
    return [path]


def _images(files: Iterable[Path], place: str) -> list[str]:
    images = sorted(
        str(file) for file in files if file.suffix.lower() in IMG_EXTENSIONS and file.is_file()
    )
    if not images:
        raise FileNotFoundError(f"{place} holds no image ({', '.join(IMG_EXTENSIONS)})")
    return images


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def to_bgr(image: np.ndarray | Image.Image) -> np.ndarray:
    """Returns an image as MMCV reads it from a file: uint8 [H, W, 3], BGR.

    Args:
        image: A PIL image, see :func:`to_rgb`; or an array that is as described already (what
            ``cv2.imread`` and ``mmcv.imread`` return).

    Raises:
        ValueError: If an array is of another type or shape, or a PIL image of another form.
    """
    if isinstance(image, Image.Image):
        return np.ascontiguousarray(np.asarray(to_rgb(image))[..., ::-1])
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            f"an array must be uint8 [H, W, 3] in the order BGR, as cv2.imread returns it, got "
            f"{image.dtype} {list(image.shape)}; give other images as PIL images"
        )
    return image
