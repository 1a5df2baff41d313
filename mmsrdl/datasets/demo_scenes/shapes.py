"""Shapes that the drawings are made of, as polygons."""

import math

import numpy as np

from mmsrdl.datasets.demo_scenes.paint import Points


def poly(*corners: tuple[float, float]) -> Points:
    """Polygon of some corners."""
    return np.array(corners, dtype=np.float64)


def rect(x0: float, y0: float, x1: float, y1: float) -> Points:
    """Rectangle of two opposite corners."""
    return poly((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def arc(cx: float, cy: float, rx: float, ry: float, start: float = 0, end: float = 360) -> Points:
    """Arc of an ellipse as a line of corners; angles in degrees."""
    angle = np.radians(np.linspace(start, end, max(8, int(abs(end - start) / 12))))
    return np.stack([cx + rx * np.cos(angle), cy + ry * np.sin(angle)], axis=1)


def band(cx: float, cy: float, outer: float, inner: float, start: float, end: float) -> Points:
    """Ring sector between two radii as one polygon."""
    return np.concatenate(
        [arc(cx, cy, outer, outer, start, end), arc(cx, cy, inner, inner, end, start)]
    )


def star(outer: float, inner: float) -> Points:
    """Star of five tips around the origin, from the radii of its tips and its notches."""
    angle = np.arange(10) * math.pi / 5 - math.pi / 2
    radius = np.where(np.arange(10) % 2 == 0, outer, inner)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
