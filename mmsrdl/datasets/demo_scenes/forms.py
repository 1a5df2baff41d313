"""Forms of the classes: polygons in a square of about [-1, 1], y pointing down."""

import math
from collections.abc import Callable
from functools import cache

import numpy as np

from mmsrdl.datasets.demo_scenes.paint import Points, fill
from mmsrdl.datasets.demo_scenes.shapes import arc, band, poly, rect, star

Part = tuple[int, Points]  # which of the object's three colours, polygon


def _boat() -> list[Part]:
    return [
        (2, rect(-0.07, -1.0, 0.07, 0.45)),
        (1, poly((-0.12, -0.85), (-0.12, 0.28), (-0.85, 0.28))),
        (1, poly((0.12, -0.95), (0.12, 0.28), (0.75, 0.28))),
        (0, poly((-1.0, 0.42), (1.0, 0.42), (0.62, 0.95), (-0.62, 0.95))),
    ]


def _car() -> list[Part]:
    roof = poly((-0.6, 0.0), (-0.38, -0.52), (0.3, -0.52), (0.62, 0.0))
    window = poly((-0.4, -0.05), (-0.27, -0.38), (0.2, -0.38), (0.4, -0.05))
    body = poly((-1, 0.02), (-0.9, -0.1), (0.75, -0.1), (1, 0.1), (1, 0.42), (-1, 0.42))
    wheels = [arc(x, 0.42, 0.24, 0.24) for x in (-0.52, 0.52)]
    return [(0, roof), (1, window), (0, body), *((2, wheel) for wheel in wheels)]


def _fish() -> list[Part]:
    return [
        (1, poly((0.4, 0.0), (1.0, -0.5), (0.85, 0.0), (1.0, 0.5))),
        (1, poly((-0.3, -0.35), (0.15, -0.75), (0.25, -0.3))),
        (0, arc(-0.2, 0.0, 0.78, 0.48)),
        (2, arc(-0.62, -0.1, 0.1, 0.1)),
    ]


def _flower() -> list[Part]:
    petals = [
        arc(0.42 * math.cos(a), -0.35 + 0.42 * math.sin(a), 0.27, 0.27)
        for a in np.arange(5) * 2 * math.pi / 5 - math.pi / 2
    ]
    leaf = poly((0.0, 0.75), (0.2, 0.4), (0.6, 0.35), (0.4, 0.7))
    return [
        (2, rect(-0.08, 0.0, 0.08, 1.0)),
        (2, leaf),
        *((0, petal) for petal in petals),
        (1, arc(0.0, -0.35, 0.24, 0.24)),
    ]


def _heart() -> list[Part]:
    t = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    outline = np.stack([x, y], axis=1)
    return [(0, outline), (1, outline * 0.5 + poly((0.0, -0.05)))]


def _house() -> list[Part]:
    return [
        (2, rect(0.4, -0.85, 0.65, -0.2)),
        (0, rect(-0.75, -0.1, 0.75, 0.9)),
        (1, poly((-1.0, -0.1), (0.0, -0.95), (1.0, -0.1))),
        (2, rect(-0.5, 0.25, -0.05, 0.9)),
        (2, rect(0.2, 0.2, 0.55, 0.5)),
    ]


def _key() -> list[Part]:
    shaft = poly(
        *[(-0.15, -0.13), (1.0, -0.13), (1.0, 0.42), (0.76, 0.42), (0.76, 0.13)],
        *[(0.58, 0.13), (0.58, 0.35), (0.36, 0.35), (0.36, 0.13), (-0.15, 0.13)],
    )
    return [(0, shaft), (0, band(-0.55, 0.0, 0.5, 0.2, 0, 360))]


def _kite() -> list[Part]:
    top, left, right, bottom = (0.0, -1.0), (-0.6, -0.35), (0.6, -0.35), (0.0, 0.45)
    centre = (0.0, -0.35)
    tail = poly((-0.05, 0.4), (0.05, 0.4), (0.2, 0.75), (0.0, 1.05), (-0.1, 1.0), (0.06, 0.74))
    bow = poly((-0.1, 0.62), (-0.1, 0.86), (0.36, 0.62), (0.36, 0.86))
    return [
        (2, tail),
        (2, bow),
        (0, poly(top, right, bottom, left)),
        (1, poly(top, right, centre)),
        (1, poly(bottom, left, centre)),
    ]


def _mug() -> list[Part]:
    return [
        (0, band(0.4, 0.05, 0.52, 0.28, -90, 90)),
        (0, poly((-0.75, -0.65), (0.45, -0.65), (0.4, 0.8), (-0.7, 0.8))),
        (1, arc(-0.15, -0.65, 0.6, 0.16)),
        (2, rect(-0.72, 0.1, 0.42, 0.35)),
    ]


def _mushroom() -> list[Part]:
    stem = poly((-0.24, 0.0), (0.24, 0.0), (0.34, 0.85), (-0.34, 0.85))
    dots = [
        arc(-0.45, -0.25, 0.15, 0.15),
        arc(0.05, -0.5, 0.17, 0.17),
        arc(0.5, -0.2, 0.13, 0.13),
    ]
    return [(1, stem), (0, arc(0.0, 0.05, 0.95, 0.95, 180, 360)), *((2, dot) for dot in dots)]


def _sun() -> list[Part]:
    rays = [
        poly(
            (1.05 * math.cos(a), 1.05 * math.sin(a)),
            (0.62 * math.cos(a + 0.26), 0.62 * math.sin(a + 0.26)),
            (0.62 * math.cos(a - 0.26), 0.62 * math.sin(a - 0.26)),
        )
        for a in np.arange(9) * 2 * math.pi / 9
    ]
    return [*((1, ray) for ray in rays), (0, arc(0.0, 0.0, 0.52, 0.52))]


def _tree() -> list[Part]:
    return [
        (1, rect(-0.17, 0.5, 0.17, 1.0)),
        (0, poly((0.0, -0.2), (0.8, 0.6), (-0.8, 0.6))),
        (0, poly((0.0, -0.65), (0.64, 0.12), (-0.64, 0.12))),
        (0, poly((0.0, -1.05), (0.48, -0.35), (-0.48, -0.35))),
    ]


def _umbrella() -> list[Part]:
    scallops = [arc(x, 0.0, 0.317, 0.2, 0, -180) for x in (0.633, 0.0, -0.633)]
    canopy = np.concatenate([arc(0.0, 0.0, 0.95, 0.85, 180, 360), *scallops])
    panel = np.concatenate([poly((0.0, -0.85)), arc(0.0, 0.0, 0.317, 0.2, 0, -180)])
    return [
        (2, rect(-0.08, -0.2, 0.08, 0.75)),
        (2, band(0.2, 0.72, 0.28, 0.12, 0, 180)),
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
    "star": lambda: [(0, star(1.0, 0.42)), (1, star(0.5, 0.21))],
    "sun": _sun,
    "tree": _tree,
    "umbrella": _umbrella,
}


@cache
def unit_form(name: str) -> tuple[Part, ...]:
    """Form of a class, centred and scaled to a silhouette of area 1."""
    parts = FORMS[name]()
    corners = np.concatenate([points for _, points in parts])
    centre = (corners.min(axis=0) + corners.max(axis=0)) / 2
    canvas = np.zeros((512, 512), dtype=np.uint8)
    for _, points in parts:
        fill(canvas, (points - centre) * 200 + 256, 1)
    scale = 200 / math.sqrt(int(canvas.sum()))
    return tuple((role, (points - centre) * scale) for role, points in parts)
