"""One demo scene."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mmsrdl.datasets.demo_scenes.canvas import Canvas
from mmsrdl.datasets.demo_scenes.catalogue import (
    CLASSES,
    COLOURS,
    MAX_OBJECTS,
    OCCLUDER_RATE,
    PARTNERS,
    SMALL_SHARE,
)
from mmsrdl.datasets.demo_scenes.clutter import clutter
from mmsrdl.datasets.demo_scenes.objects import add_object
from mmsrdl.datasets.demo_scenes.occluders import occlude
from mmsrdl.datasets.demo_scenes.paint import background


@dataclass(frozen=True)
class SceneObject:
    """One drawn object: ``CLASSES`` index, box and area of what is visible, in pixels.

    ``colour`` is the name of its colour, where it has one.
    """

    label: int
    bbox: tuple[int, int, int, int]  # x, y, width, height
    area: int
    occlusion: float
    small: bool
    colour: str | None = None


@dataclass(frozen=True)
class Scene:
    """A scene: image uint8 (H, W, 3) in BGR, and the objects in it."""

    image: np.ndarray
    objects: tuple[SceneObject, ...]


def _draw_labels(rng: np.random.Generator) -> list[int]:
    """Classes of the objects of a scene: leading ones, and those that they bring along."""
    labels: list[int] = []
    for _ in range(rng.choice(3, p=[0.45, 0.35, 0.2]) + 1):
        name = CLASSES[rng.integers(len(CLASSES))]
        labels.append(CLASSES.index(name))
        partner, probability = PARTNERS.get(name, (name, 0.1))
        if rng.random() < probability:
            labels.append(CLASSES.index(partner))
    return labels[:MAX_OBJECTS]


def draw_scene(
    seed: int,
    split: str,
    index: int,
    size: int = 96,
    colours: Mapping[str, Sequence[str]] | None = None,
) -> Scene:
    """Draw one scene; the same arguments always give the same pixels.

    Args:
        seed: Seed of the whole set, not negative.
        split: Name of the split, such as ``"train"``; other names give other scenes.
        index: Number of the scene in its split, not negative.
        size: Side of the square image in pixels, at least 48.
        colours: For every class the names of the colours (``COLOURS``) that its objects may have,
            of which each object has one. None: objects have random colours without a name.

    Returns:
        Scene with image uint8 (size, size, 3) in BGR and one to five objects.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must not be negative, got seed={seed}, index={index}")
    if size < 48:
        raise ValueError(f"size must be at least 48 pixels, got {size}")
    if colours is not None:
        _check_colours(colours)
    rng = np.random.default_rng([seed, zlib.crc32(split.encode()), index])
    image = np.clip(background(rng, size), 0, 255).astype(np.uint8)
    canvas = Canvas(image, np.zeros((size, size), dtype=np.uint8), [], [])
    clutter(rng, canvas)
    for label in _draw_labels(rng):
        colour = None if colours is None else str(rng.choice(list(colours[CLASSES[label]])))
        add_object(rng, canvas, label, colour)
    for number in range(1, len(canvas.labels) + 1):
        if rng.random() < OCCLUDER_RATE:
            occlude(rng, canvas, number)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(0, 5)
    image = np.clip(canvas.image + noise, 0, 255).astype(np.uint8)
    return Scene(image, _describe(canvas))


def _check_colours(colours: Mapping[str, Sequence[str]]) -> None:
    for name in CLASSES:
        allowed = colours.get(name, ())
        if not allowed or not set(allowed) <= COLOURS.keys():
            raise ValueError(
                f"colours[{name!r}] must be some of {list(COLOURS)}, got {list(allowed)}; give "
                "every class at least one"
            )


def _describe(canvas: Canvas) -> tuple[SceneObject, ...]:
    objects = []
    drawn = zip(canvas.labels, canvas.areas, canvas.colours, strict=True)
    for number, (label, full, colour) in enumerate(drawn, start=1):
        visible = (canvas.owner == number).astype(np.uint8)
        area = int(visible.sum())
        x, y, width, height = cv2.boundingRect(visible)
        small = area < SMALL_SHARE * visible.size
        box = (x, y, width, height)
        objects.append(SceneObject(label, box, area, 1 - area / full, small, colour))
    return tuple(objects)
