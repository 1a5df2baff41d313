"""A scene in the making."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Canvas:
    """Scene in the making.

    ``owner`` (H, W) holds the number of the object seen at each pixel, counted from 1, and 0
    for none; ``labels``, ``areas`` and ``colours`` hold class, full area and named colour of
    the objects so far.
    """

    image: np.ndarray
    owner: np.ndarray
    labels: list[int]
    areas: list[int]
    colours: list[str | None] = field(default_factory=list)

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
