"""Right or wrong: what became of one class of one image."""

from enum import Enum
from typing import Any

import numpy as np

from mmsrdl.visualization.canvas import BLUE, GREY, VERMILLION, as_array

__all__ = ["Verdict", "decide", "judge"]


class Verdict(Enum):
    """What a prediction is, seen from the label; shown by colour, sign and word alike.

    Attributes:
        sign: One character.
        colour: Blue for right, vermillion for wrong, grey for unknown.
        word: For captions.
    """

    FOUND = ("✓", BLUE, "found")
    REJECTED = ("✓", BLUE, "rightly not predicted")
    INVENTED = ("✗", VERMILLION, "invented")
    MISSED = ("✗", VERMILLION, "missed")
    UNKNOWN = ("?", GREY, "unknown")

    def __init__(self, sign: str, colour: str, word: str) -> None:
        self.sign, self.colour, self.word = sign, colour, word

    @property
    def is_wrong(self) -> bool:
        """Whether prediction and label differ."""
        return self in (Verdict.INVENTED, Verdict.MISSED)


def decide(scores: Any, thr: Any) -> np.ndarray:
    """Predicts the classes whose score is at or above the threshold, as the metric does.

    Args:
        scores: [..., C], probabilities.
        thr: One threshold, or one a class, [C].

    Returns:
        bool, [..., C].
    """
    scores = as_array(scores)
    return scores >= as_array(thr).astype(scores.dtype)  # rounded as the scores are


def judge(scores: Any, targets: Any, thr: Any) -> list[Verdict]:
    """Compares the predictions of one image with its labels.

    Args:
        scores: [C], probabilities.
        targets: [C] of 1, 0 and -1 (unknown).
        thr: One threshold, or one a class, [C].

    Returns:
        C verdicts.

    Raises:
        ValueError: If the lengths differ, or a target is none of the three.
    """
    scores, targets = as_array(scores), as_array(targets)
    if scores.ndim != 1 or scores.shape != targets.shape:
        raise ValueError(
            f"scores and targets must both be [C], got {scores.shape} and {targets.shape}"
        )
    if not np.isin(targets, (-1, 0, 1)).all():
        raise ValueError(f"targets must be 1, 0 or -1 (unknown), got {np.unique(targets)}")
    table = {
        (True, 1): Verdict.FOUND,
        (False, 1): Verdict.MISSED,
        (True, 0): Verdict.INVENTED,
        (False, 0): Verdict.REJECTED,
    }
    return [
        table.get((bool(predicted), int(target)), Verdict.UNKNOWN)
        for predicted, target in zip(decide(scores, thr), targets, strict=True)
    ]
