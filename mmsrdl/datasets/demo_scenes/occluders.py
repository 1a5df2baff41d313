"""Covering a part of an object."""

import math

import numpy as np

from mmsrdl.datasets.demo_scenes.canvas import Canvas
from mmsrdl.datasets.demo_scenes.catalogue import MAX_OCCLUSION, OCCLUDED_FROM
from mmsrdl.datasets.demo_scenes.paint import Points, fill, random_colour, stroke
from mmsrdl.datasets.demo_scenes.shapes import poly


def occlude(rng: np.random.Generator, canvas: Canvas, number: int) -> None:
    """Cover a part of one object, unless that touches another or covers too much or little."""
    polygon = _occluder(rng, canvas, number)
    if polygon is None:
        return
    owner = canvas.owner.copy()
    fill(owner, polygon, 0)
    before, after = canvas.occlusion(canvas.owner), canvas.occlusion(owner)
    fits = OCCLUDED_FROM <= after[number - 1] <= MAX_OCCLUSION
    if not fits or np.count_nonzero(after > before) > 1:
        return
    canvas.owner = owner
    fill(canvas.image, polygon, random_colour(rng), smooth=True)
    if rng.random() < 0.5:
        stroke(canvas.image, polygon, random_colour(rng), canvas.line_width)


def _occluder(rng: np.random.Generator, canvas: Canvas, number: int) -> Points | None:
    """Quadrilateral that hides some more of an object, up to a random share; None if too little.

    Its inner edge lies where just the wanted number of the object's pixels is beyond it.
    """
    pixels = np.argwhere(canvas.owner == number)[:, ::-1]
    area = canvas.areas[number - 1]
    share = rng.uniform(OCCLUDED_FROM, MAX_OCCLUSION)
    more = (share * area - (area - len(pixels))) / len(pixels)
    if more < 0.1:
        return None
    angle = rng.uniform(0, 2 * math.pi)
    axes = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    depth, breadth = axes @ pixels.T
    near, far = np.quantile(depth, 1 - more), depth.max() + 3
    left, right = breadth.min() - 2, breadth.max() + 2
    slack = rng.uniform(0, 0.04 * canvas.size, 4)
    corners = poly(
        *[(near, left), (near, right)],
        *[(far + slack[0], right + slack[1]), (far + slack[2], left - slack[3])],
    )
    return corners @ axes
