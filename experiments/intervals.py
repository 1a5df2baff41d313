"""Intervals of what was repeated with a few seeds."""

import math
from statistics import stdev

__all__ = ["interval"]

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""Of Student's t at 97.5 %, for 1 to 9 degrees of freedom."""


def interval(values: list[float]) -> float:
    """Computes half the width of Student's 95 % interval of a mean.

    Args:
        values: n of them, 2 to 10.

    Raises:
        ValueError: If there are fewer or more.
    """
    freedom = len(values) - 1
    if not 1 <= freedom <= len(QUANTILES):
        raise ValueError(f"an interval is of 2 to {len(QUANTILES) + 1} seeds, got {len(values)}")
    return QUANTILES[freedom - 1] * stdev(values) / math.sqrt(len(values))
