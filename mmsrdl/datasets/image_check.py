"""Whether an image file can be trained on: decoded strictly, and as training decodes it."""

import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, UnidentifiedImageError

__all__ = ["ImageFacts", "inspect_image"]

Loader = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class ImageFacts:
    """What was found in an image file.

    Attributes:
        fault: Kind of what makes it unfit: ``'missing-file'``, ``'empty-file'``,
            ``'not-an-image'``, ``'truncated-image'``, ``'broken-image'`` or
            ``'unreadable-in-training'``; empty where it is sound.
        detail: What was said of the fault.
        digest: SHA-256 of the content; empty where there is none.
        size: Width and height in pixels, as the file says.
        mode: Pillow's name of the pixels' form, such as ``'RGB'``.
    """

    fault: str = ""
    detail: str = ""
    digest: str = ""
    size: tuple[int, int] | None = None
    mode: str = ""


def inspect_image(path: str, load: Loader) -> ImageFacts:
    """Reads an image file, and decodes it with Pillow and with training's loader.

    OpenCV up to 4.11 fills what a truncated JPEG lacks with grey and says nothing to Python; Pillow
    refuses it.

    Args:
        path: The file. Folders, pipes and devices are not opened.
        load: The loader: MMCV's ``LoadImageFromFile``, or another transform that takes
            ``{"img_path": path}`` and returns ``img``.
    """
    if not os.path.isfile(path) and os.path.exists(path):
        return ImageFacts("unreadable-in-training", "it is a folder, pipe or device, and no file")
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        is_there = not isinstance(error, FileNotFoundError | NotADirectoryError)
        kind = "unreadable-in-training" if is_there else "missing-file"
        return ImageFacts(kind, error.strerror or str(error))
    if not content:
        return ImageFacts("empty-file", "0 bytes")
    digest = hashlib.sha256(content).hexdigest()
    fault, detail, size, mode = _decode(content)
    if not fault or fault == "not-an-image":
        reason = _load(path, load)
        if reason and not fault:
            fault, detail = "unreadable-in-training", reason
        elif not reason:
            fault = ""  # OpenCV knows a few formats that Pillow does not
    return ImageFacts(fault, detail if fault else "", digest, size, mode)


def _decode(content: bytes) -> tuple[str, str, tuple[int, int] | None, str]:
    """Decodes with Pillow; returns fault, detail, size and mode."""
    size, mode = None, ""
    try:
        with Image.open(io.BytesIO(content)) as image:
            size, mode = image.size, image.mode
            image.load()
    except UnidentifiedImageError:
        start = content[:16].decode("ascii", errors="replace")
        return "not-an-image", f"{len(content)} bytes that begin with {start!r}", None, ""
    except Image.DecompressionBombError:
        return "", "", size, mode  # too large for Pillow's taste; the loader decides
    except Exception as error:
        kind = "truncated-image" if "truncated" in str(error).lower() else "broken-image"
        return kind, f"{str(error).strip()}, of {len(content)} bytes", size, mode
    return "", "", size, mode


def _load(path: str, load: Loader) -> str:
    """Returns why the loader gives no image; empty where it does."""
    try:
        loaded = load({"img_path": path})
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip()}"
    if not isinstance(loaded, dict) or loaded.get("img") is None:
        return "the loader returns no image"
    return ""
