"""Demo scenes: small drawn pictures with several labels each, made without any download.

Every scene holds one to five drawn things on a cluttered background. Only their form
tells them apart: all colours, backgrounds and clutter are drawn independently of the
class, and all classes share one distribution of object areas. Some classes pull others
in (``PARTNERS``), some objects are small, some are partly covered.

The set is written as JPEG files and COCO instances json, so that whatever reads COCO
reads the demo too.
"""

import json
import math
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

__all__ = [
    "CLASSES",
    "OCCLUDED_FROM",
    "PARTNERS",
    "SMALL_SHARE",
    "Scene",
    "SceneObject",
    "draw_scene",
    "subset_targets",
    "write_demo_scenes",
]

CLASSES: tuple[str, ...] = (
    "boat",
    "car",
    "fish",
    "flower",
    "heart",
    "house",
    "key",
    "kite",
    "mug",
    "mushroom",
    "star",
    "sun",
    "tree",
    "umbrella",
)

# Class -> (class it brings along when it leads a scene, probability). Measured over 4,000 scenes:
#   P(fish | boat) .70   P(boat | fish) .80      P(tree | house) .66        P(car | key) .72
#   P(sun | kite) .67    P(flower | mushroom) .71
# and .04 to .13 for the second without the first. Every class also leads scenes of its own, so
# each occurs without its partner too.
PARTNERS: dict[str, tuple[str, float]] = {
    "boat": ("fish", 0.5),
    "fish": ("boat", 0.7),
    "house": ("tree", 0.7),
    "key": ("car", 0.7),
    "kite": ("sun", 0.7),
    "mushroom": ("flower", 0.7),
}

SMALL_SHARE = 0.024  # an object under this share of the image's area is small (15 px of 96)
OCCLUDED_FROM = 0.25  # from this covered share on, an object is occluded
MAX_OCCLUSION = 0.6
MAX_OBJECTS = 5
SMALL_RATE = 0.25  # of the objects are drawn small
OCCLUDER_RATE = 0.2  # of the objects get a polygon laid over them

VERSION = 1
MANIFEST = "demo_scenes.json"
JPEG_QUALITY = 95

Points = np.ndarray  # (N, 2) corners of a polygon
Part = tuple[int, Points]  # which of the object's three colours, polygon
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class SceneObject:
    """One drawn object: ``CLASSES`` index, box and area of what is visible, in pixels."""

    label: int
    bbox: tuple[int, int, int, int]  # x, y, width, height
    area: int
    occlusion: float
    small: bool


@dataclass(frozen=True)
class Scene:
    """A scene: image uint8 (H, W, 3) in BGR, and the objects in it."""

    image: np.ndarray
    objects: tuple[SceneObject, ...]


# --- forms: polygons in a square of about [-1, 1], y pointing down -------------------------


def _poly(*corners: tuple[float, float]) -> Points:
    return np.array(corners, dtype=np.float64)


def _rect(x0: float, y0: float, x1: float, y1: float) -> Points:
    return _poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def _arc(cx: float, cy: float, rx: float, ry: float, start: float = 0, end: float = 360) -> Points:
    angle = np.radians(np.linspace(start, end, max(8, int(abs(end - start) / 12))))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def _band(cx: float, cy: float, outer: float, inner: float, start: float, end: float) -> Points:
    """Ring sector between two radii as one polygon."""
    return np.concatenate(
        [_arc(cx, cy, outer, outer, start, end), _arc(cx, cy, inner, inner, end, start)]
    )


def _star(cx: float, cy: float, outer: float, inner: float, tips: int) -> Points:
    angle = np.arange(2 * tips) * math.pi / tips - math.pi / 2
    radius = np.where(np.arange(2 * tips) % 2 == 0, outer, inner)
    return np.stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)], axis=1)


def _boat() -> list[Part]:
    return [
        (2, _rect(-0.07, -1.0, 0.07, 0.45)),
        (1, _poly((-0.12, -0.85), (-0.12, 0.28), (-0.85, 0.28))),
        (1, _poly((0.12, -0.95), (0.12, 0.28), (0.75, 0.28))),
        (0, _poly((-1.0, 0.42), (1.0, 0.42), (0.62, 0.95), (-0.62, 0.95))),
    ]


def _car() -> list[Part]:
    roof = _poly((-0.6, 0.0), (-0.38, -0.52), (0.3, -0.52), (0.62, 0.0))
    window = _poly((-0.4, -0.05), (-0.27, -0.38), (0.2, -0.38), (0.4, -0.05))
    body = _poly((-1, 0.02), (-0.9, -0.1), (0.75, -0.1), (1, 0.1), (1, 0.42), (-1, 0.42))
    wheels = [_arc(x, 0.42, 0.24, 0.24) for x in (-0.52, 0.52)]
    return [(0, roof), (1, window), (0, body), *((2, wheel) for wheel in wheels)]


def _fish() -> list[Part]:
    return [
        (1, _poly((0.4, 0.0), (1.0, -0.5), (0.85, 0.0), (1.0, 0.5))),
        (1, _poly((-0.3, -0.35), (0.15, -0.75), (0.25, -0.3))),
        (0, _arc(-0.2, 0.0, 0.78, 0.48)),
        (2, _arc(-0.62, -0.1, 0.1, 0.1)),
    ]


def _flower() -> list[Part]:
    petals = [
        _arc(0.42 * math.cos(a), -0.35 + 0.42 * math.sin(a), 0.27, 0.27)
        for a in np.arange(5) * 2 * math.pi / 5 - math.pi / 2
    ]
    leaf = _poly((0.0, 0.75), (0.2, 0.4), (0.6, 0.35), (0.4, 0.7))
    return [
        (2, _rect(-0.08, 0.0, 0.08, 1.0)),
        (2, leaf),
        *((0, petal) for petal in petals),
        (1, _arc(0.0, -0.35, 0.24, 0.24)),
    ]


def _heart() -> list[Part]:
    t = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    outline = np.stack([x, y], axis=1)
    return [(0, outline), (1, outline * 0.5 + _poly((0.0, -0.05)))]


def _house() -> list[Part]:
    return [
        (2, _rect(0.4, -0.85, 0.65, -0.2)),
        (0, _rect(-0.75, -0.1, 0.75, 0.9)),
        (1, _poly((-1.0, -0.1), (0.0, -0.95), (1.0, -0.1))),
        (2, _rect(-0.5, 0.25, -0.05, 0.9)),
        (2, _rect(0.2, 0.2, 0.55, 0.5)),
    ]


def _key() -> list[Part]:
    shaft = _poly(
        *[(-0.15, -0.13), (1.0, -0.13), (1.0, 0.42), (0.76, 0.42), (0.76, 0.13)],
        *[(0.58, 0.13), (0.58, 0.35), (0.36, 0.35), (0.36, 0.13), (-0.15, 0.13)],
    )
    return [(0, shaft), (0, _band(-0.55, 0.0, 0.5, 0.2, 0, 360))]


def _kite() -> list[Part]:
    top, left, right, bottom = (0.0, -1.0), (-0.6, -0.35), (0.6, -0.35), (0.0, 0.45)
    centre = (0.0, -0.35)
    tail = _poly((-0.05, 0.4), (0.05, 0.4), (0.2, 0.75), (0.0, 1.05), (-0.1, 1.0), (0.06, 0.74))
    bow = _poly((-0.1, 0.62), (-0.1, 0.86), (0.36, 0.62), (0.36, 0.86))
    return [
        (2, tail),
        (2, bow),
        (0, _poly(top, right, bottom, left)),
        (1, _poly(top, right, centre)),
        (1, _poly(bottom, left, centre)),
    ]


def _mug() -> list[Part]:
    return [
        (0, _band(0.4, 0.05, 0.52, 0.28, -90, 90)),
        (0, _poly((-0.75, -0.65), (0.45, -0.65), (0.4, 0.8), (-0.7, 0.8))),
        (1, _arc(-0.15, -0.65, 0.6, 0.16)),
        (2, _rect(-0.72, 0.1, 0.42, 0.35)),
    ]


def _mushroom() -> list[Part]:
    stem = _poly((-0.24, 0.0), (0.24, 0.0), (0.34, 0.85), (-0.34, 0.85))
    dots = [
        _arc(-0.45, -0.25, 0.15, 0.15),
        _arc(0.05, -0.5, 0.17, 0.17),
        _arc(0.5, -0.2, 0.13, 0.13),
    ]
    return [(1, stem), (0, _arc(0.0, 0.05, 0.95, 0.95, 180, 360)), *((2, dot) for dot in dots)]


def _sun() -> list[Part]:
    rays = [
        _poly(
            (1.05 * math.cos(a), 1.05 * math.sin(a)),
            (0.62 * math.cos(a + 0.26), 0.62 * math.sin(a + 0.26)),
            (0.62 * math.cos(a - 0.26), 0.62 * math.sin(a - 0.26)),
        )
        for a in np.arange(9) * 2 * math.pi / 9
    ]
    return [*((1, ray) for ray in rays), (0, _arc(0.0, 0.0, 0.52, 0.52))]


def _tree() -> list[Part]:
    return [
        (1, _rect(-0.17, 0.5, 0.17, 1.0)),
        (0, _poly((0.0, -0.2), (0.8, 0.6), (-0.8, 0.6))),
        (0, _poly((0.0, -0.65), (0.64, 0.12), (-0.64, 0.12))),
        (0, _poly((0.0, -1.05), (0.48, -0.35), (-0.48, -0.35))),
    ]


def _umbrella() -> list[Part]:
    scallops = [_arc(x, 0.0, 0.317, 0.2, 0, -180) for x in (0.633, 0.0, -0.633)]
    canopy = np.concatenate([_arc(0.0, 0.0, 0.95, 0.85, 180, 360), *scallops])
    panel = np.concatenate([_poly((0.0, -0.85)), _arc(0.0, 0.0, 0.317, 0.2, 0, -180)])
    return [
        (2, _rect(-0.08, -0.2, 0.08, 0.75)),
        (2, _band(0.2, 0.72, 0.28, 0.12, 0, 180)),
        (0, canopy),
        (1, panel),
    ]


FORMS: dict[str, Callable[[], list[Part]]] = {
    "boat": _boat,
    "car": _car,
    "fish": _fish,
    "flower": _flower,
    "heart": _heart,
    "house": _house,
    "key": _key,
    "kite": _kite,
    "mug": _mug,
    "mushroom": _mushroom,
    "star": lambda: [(0, _star(0, 0, 1.0, 0.42, 5)), (1, _star(0, 0, 0.5, 0.21, 5))],
    "sun": _sun,
    "tree": _tree,
    "umbrella": _umbrella,
}


@cache
def _unit_form(name: str) -> tuple[Part, ...]:
    """Form of a class, centred and scaled to a silhouette of area 1."""
    parts = FORMS[name]()
    corners = np.concatenate([points for _, points in parts])
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    canvas = np.zeros((512, 512), dtype=np.uint8)
    for _, points in parts:
        _fill(canvas, (points - centre) * 200 + 256, 1)
    scale = 200 / math.sqrt(int(canvas.sum()))
    return tuple((role, (points - centre) * scale) for role, points in parts)


# --- drawing -------------------------------------------------------------------------------


def _fixed(points: Points) -> np.ndarray:
    """Corners in OpenCV's fixed point format with four fractional bits."""
    return np.round(points * 16).astype(np.int32)


def _fill(canvas: np.ndarray, points: Points, value: float | Colour, smooth: bool = False) -> None:
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    cv2.fillPoly(canvas, [_fixed(points)], value, line, 4)


def _stroke(
    canvas: np.ndarray,
    points: Points,
    value: float | Colour,
    width: int,
    closed: bool = True,
    smooth: bool = False,
) -> None:
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    cv2.polylines(canvas, [_fixed(points)], closed, value, width, line, 4)


def _colour(
    rng: np.random.Generator,
    away_from: Colour | None = None,
    saturation: tuple[float, float] = (0.0, 1.0),
    value: tuple[float, float] = (0.3, 1.0),
) -> Colour:
    """Random BGR colour within HSV ranges, by preference well apart from a given one."""
    best, best_distance = (0.0, 0.0, 0.0), -1.0
    for hue in rng.uniform(0, 6, 1 if away_from is None else 4):
        s, v = rng.uniform(*saturation), 255 * rng.uniform(*value)
        channels = [min(max(abs((hue + turn) % 6 - 3) - 1, 0), 1) for turn in (2, 4, 0)]
        b, g, r = (v * (1 - s * (1 - channel)) for channel in channels)
        x, y, z = away_from or (0.0, 0.0, 0.0)
        distance = abs(b - x) + abs(g - y) + abs(r - z)
        if distance > best_distance:
            best, best_distance = (b, g, r), distance
    return best


def _outline(rng: np.random.Generator) -> Colour:
    return _colour(rng, value=(0.0, 0.2))


def _background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gradient, soft stains, and sometimes stripes or checks; float32 (H, W, 3)."""
    first, second = (
        np.array(_colour(rng, None, (0.0, 0.5), (0.55, 1.0)), dtype=np.float32) for _ in range(2)
    )
    x = np.arange(size, dtype=np.float32)[None] / size
    y = x.T
    angle = rng.uniform(0, 2 * math.pi)
    ramp = (x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle) + 0.5
    pattern, contrast = rng.integers(4), rng.uniform(0.05, 0.2)
    if pattern == 1:
        ramp = 0.5 + contrast * np.sign(np.sin(ramp * rng.uniform(15, 60)))
    elif pattern == 2:
        waves = np.sin(x * rng.uniform(15, 45)) * np.sin(y * rng.uniform(15, 45))
        ramp = 0.5 + contrast * np.sign(waves)
    stains = rng.normal(0, rng.uniform(2, 12), (6, 6, 3)).astype(np.float32)
    image = first + (second - first) * np.clip(ramp, 0, 1)[..., None]
    return image + cv2.resize(stains, (size, size), interpolation=cv2.INTER_CUBIC)


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
class _Canvas:
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
        return self.owner.shape[0]

    @property
    def line_width(self) -> int:
        return max(1, round(self.size / 96))

    def occlusion(self, owner: np.ndarray) -> np.ndarray:
        """Hidden share of each object if ``owner`` were seen."""
        visible = np.bincount(owner.ravel(), minlength=len(self.areas) + 1)[1:]
        return 1 - visible / np.array(self.areas, dtype=np.float64)


def _clutter(rng: np.random.Generator, canvas: _Canvas) -> None:
    """Draw lines, dots, blobs, slivers and open polygons that belong to no class."""
    image, size = canvas.image, canvas.size
    for kind in rng.integers(0, 5, rng.integers(3, 8)):
        colour, centre = _colour(rng), rng.uniform(0, size, 2)
        width = canvas.line_width * int(rng.integers(1, 3))
        if kind == 0:
            _stroke(image, rng.uniform(0, size, (2, 2)), colour, width, False, True)
        elif kind == 1:
            for x, y in rng.normal(centre, size * 0.08, (rng.integers(3, 9), 2)):
                _fill(image, _arc(x, y, size * 0.014, size * 0.014), colour, True)
        elif kind < 4:
            sliver = centre + rng.normal(0, size * 0.07, (3, 2))
            shape = _blob(rng, size) if kind == 2 else sliver
            _fill(image, shape, colour, True)
            if rng.random() < 0.3:
                _stroke(image, shape, _outline(rng), canvas.line_width, True, True)
        else:
            corners = centre + rng.normal(0, size * 0.1, (rng.integers(3, 6), 2))
            _stroke(image, corners, colour, width, False, True)


def _posed_form(rng: np.random.Generator, label: int, size: int) -> tuple[list[Part], np.ndarray]:
    """Scaled, turned and mirrored form with its top left at 0, and its mask (h, w)."""
    small = rng.random() < SMALL_RATE
    side = size * (rng.uniform(0.11, 0.145) if small else rng.uniform(0.19, 0.30))
    angle = rng.uniform(-0.25, 0.25)
    stretch = math.sqrt(rng.uniform(0.85, 1.18))
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    pose = side * np.diag([stretch * rng.choice([-1, 1]), 1 / stretch]) @ turn
    parts = [(role, points @ pose) for role, points in _unit_form(CLASSES[label])]
    corners = np.concatenate([points for _, points in parts])
    low = corners.min(axis=0) - 1
    width, height = np.ceil(corners.max(axis=0) - low + 2).astype(int)
    mask = np.zeros((height, width), dtype=np.uint8)
    parts = [(role, points - low) for role, points in parts]
    for _, points in parts:
        _fill(mask, points, 1)
    return parts, mask.astype(bool)


def _place(rng: np.random.Generator, canvas: _Canvas, mask: np.ndarray) -> tuple[int, int] | None:
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


def _add_object(rng: np.random.Generator, canvas: _Canvas, label: int) -> None:
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


def _paint(rng: np.random.Generator, canvas: _Canvas, parts: list[Part], ground: Colour) -> None:
    """Draw a form in a strong, a light and a dark random colour, with a dark outline."""
    palette = [
        _colour(rng, ground, (0.5, 1.0), (0.45, 1.0)),
        _colour(rng, None, (0.0, 0.45), (0.8, 1.0)),
        _colour(rng, None, (0.3, 1.0), (0.2, 0.5)),
    ]
    outline = _outline(rng)
    for role, points in parts:
        _fill(canvas.image, points, palette[role], True)
        _stroke(canvas.image, points, outline, canvas.line_width, True, True)


def _occluder(rng: np.random.Generator, canvas: _Canvas, number: int) -> Points | None:
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
    corners = _poly(
        *[(near, left), (near, right)],
        *[(far + slack[0], right + slack[1]), (far + slack[2], left - slack[3])],
    )
    return corners @ axes


def _occlude(rng: np.random.Generator, canvas: _Canvas, number: int) -> None:
    """Cover a part of one object, unless that touches another or covers too much or little."""
    polygon = _occluder(rng, canvas, number)
    if polygon is None:
        return
    owner = canvas.owner.copy()
    _fill(owner, polygon, 0)
    before, after = canvas.occlusion(canvas.owner), canvas.occlusion(owner)
    fits = OCCLUDED_FROM <= after[number - 1] <= MAX_OCCLUSION
    if not fits or np.count_nonzero(after > before) > 1:
        return
    canvas.owner = owner
    _fill(canvas.image, polygon, _colour(rng), True)
    if rng.random() < 0.5:
        _stroke(canvas.image, polygon, _colour(rng), canvas.line_width, True, True)


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


def draw_scene(seed: int, split: str, index: int, size: int = 96) -> Scene:
    """Draw one scene; the same arguments always give the same pixels.

    Args:
        seed: Seed of the whole set, not negative.
        split: Name of the split, such as ``"train"``; other names give other scenes.
        index: Number of the scene in its split, not negative.
        size: Side of the square image in pixels, at least 48.

    Returns:
        Scene with image uint8 (size, size, 3) in BGR and one to five objects.

    Raises:
        ValueError: If an argument is out of its range.
    """
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index must not be negative, got seed={seed}, index={index}")
    if size < 48:
        raise ValueError(f"size must be at least 48 pixels, got {size}")
    rng = np.random.default_rng([seed, zlib.crc32(split.encode()), index])
    image = np.clip(_background(rng, size), 0, 255).astype(np.uint8)
    canvas = _Canvas(image, np.zeros((size, size), dtype=np.uint8), [], [])
    _clutter(rng, canvas)
    for label in _draw_labels(rng):
        _add_object(rng, canvas, label)
    for number in range(1, len(canvas.labels) + 1):
        if rng.random() < OCCLUDER_RATE:
            _occlude(rng, canvas, number)
    noise = rng.standard_normal(image.shape, dtype=np.float32) * rng.uniform(0, 5)
    image = np.clip(canvas.image + noise, 0, 255).astype(np.uint8)
    return Scene(image, _describe(canvas))


def _describe(canvas: _Canvas) -> tuple[SceneObject, ...]:
    objects = []
    for number, (label, full) in enumerate(zip(canvas.labels, canvas.areas, strict=True), start=1):
        visible = (canvas.owner == number).astype(np.uint8)
        area = int(visible.sum())
        x, y, width, height = cv2.boundingRect(visible)
        small = area < SMALL_SHARE * visible.size
        objects.append(SceneObject(label, (x, y, width, height), area, 1 - area / full, small))
    return tuple(objects)


# --- files ---------------------------------------------------------------------------------


def write_demo_scenes(
    root: str | os.PathLike[str], train: int = 3000, val: int = 1000, seed: int = 0, size: int = 96
) -> dict[str, Path]:
    """Write ``train/``, ``val/`` and ``annotations/`` of the demo set in COCO's format.

    A complete set of the same parameters is kept. The manifest, written last, is what makes
    a set complete; without it everything is written again.

    Args:
        root: Folder of the set; a new one, an empty one, or one that this function wrote.
        train: Number of training scenes.
        val: Number of held-out scenes.
        seed: Seed of the set.
        size: Side of the square images in pixels.

    Returns:
        Paths under the keys ``root``, ``train``, ``val``, ``train_ann``, ``val_ann`` and
        ``manifest``.

    Raises:
        ValueError: If a number of scenes is not positive, or seed or size is out of range.
        FileExistsError: If ``root`` holds files that are not a demo set.
    """
    if train < 1 or val < 1:
        raise ValueError(f"train and val must be positive, got train={train}, val={val}")
    paths = _paths(Path(root))
    state = dict(version=VERSION, train=train, val=val, seed=seed, size=size)
    if _is_complete(paths, state):
        return paths
    _refuse_foreign(paths)
    paths["root"].mkdir(parents=True, exist_ok=True)
    _write_json(paths["manifest"], dict(state, complete=False))
    _clear(paths)
    for split, number in (("train", train), ("val", val)):
        _write_split(paths, split, number, seed, size)
    _write_json(paths["manifest"], dict(state, complete=True))
    return paths


def _paths(root: Path) -> dict[str, Path]:
    annotations = root / "annotations"
    return dict(
        root=root,
        train=root / "train",
        val=root / "val",
        train_ann=annotations / "instances_train.json",
        val_ann=annotations / "instances_val.json",
        manifest=root / MANIFEST,
    )


def _is_complete(paths: Mapping[str, Path], state: Mapping[str, int]) -> bool:
    try:
        manifest = json.loads(paths["manifest"].read_text())
    except (FileNotFoundError, ValueError):
        return False
    return manifest == dict(state, complete=True) and all(
        paths[f"{split}_ann"].is_file()
        and {p.name for p in paths[split].glob("*.jpg")}
        == set(map(_file_name, range(state[split])))
        for split in ("train", "val")
    )


def _refuse_foreign(paths: Mapping[str, Path]) -> None:
    root = paths["root"]
    if not paths["manifest"].exists() and root.exists() and any(root.iterdir()):
        raise FileExistsError(
            f"root={str(root)!r} holds files but no {MANIFEST}: it is not a demo set. "
            "Give a new or an empty folder."
        )


def _clear(paths: Mapping[str, Path]) -> None:
    """Remove the files of an earlier demo set, and make the folders."""
    for split in ("train", "val"):
        for image in paths[split].glob("[0-9]" * 6 + ".jpg"):
            image.unlink()
        paths[split].mkdir(exist_ok=True)
        paths[f"{split}_ann"].unlink(missing_ok=True)
        paths[f"{split}_ann"].parent.mkdir(exist_ok=True)


def _file_name(index: int) -> str:
    return f"{index:06d}.jpg"


def _write_split(paths: Mapping[str, Path], split: str, number: int, seed: int, size: int) -> None:
    images: list[dict] = []
    annotations: list[dict] = []
    for index in range(number):
        scene = draw_scene(seed, split, index, size)
        target = paths[split] / _file_name(index)
        if not cv2.imwrite(str(target), scene.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
            raise OSError(f"could not write {target}")
        images.append(dict(id=index + 1, file_name=target.name, width=size, height=size))
        for item in scene.objects:
            annotations.append(_annotation(item, len(annotations) + 1, index + 1))
    categories = [dict(id=k, name=name) for k, name in enumerate(CLASSES, start=1)]
    info = dict(description="mmsrdl demo scenes", version=str(VERSION))
    content = dict(info=info, images=images, annotations=annotations, categories=categories)
    _write_json(paths[f"{split}_ann"], content)


def _annotation(item: SceneObject, annotation_id: int, image_id: int) -> dict:
    return dict(
        id=annotation_id,
        image_id=image_id,
        category_id=item.label + 1,
        bbox=list(item.bbox),
        area=item.area,
        iscrowd=0,
        segmentation=[],
        occlusion=round(item.occlusion, 4),
    )


def _write_json(path: Path, content: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    os.replace(part, path)


# --- subsets for evaluation ----------------------------------------------------------------


def subset_targets(
    targets: Tensor,
    ann_file: str | os.PathLike[str],
    classes: Sequence[str],
    image_ids: Sequence[int],
    kind: str = "small",
) -> Tensor:
    """Targets for the AP of small or of occluded objects alone.

    A positive stays 1 where every instance of the class in the image is of the kind, other
    positives become -1 (left out of the metric), negatives stay 0 and unknowns -1.

    Args:
        targets: (N, C) labels of 1, 0 and -1.
        ann_file: Instances json that :func:`write_demo_scenes` wrote.
        classes: The C class names, in the order of the columns.
        image_ids: The N image ids, in the order of the rows.
        kind: ``"small"`` (area under ``SMALL_SHARE`` of the image) or ``"occluded"``
            (at least ``OCCLUDED_FROM`` of the object is covered).

    Returns:
        (N, C) labels of 1, 0 and -1, of the type of ``targets``.

    Raises:
        ValueError: If ``kind`` is unknown, shapes do not match, or the file lacks an image or
            the ``occlusion`` of an object.
    """
    if kind not in ("small", "occluded"):
        raise ValueError(f"kind must be 'small' or 'occluded', got {kind!r}")
    if targets.shape != (len(image_ids), len(classes)):
        raise ValueError(
            f"targets must be of shape (len(image_ids), len(classes)) = "
            f"({len(image_ids)}, {len(classes)}), got {tuple(targets.shape)}"
        )
    content = json.loads(Path(ann_file).read_text())
    images = {image["id"]: image for image in content["images"]}
    missing = [i for i in image_ids if i not in images]
    if missing:
        raise ValueError(f"image_ids holds ids that {ann_file} does not: {missing[:5]}")
    rows = {image_id: row for row, image_id in enumerate(image_ids)}
    names = {category["id"]: category["name"] for category in content["categories"]}
    columns = {name: column for column, name in enumerate(classes)}
    other = torch.zeros(targets.shape, dtype=torch.bool)
    for item in content["annotations"]:
        row, column = rows.get(item["image_id"]), columns.get(names[item["category_id"]])
        if row is not None and column is not None and not _is_kind(item, images, kind):
            other[row, column] = True
    return torch.where(
        (targets == 1) & other.to(targets.device), -torch.ones_like(targets), targets
    )


def _is_kind(item: dict, images: Mapping[int, dict], kind: str) -> bool:
    if kind == "small":
        image = images[item["image_id"]]
        return item["area"] < SMALL_SHARE * image["width"] * image["height"]
    if "occlusion" not in item:
        raise ValueError(f"annotation {item['id']} has no 'occlusion': not a demo scenes file")
    return item["occlusion"] >= OCCLUDED_FROM
