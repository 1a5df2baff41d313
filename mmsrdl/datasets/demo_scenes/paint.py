"""Painting: polygons, colours and backgrounds."""

import math

import cv2
import numpy as np

Points = np.ndarray  # (N, 2) corners of a polygon
Colour = tuple[float, float, float]


def _fixed(points: Points) -> np.ndarray:
    """Corners in OpenCV's fixed point format with four fractional bits."""
    return np.round(points * 16).astype(np.int32)


def fill(canvas: np.ndarray, points: Points, value: float | Colour, smooth: bool = False) -> None:
    """Fill a polygon in place."""
    line = cv2.LINE_AA if smooth else cv2.LINE_8
    cv2.fillPoly(canvas, [_fixed(points)], value, line, 4)


def stroke(
    canvas: np.ndarray, points: Points, colour: Colour, width: int, closed: bool = True
) -> None:
    """Draw the smooth line through corners in place."""
    cv2.polylines(canvas, [_fixed(points)], closed, colour, width, cv2.LINE_AA, 4)


def random_colour(
    rng: np.random.Generator,
    away_from: Colour | None = None,
    saturation: tuple[float, float] = (0.0, 1.0),
    value: tuple[float, float] = (0.3, 1.0),
) -> Colour:
    """Random BGR colour within HSV ranges, by preference well apart from a given one."""
    best, best_distance = (0.0, 0.0, 0.0), -1.0
    for hue in rng.uniform(0, 6, 1 if away_from is None else 4):
        b, g, r = _bgr(hue, rng.uniform(*saturation), 255 * rng.uniform(*value))
        x, y, z = away_from or (0.0, 0.0, 0.0)
        distance = abs(b - x) + abs(g - y) + abs(r - z)
        if distance > best_distance:
            best, best_distance = (b, g, r), distance
    return best


def random_tone(
    rng: np.random.Generator,
    hue: float,
    saturation: tuple[float, float],
    value: tuple[float, float],
) -> Colour:
    """Random BGR colour of about a hue, which is in [0, 6), within ranges of HSV."""
    hue += rng.uniform(-0.1, 0.1)
    return _bgr(hue, rng.uniform(*saturation), 255 * rng.uniform(*value))


def _bgr(hue: float, saturation: float, value: float) -> Colour:
    """BGR colour of hue in sixths of the circle, saturation in [0, 1] and value in [0, 255]."""
    channels = [min(max(abs((hue + turn) % 6 - 3) - 1, 0), 1) for turn in (2, 4, 0)]
    b, g, r = (value * (1 - saturation * (1 - channel)) for channel in channels)
    return b, g, r


def outline_colour(rng: np.random.Generator) -> Colour:
    """Random dark BGR colour."""
    return random_colour(rng, value=(0.0, 0.2))


def background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Gradient, soft stains, and sometimes stripes or checks; float32 (H, W, 3)."""
    first, second = (
        np.array(random_colour(rng, None, (0.0, 0.5), (0.55, 1.0)), dtype=np.float32)
        for _ in range(2)
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
