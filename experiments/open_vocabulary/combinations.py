"""The labels: a colour and a shape, such as "red kite", and which of them are never trained."""

from mmsrdl.datasets.demo_scenes import CLASSES, COLOURS

__all__ = ["ALL", "SEEN", "SEEN_COLOURS", "UNSEEN"]

EVERY = 4
"""One combination in so many is unseen."""


def _is_seen(colour: int, shape: int) -> bool:
    """Says whether a combination is trained; each word is in combinations of both kinds."""
    return (colour + shape) % EVERY != 0


SEEN_COLOURS: dict[str, list[str]] = {
    shape: [colour for i, colour in enumerate(COLOURS) if _is_seen(i, j)]
    for j, shape in enumerate(CLASSES)
}
"""The colours that a shape has in training."""

ALL: tuple[str, ...] = tuple(f"{colour} {shape}" for shape in CLASSES for colour in COLOURS)
SEEN: tuple[str, ...] = tuple(
    f"{colour} {shape}" for shape in CLASSES for colour in SEEN_COLOURS[shape]
)
UNSEEN: tuple[str, ...] = tuple(name for name in ALL if name not in SEEN)
