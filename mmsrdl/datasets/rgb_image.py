"""Images of any form as RGB of 8 bits, by Pillow."""

import numpy as np
from PIL import Image, ImageOps

__all__ = ["to_rgb"]


def to_rgb(image: Image.Image) -> Image.Image:
    """Returns a PIL image in the mode RGB, turned as its EXIF entry says.

    Of 16 bits the upper 8 are taken, as OpenCV does; Pillow itself would make all above 255 white.

    Args:
        image: Of any mode but 32-bit numbers, whose white is not known.

    Raises:
        ValueError: If it has 32-bit numbers.
    """
    upright = ImageOps.exif_transpose(image)
    # Pillow before 11.3 opens PNGs of 16 bits as I.
    if upright.mode.startswith("I;16") or (upright.mode == "I" and image.format == "PNG"):
        upper = (np.asarray(upright).astype(np.int32) >> 8).astype(np.uint8)
        return Image.fromarray(upper).convert("RGB")
    if upright.mode in ("I", "F"):
        raise ValueError(
            f"the image has pixels of the mode {upright.mode!r}, 32-bit numbers whose white is not "
            "known: give one of 8 bits"
        )
    return upright.convert("RGB")
