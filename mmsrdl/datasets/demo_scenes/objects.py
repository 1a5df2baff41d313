"""Drawing the objects of a scene."""

import math

import numpy as np

from mmsrdl.datasets.demo_scenes.canvas import Canvas
from mmsrdl.datasets.demo_scenes.catalogue import CLASSES, COLOURS, MAX_OCCLUSION, SMALL_RATE
from mmsrdl.datasets.demo_scenes.forms import Part, unit_form
from mmsrdl.datasets.demo_scenes.paint import (
    Colour,
    fill,
    outline_colour,
    random_colour,
    random_tone,
    stroke,
)


def add_object(
    rng: np.random.Generator, canvas: Canvas, label: int, colour: str | None = None
) -> None:
    """Draw an object of a class where there is room; leave it out where there is none.

    It has tones of one of ``COLOURS``, or random colours.
    """
    parts, mask = _posed_form(rng, label, canvas.size)
    corner = _place(rng, canvas, mask)
    if corner is None:
        return
    x, y = corner
    window = (slice(y, y + mask.shape[0]), slice(x, x + mask.shape[1]))
    b, g, r = canvas.image[window].reshape(-1, 3).mean(axis=0)
    palette = _random_palette(rng, (b, g, r)) if colour is None else _tones(rng, COLOURS[colour])
    _paint(rng, canvas, [(role, points + corner) for role, points in parts], palette)
    canvas.labels.append(label)
    canvas.areas.append(int(mask.sum()))
    canvas.colours.append(colour)
    canvas.owner[window][mask] = len(canvas.labels)


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


def _random_palette(rng: np.random.Generator, ground: Colour) -> list[Colour]:
    """A strong, a light and a dark random colour."""
    return [
        random_colour(rng, ground, (0.5, 1.0), (0.45, 1.0)),
        random_colour(rng, None, (0.0, 0.45), (0.8, 1.0)),
        random_colour(rng, None, (0.3, 1.0), (0.2, 0.5)),
    ]


def _tones(rng: np.random.Generator, hue: float) -> list[Colour]:
    """A strong, a light and a dark tone of a hue."""
    return [
        random_tone(rng, hue, (0.8, 1.0), (0.75, 1.0)),
        random_tone(rng, hue, (0.2, 0.45), (0.85, 1.0)),
        random_tone(rng, hue, (0.6, 1.0), (0.3, 0.5)),
    ]


def _paint(
    rng: np.random.Generator, canvas: Canvas, parts: list[Part], palette: list[Colour]
) -> None:
    """Draw a form in three colours, with a dark outline."""
    outline = outline_colour(rng)
    for role, points in parts:
        fill(canvas.image, points, palette[role], smooth=True)
        stroke(canvas.image, points, outline, canvas.line_width)
