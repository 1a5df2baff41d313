"""A map laid over its image."""

import numpy as np
from matplotlib import colormaps
from PIL import Image
from torch import Tensor

from mmsrdl.visualization.canvas import as_array

__all__ = ["COLOUR_MAP", "OPACITY", "enlarge_map", "overlay_map"]

COLOUR_MAP, OPACITY = "inferno", 0.6
"""From dark to light, so that colour-blind people and grey prints tell high from low."""


def enlarge_map(heat: np.ndarray, size: tuple[int, int], stretch: bool = True) -> np.ndarray:
    """Enlarges a map to an image.

    Args:
        heat: Map of one class, [h, w].
        size: Width and height of the image.
        stretch: Whether the map is stretched from its own minimum to its own maximum; a flat one
            becomes 0.

    Returns:
        float32 in [0, 1], [height, width].
    """
    heat = heat.astype(np.float32)
    if stretch:
        low, high = heat.min(), heat.max()
        heat = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
    enlarged = Image.fromarray(heat).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(enlarged).clip(0, 1)


def overlay_map(image: Image.Image, heat: Tensor, opacity: float = OPACITY) -> Image.Image:
    """Enlarges a map to an image and lays it over it in colours.

    Args:
        image: RGB image.
        heat: Map of one class, [H, W]; it is stretched from its own minimum to its own maximum.
        opacity: Of the map, in [0, 1].

    Returns:
        RGB image of the same size.
    """
    colours = colormaps[COLOUR_MAP](enlarge_map(as_array(heat), image.size))[..., :3]
    return Image.blend(image, Image.fromarray((colours * 255).astype(np.uint8)), opacity)
