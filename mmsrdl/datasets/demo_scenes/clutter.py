"""What lies about in a scene and belongs to no class."""

import math

import numpy as np

from mmsrdl.datasets.demo_scenes.canvas import Canvas
from mmsrdl.datasets.demo_scenes.paint import Points, fill, outline_colour, random_colour, stroke
from mmsrdl.datasets.demo_scenes.shapes import arc


def clutter(rng: np.random.Generator, canvas: Canvas) -> None:
    """Draw lines, dots, blobs, slivers and open polygons that belong to no class."""
    image, size = canvas.image, canvas.size
    for kind in rng.integers(0, 5, rng.integers(3, 8)):
        colour, centre = random_colour(rng), rng.uniform(0, size, 2)
        width = canvas.line_width * int(rng.integers(1, 3))
        if kind == 0:
            stroke(image, rng.uniform(0, size, (2, 2)), colour, width, closed=False)
        elif kind == 1:
            for x, y in rng.normal(centre, size * 0.08, (rng.integers(3, 9), 2)):
                fill(image, arc(x, y, size * 0.014, size * 0.014), colour, smooth=True)
        elif kind < 4:
            sliver = centre + rng.normal(0, size * 0.07, (3, 2))
            shape = _blob(rng, size) if kind == 2 else sliver
            fill(image, shape, colour, smooth=True)
            if rng.random() < 0.3:
                stroke(image, shape, outline_colour(rng), canvas.line_width)
        else:
            corners = centre + rng.normal(0, size * 0.1, (rng.integers(3, 6), 2))
            stroke(image, corners, colour, width, closed=False)


def _blob(rng: np.random.Generator, size: int) -> Points:
    """Rounded, irregular closed curve."""
    angle = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    radius = np.ones_like(angle)
    for k in (1, 2, 3):
        radius += rng.uniform(-0.3, 0.3) * np.cos(k * angle + rng.uniform(0, 6))
    radius *= rng.uniform(0.02, 0.09)
    centre = rng.uniform(0, 1, 2)
    return size * (centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))
