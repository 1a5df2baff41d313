"""A map laid over its image."""

import numpy as np
from matplotlib import colormaps
from PIL import Image
from torch import Tensor


def overlay_map(image: Image.Image, heat: Tensor, opacity: float = 0.5) -> Image.Image:
    """Enlarges a map to an image and lays it over it in colours.

    Args:
        image: RGB image.
        heat: Map of one class, [H, W]; it is stretched from its own minimum to its own maximum.
        opacity: Of the map, in [0, 1].

    Returns:
        RGB image of the same size.
    """
    values = heat.float().numpy()
    low, high = values.min(), values.max()
    values = (values - low) / (high - low) if high > low else np.zeros_like(values)
    enlarged = Image.fromarray(values.astype(np.float32)).resize(
        image.size, Image.Resampling.BICUBIC
    )
    colours = colormaps["jet"](np.asarray(enlarged).clip(0, 1))[..., :3]
    return Image.blend(image, Image.fromarray((colours * 255).astype(np.uint8)), opacity)
