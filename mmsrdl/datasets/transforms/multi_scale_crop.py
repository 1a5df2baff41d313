"""The paper's multi-scale training crop."""

from collections.abc import Sequence

import torch
from mmcv.transforms import BaseTransform

from mmsrdl.registry import TRANSFORMS

__all__ = ["MultiScaleCrop"]


@TRANSFORMS.register_module()
class MultiScaleCrop(BaseTransform):
    """Crop a patch whose side is drawn from a list, at a random position.

    SRDL, implementation details (Sec. 4.2): the image is resized to 512x512, "we randomly
    choose a number from {512, 448, 384, 320, 256} as the width and height to crop patch", and
    the patch is resized to 448x448. So one number is drawn for both sides. Both resizes are
    the config's (``Resize`` before and after); the crop takes the image as it is. All draws
    come from torch's generator and are uniform.

    **Required Keys:** ``img``, [H, W] or [H, W, channels]

    **Modified Keys:** ``img``, [h, w] or [h, w, channels]; ``img_shape``, (h, w)

    Args:
        sizes: Sides to choose from, in pixels.
        independent: Whether to draw width and height apart. The paper draws one number.

    Raises:
        ValueError: If ``sizes`` is empty or holds a side below 1, or, when applied, if the
            image is smaller than the largest of them.
    """

    def __init__(
        self, sizes: Sequence[int] = (512, 448, 384, 320, 256), independent: bool = False
    ) -> None:
        if not sizes or any(not isinstance(size, int) or size < 1 for size in sizes):
            raise ValueError(f"sizes must hold one or more integers of 1 or more, got {sizes}")
        self.sizes = tuple(sizes)
        self.independent = independent

    def transform(self, results: dict) -> dict:
        """Crop ``results['img']``."""
        img = results["img"]
        height, width = img.shape[:2]
        if max(self.sizes) > min(height, width):
            raise ValueError(
                f"sizes holds {max(self.sizes)}, which does not fit in an image of shape "
                f"{img.shape} (height, width first); resize before MultiScaleCrop, or give "
                "smaller sizes"
            )
        crop_width = self.sizes[_draw(len(self.sizes))]
        crop_height = self.sizes[_draw(len(self.sizes))] if self.independent else crop_width
        top = _draw(height - crop_height + 1)
        left = _draw(width - crop_width + 1)
        results["img"] = img[top : top + crop_height, left : left + crop_width]
        results["img_shape"] = (crop_height, crop_width)
        return results

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sizes={self.sizes}, independent={self.independent})"


def _draw(count: int) -> int:
    """Draw one of 0 .. count - 1."""
    return int(torch.randint(count, ()))
