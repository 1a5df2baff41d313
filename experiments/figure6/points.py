"""What is compared: settings of object erasing, and none."""

from dataclasses import dataclass
from typing import Any

__all__ = ["PAPER", "WITHOUT", "Point", "points_of"]


@dataclass(frozen=True)
class Point:
    """A setting of object erasing (SRDL, Sec. 3.3).

    Attributes:
        topk: K, how many classes of an image are erased; None erases nothing.
        alpha: Threshold of the marginals; None likewise.
    """

    topk: int | None = None
    alpha: float | None = None

    @property
    def name(self) -> str:
        """Its name, which is that of a folder, too."""
        if self.topk is None:
            return "without"
        return f"K{self.topk}_alpha{self.alpha:g}"

    @property
    def options(self) -> dict[str, Any]:
        """What it changes in a config."""
        if self.topk is None:
            return {"default_hooks.oe": None}
        return {"default_hooks.oe.topk": self.topk, "default_hooks.oe.alpha": self.alpha}


WITHOUT = Point()
PAPER = Point(3, 0.5)
"""K and alpha of the paper (Sec. 4.4), where the other one varies, and where it is searched."""


def points_of(topks: list[int], alphas: list[float]) -> dict[str, list[Point]]:
    """Returns the points of each panel: K with the paper's alpha, and alpha with its K."""
    return {
        "topk": [Point(topk, PAPER.alpha) for topk in topks],
        "alpha": [Point(PAPER.topk, alpha) for alpha in alphas],
    }
