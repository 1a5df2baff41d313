"""A scene in the making: clutter, objects and what covers them."""

import math
from dataclasses import dataclass

import numpy as np

from mmsrdl.datasets.demo_scenes.catalogue import CLASSES, MAX_OCCLUSION, OCCLUDED_FROM, SMALL_RATE
from mmsrdl.datasets.demo_scenes.forms import Part, arc, poly, unit_form
from mmsrdl.datasets.demo_scenes.paint import (
    Colour,
    Points,
    fill,
    outline_colour,
    random_colour,
    stroke,
)


def _blob(rng: np.random.Generator, size: int) -> Points:
    """Rounded, irregular closed curve."""
    angle = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    radius = np.ones_like(angle)
    for k in (1, 2, 3):
        radius += rng.uniform(-0.3, 0.3) * np.cos(k * angle + rng.uniform(0, 6))
    radius *= rng.uniform(0.02, 0.09)
    centre = rng.uniform(0, 1, 2)
    return size * (centre + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))


@dataclass
class Canvas:
    """Scene in the making.

    ``owner`` (H, W) holds the number of the object seen at each pixel, counted from 1, and 0
    for none; ``labels`` and ``areas`` hold class and full area of the objects so far.
    """

    image: np.ndarray
    owner: np.ndarray
    labels: list[int]
    areas: list[int]

    @property
    def size(self) -> int:
        """Side in pixels."""
        return self.owner.shape[0]

    @property
    def line_width(self) -> int:
        """Width of outlines in pixels."""
        return max(1, round(self.size / 96))

    def occlusion(self, owner: np.ndarray) -> np.ndarray:
        """Hidden share of each object if ``owner`` were seen."""
        visible = np.bincount(owner.ravel(), minlength=len(self.areas) + 1)[1:]
        return 1 - visible / np.array(self.areas, dtype=np.float64)


def clutter(rng: np.random.Generator, canvas: Canvas) -> None:
    """Draw lines, dots, blobs, slivers and open polygons that belong to no class."""
    image, size = canvas.image, canvas.size
    for kind in rng.integers(0, 5, rng.integers(3, 8)):
        colour, centre = random_colour(rng), rng.uniform(0, size, 2)
        width = canvas.line_width * int(rng.integers(1, 3))
        if kind == 0:
            stroke(image, rng.uniform(0, size, (2, 2)), colour, width, False, True)
        elif kind == 1:
            for x, y in rng.normal(centre, size * 0.08, (rng.integers(3, 9), 2)):
                fill(image, arc(x, y, size * 0.014, size * 0.014), colour, True)
        elif kind < 4:
            sliver = centre + rng.normal(0, size * 0.07, (3, 2))
            shape = _blob(rng, size) if kind == 2 else sliver
            fill(image, shape, colour, True)
            if rng.random() < 0.3:
                stroke(image, shape, outline_colour(rng), canvas.line_width, True, True)
        else:
            corners = centre + rng.normal(0, size * 0.1, (rng.integers(3, 6), 2))
            stroke(image, corners, colour, width, False, True)


def _posed_form(rng: np.random.Generator, label: int, size: int) -> tuple[list[Part], np.ndarray]:
    """Scaled, turned and mirrored form with its top left at 0, and its mask (h, w)."""
    small = rng.random() < SMALL_RATE
    side = size * (rng.uniform(0.11, 0.145) if small else rng.uniform(0.19, 0.30))
    angle = rng.uniform(-0.25, 0.25)
    stretch = math.sqrt(rng.uniform(0.85, 1.18))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    pose = side * np.diag([stretch * rng.choice([-1, 1]), 1 / stretch]) @ turn
    parts = [(role, points @ pose) for role, points in unit_form(CLASSES[label])]
    corners = np.concatenate([points for _, points in parts])
    low = corners.min(axis=0) - 1
    width, height = np.ceil(corners.max(axis=0) - low + 2).astype(int)
    mask = np.zeros((height, width), dtype=np.uint8)
    parts = [(role, points - low) for role, points in parts]
    for _, points in parts:
        fill(mask, points, 1)
    return parts, mask.astype(bool)


def _place(rng: np.random.Generator, canvas: Canvas, mask: np.ndarray) -> tuple[int, int] | None:
    """Top left corner where the mask covers the earlier objects little enough, or None."""
    height, width = mask.shape
    limit = MAX_OCCLUSION if rng.random() < 0.2 else 0.03
    for _ in range(25):
        x = int(rng.integers(canvas.size - width + 1))
        y = int(rng.integers(canvas.size - height + 1))
        owner = canvas.owner.copy()
        owner[y : y + height, x : x + width][mask] = 0
        if (canvas.occlusion(owner) <= limit).all():
            return x, y
    return None


def add_object(rng: np.random.Generator, canvas: Canvas, label: int) -> None:
    """Draw an object of a class where there is room; leave it out where there is none."""
    parts, mask = _posed_form(rng, label, canvas.size)
    corner = _place(rng, canvas, mask)
    if corner is None:
        return
    x, y = corner
    window = (slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1]))
    b, g, r = canvas.image[window].reshape(-1, 3).mean(axis=0)
    _paint(rng, canvas, [(role, points + corner) for role, points in parts], (b, g, r))
    canvas.labels.append(label)
    canvas.areas.append(int(mask.sum()))
    canvas.owner[window][mask] = len(canvas.labels)


def _paint(rng: np.random.Generator, canvas: Canvas, parts: list[Part], ground: Colour) -> None:
    """Draw a form in a strong, a light and a dark random colour, with a dark outline."""
    palette = [
        random_colour(rng, ground, (0.5, 1.0), (0.45, 1.0)),
        random_colour(rng, None, (0.0, 0.45), (0.8, 1.0)),
        random_colour(rng, None, (0.3, 1.0), (0.2, 0.5)),
    ]
    outline = outline_colour(rng)
    for role, points in parts:
        fill(canvas.image, points, palette[role], True)
        stroke(canvas.image, points, outline, canvas.line_width, True, True)


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
    fill(canvas.image, polygon, random_colour(rng), True)
    if rng.random() < 0.5:
        stroke(canvas.image, polygon, random_colour(rng), canvas.line_width, True, True)
