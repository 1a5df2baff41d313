"""AP at a set number of positives, companions and groups, as loops over single images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Rows = Sequence[Sequence[float]]
Entry = Callable[[int, int], bool]


def normalized_ap(
    scores: Rows,
    targets: Rows,
    positives: float,
    c: int,
    is_positive: Entry = lambda i, c: True,
    is_negative: Entry = lambda i, c: True,
) -> float:
    """AP_N of class c; of the positives and against the negatives that are chosen."""
    images = range(len(scores))
    found = [i for i in images if targets[i][c] == 1 and is_positive(i, c)]
    negative = [i for i in images if targets[i][c] == 0]
    chosen = [i for i in negative if is_negative(i, c)]
    if not found or (negative and not chosen):
        return math.nan
    precisions = []
    for i in found:
        level = scores[i][c]
        recall = sum(scores[j][c] >= level for j in found) / len(found)
        alarms = sum(scores[j][c] >= level for j in chosen)
        if chosen:
            alarms *= len(negative) / len(chosen)
        precisions.append(recall * positives / (recall * positives + alarms))
    return sum(precisions) / len(precisions)


def companions(training: Rows, probability: float, lift: float) -> list[set[int]]:
    """The usual companions of every class, of labels that are all known."""
    classes = len(training[0])
    found: list[set[int]] = []
    for c in range(classes):
        own = [row for row in training if row[c] == 1]
        found.append(set())
        for j in range(classes):
            if j == c or not own:
                continue
            chance = sum(row[j] == 1 for row in own) / len(own)
            base = sum(row[j] == 1 for row in training) / len(training)
            if chance >= probability and base and chance / base > lift:
                found[c].add(j)
    return found


def has_companion(row: Sequence[float], around: set[int]) -> bool | None:
    """Whether an image holds one; None where that is not known, or there are none to hold."""
    if any(row[j] == 1 for j in around):
        return True
    if not around or any(row[j] == -1 for j in around):
        return None
    return False


def number_of_labels(row: Sequence[float]) -> str | None:
    """The group of an image by its labels; None where it is not known or there is none."""
    possible = {
        min(4, sum(v == 1 for v in row) + extra) for extra in range(sum(v == -1 for v in row) + 1)
    }
    if len(possible) > 1 or possible == {0}:
        return None
    (number,) = possible
    return "4+" if number == 4 else str(number)


def pooled(values: dict[int, float]) -> float:
    """The mean over classes."""
    return sum(values.values()) / len(values) if values else math.nan
