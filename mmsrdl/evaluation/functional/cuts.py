"""Rankings cut into predicted and not, and the search for the cut that is wanted."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.arrays import to_array, transposed
from mmsrdl.evaluation.functional.known_labels import negatives_hidden, no_known_negative
from mmsrdl.evaluation.functional.validation import check_probabilities, check_scores_and_targets

Scope = Literal["per_class", "global"]
Figure = Literal["CF1", "OF1"]

ROUNDING = 1e-12
"""What the sum over the classes in CP and CR may be short of a wanted value."""


class TunedThresholds(NamedTuple):
    """Thresholds, and whether they do what was asked for.

    Attributes:
        values: [C], in [0, 1] and of the type of the scores.
        met: [C], bool. Where False, the class has no known positive, or all its negatives are
            unknown, and took the global threshold; or the wanted precision is out of its reach.
    """

    values: Tensor
    met: Tensor


class Cuts(NamedTuple):
    """The m ways to cut a ranking into predicted and not, one at each distinct score.

    Attributes:
        scores: [m], float, from the highest down; cut i predicts the scores ``>= scores[i]``.
        precision: [m].
        recall: [m].
        f1: [m].
    """

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray


Pick = Callable[[Cuts], tuple[int, bool]]
"""Takes at least one cut; returns the best one's index, and whether it does what is wanted."""


def search_cuts(
    scores: Tensor, targets: Tensor, figure: Figure, pick: Pick
) -> tuple[TunedThresholds, TunedThresholds]:
    """Searches the cuts of each class, and those of all classes at one score.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1, 0 and -1. Entries of -1 are left out.
        figure: Whose precision and recall one score for all has: ``'CF1'``, the means over the
            classes; ``'OF1'``, those over all entries.
        pick: Says which cut is wanted.

    Returns:
        Thresholds of the classes, and the global one, [C] times the same.

    Raises:
        ValueError: ``figure`` is unknown, no target is positive, all negatives are unknown, or the
            input is malformed.
    """
    check_scores_and_targets(scores, targets)
    check_probabilities(scores)
    check_choice("figure", figure, Figure)
    if not (targets == 1).any():
        raise ValueError(
            f"thresholds cannot be tuned: targets [{len(targets)}, {targets.shape[1]}] hold no "
            "positive; check that the annotation file belongs to this data set"
        )
    if no_known_negative(targets):
        raise ValueError(
            f"thresholds cannot be tuned: targets [{len(targets)}, {targets.shape[1]}] hold no "
            "known negative, so that always predicting everything seems best; tune on images whose "
            "negatives are known"
        )
    score, target = to_array(scores).clip(0, 1), to_array(targets)
    rows = zip(transposed(score), transposed(target), strict=True)
    classes = [_cuts(*row) for row in rows]
    shared = _class_mean(classes) if figure == "CF1" else _cuts(score.ravel(), target.ravel())
    index, met = pick(shared)
    values = _middle([_neighbours(shared, index)] * len(classes), scores)
    everything = TunedThresholds(values, torch.full_like(values, met, dtype=torch.bool))
    hidden = negatives_hidden(targets).tolist()
    return _own(classes, hidden, pick, everything, scores), everything


def _own(
    classes: list[Cuts], hidden: list[bool], pick: Pick, shared: TunedThresholds, scores: Tensor
) -> TunedThresholds:
    """Thresholds of the classes; those without a positive or with hidden negatives: the global."""
    values, met = shared.values.clone(), torch.zeros_like(shared.met)
    for c, cuts in enumerate(classes):
        if cuts.recall.any() and not hidden[c]:
            index, met[c] = pick(cuts)
            values[c] = _middle([_neighbours(cuts, index)], scores)
    return TunedThresholds(values, met)


def _cuts(scores: np.ndarray, targets: np.ndarray) -> Cuts:
    """The cuts of one ranking; scores and targets are [n]."""
    if targets.size and targets.min() < 0:
        known = np.flatnonzero(targets >= 0)
        scores, targets = scores[known], targets[known]
    order = np.argsort(scores)[::-1]
    scores, hits = scores[order], targets[order] == 1
    last = _ends(scores)
    correct, predicted, true = hits.cumsum()[last], last + 1, hits.sum()
    # Each a quotient of integers: equally good cuts have equal figures.
    return Cuts(
        scores[last], correct / predicted, correct / max(1, true), 2 * correct / (predicted + true)
    )


def _class_mean(classes: list[Cuts]) -> Cuts:
    """The cuts of all classes at one score: CP, CR and CF1.

    Where a class has a score, its precision and recall change; the sums of all changes down to
    a score are CP and CR there.
    """
    scores = np.concatenate([cuts.scores for cuts in classes])
    order = np.argsort(scores)[::-1]
    scores = scores[order]
    last = _ends(scores)
    precision, recall = (
        np.concatenate([np.diff(part, prepend=0) for part in parts])[order].cumsum()[last]
        / len(classes)
        for parts in ([cuts.precision for cuts in classes], [cuts.recall for cuts in classes])
    )
    # A sum of 0 is one of zeros only as far as it is rounded.
    f1 = 2 * precision * recall / np.maximum(precision + recall, ROUNDING)
    return Cuts(scores[last], precision, recall, f1)


def _ends(scores: np.ndarray) -> np.ndarray:
    """Indices of the last of equal scores, which are sorted."""
    return np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])


def _neighbours(cuts: Cuts, index: int) -> tuple[float, float]:
    """The lowest score that a cut predicts, and the highest that it does not, or 0."""
    lower = cuts.scores[index + 1] if index + 1 < len(cuts.scores) else 0.0
    return float(cuts.scores[index]), float(lower)


def _middle(neighbours: Sequence[tuple[float, float]], scores: Tensor) -> Tensor:
    """Thresholds between two scores each, of the type of the scores."""
    upper, lower = torch.tensor(neighbours, dtype=torch.float64, device=scores.device).unbind(1)
    middle = ((upper + lower) / 2).to(scores.dtype)
    # Between adjacent numbers the middle is rounded to one of them, maybe to the lower.
    return torch.where(middle <= lower, upper.to(scores.dtype), middle)


def check_choice(name: str, value: str, choices: object) -> None:
    """Raise a ValueError unless a value is among those of a Literal."""
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {get_args(choices)}, got {value!r}")
