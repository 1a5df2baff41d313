"""Thresholds that suit labelled scores: for F1, for a wanted precision or recall."""

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeVar, get_args

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.arrays import to_array, transposed
from mmsrdl.evaluation.functional.validation import check_probabilities, check_scores_and_targets

Scope = Literal["per_class", "global"]
Figure = Literal["CF1", "OF1"]
Number = TypeVar("Number", float, np.ndarray)

ROUNDING = 1e-12
"""What the sum over the classes in CP and CR may be short of a wanted value."""


class TunedThresholds(NamedTuple):
    """Thresholds, and whether they do what was asked for.

    Attributes:
        values: [C], in [0, 1] and of the type of the scores.
        met: [C], bool. Where False, the class has no known positive and took the global
            threshold, or the wanted precision is out of its reach.
    """

    values: Tensor
    met: Tensor


class _Cuts(NamedTuple):
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


_Pick = Callable[[_Cuts], tuple[int, bool]]
"""Takes at least one cut; returns the best one's index, and whether it does what is wanted."""


def best_f1_thresholds(
    scores: Tensor,
    targets: Tensor,
    scope: Scope = "per_class",
    figure: Figure = "CF1",
    shrinkage: float = 0.0,
) -> TunedThresholds:
    r"""Thresholds of the highest F1 on labelled scores.

    All cuts between distinct scores are compared, on exact counts; a class is predicted if its
    score is ``>=`` its threshold, so equal scores are predicted together. Of equally good cuts
    the one that predicts least is taken. The threshold lies in the middle between the lowest
    score that is predicted and the highest that is not (0, if all are): there, the rounding of
    another device or batch size, or of a calibration, changes no decision.

    ``'per_class'`` maximises the F1 of each class, :math:`2 N_c / (N_p + N_g)`. The mean of
    these is not CF1, the harmonic mean of CP and CR, but what can be maximised class by class.
    On few positives the best cut is a matter of chance. ``shrinkage`` :math:`\kappa` pulls it
    towards the global threshold :math:`t`, as if that were known from :math:`\kappa` positives:

    .. math:: \operatorname{logit} t'_c = \frac{n_c \operatorname{logit} t_c
        + \kappa \operatorname{logit} t}{n_c + \kappa}

    with :math:`n_c` positives of the class. :func:`mmsrdl.evaluation.choose_shrinkage` chooses
    it by cross-validation.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        scope: ``'per_class'``, or ``'global'`` for one threshold of all classes.
        figure: What the global threshold maximises, ``'CF1'`` or ``'OF1'``.
        shrinkage: :math:`\kappa \ge 0`; ``inf`` gives the global threshold.

    Returns:
        A class without a known positive has the global threshold, and ``met`` is False.

    Raises:
        ValueError: An argument is out of range, no entry is positive, or the input is malformed
            (see :func:`check_scores_and_targets`).
    """
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage must be a number of positives, 0 or above, got {shrinkage}")
    own, shared = _tune(scores, targets, figure, _best_f1)
    if scope == "global":
        return shared
    _check_choice("scope", scope, Scope)
    positives = (targets == 1).sum(0)
    return own._replace(values=shrink(own.values, shared.values, positives, shrinkage))


def thresholds_for_precision(
    scores: Tensor,
    targets: Tensor,
    wanted: float,
    scope: Scope = "per_class",
    figure: Figure = "CF1",
) -> TunedThresholds:
    """Thresholds of the highest recall among those whose precision is at least ``wanted``.

    Of cuts of the same recall the most precise is taken. A class that reaches ``wanted`` nowhere
    gets its highest precision, and there the highest recall; ``met`` is False.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1, 0 and -1.
        wanted: Precision in (0, 1].
        scope: ``'per_class'``, or ``'global'`` for one threshold of all classes.
        figure: What ``'global'`` looks at: ``'CF1'`` at CP and CR, ``'OF1'`` at OP and OR.

    Returns:
        Placed as in :func:`best_f1_thresholds`; so are classes without a positive.

    Raises:
        ValueError: As there, or ``wanted`` is out of range.
    """
    _check_wanted(wanted)

    def pick(cuts: _Cuts) -> tuple[int, bool]:
        met = cuts.precision >= wanted - ROUNDING
        if met.any():
            return _highest(cuts.recall, cuts.precision, met), True
        return _highest(cuts.precision, cuts.recall), False

    return _of_scope(_tune(scores, targets, figure, pick), scope)


def thresholds_for_recall(
    scores: Tensor,
    targets: Tensor,
    wanted: float,
    scope: Scope = "per_class",
    figure: Figure = "CF1",
) -> TunedThresholds:
    """Thresholds of the highest precision among those whose recall is at least ``wanted``.

    Of cuts of the same precision the one of highest recall is taken. Any recall can be reached
    by predicting everything.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1, 0 and -1.
        wanted: Recall in (0, 1].
        scope: ``'per_class'``, or ``'global'`` for one threshold of all classes.
        figure: What ``'global'`` looks at: ``'CF1'`` at CP and CR, ``'OF1'`` at OP and OR. CR
            counts a class without positives as 0, so that it may be out of reach.

    Returns:
        Placed as in :func:`best_f1_thresholds`; so are classes without a positive.

    Raises:
        ValueError: As there, or ``wanted`` is out of range.
    """
    _check_wanted(wanted)

    def pick(cuts: _Cuts) -> tuple[int, bool]:
        met = cuts.recall >= wanted - ROUNDING
        if met.any():
            return _highest(cuts.precision, cuts.recall, met), True
        return _highest(cuts.recall, cuts.precision), False

    return _of_scope(_tune(scores, targets, figure, pick), scope)


def shrink(own: Tensor, shared: Tensor, positives: Tensor, shrinkage: float) -> Tensor:
    """Pulls thresholds of classes with few positives towards a global one.

    Args:
        own: Thresholds of the classes, [C].
        shared: The global threshold, [C].
        positives: Number of positives of the classes, [C].
        shrinkage: How many positives the global threshold weighs, see
            :func:`best_f1_thresholds`.

    Returns:
        [C].
    """
    if shrinkage == 0:
        return own
    if math.isinf(shrinkage):
        return shared
    weight = positives.double() / (positives + shrinkage)
    # Thresholds of 0 and 1 have no finite logit.
    start, end = (thr.double().logit(eps=1e-7) for thr in (shared, own))
    return torch.lerp(start, end, weight).sigmoid().to(own.dtype)


def _tune(
    scores: Tensor, targets: Tensor, figure: Figure, pick: _Pick
) -> tuple[TunedThresholds, TunedThresholds]:
    """Thresholds of the classes, and the global one [C] in the same form."""
    check_scores_and_targets(scores, targets)
    check_probabilities(scores)
    _check_choice("figure", figure, Figure)
    if not (targets == 1).any():
        raise ValueError(
            f"thresholds cannot be tuned: targets [{len(targets)}, {targets.shape[1]}] hold no "
            "positive; check that the annotation file belongs to this data set"
        )
    score, target = to_array(scores).clip(0, 1), to_array(targets)
    rows = zip(transposed(score), transposed(target), strict=True)
    classes = [_cuts(*row) for row in rows]
    shared = _class_mean(classes) if figure == "CF1" else _cuts(score.ravel(), target.ravel())
    index, met = pick(shared)
    values = _middle([_neighbours(shared, index)] * len(classes), scores)
    everything = TunedThresholds(values, torch.full_like(values, met, dtype=torch.bool))
    return _own(classes, pick, everything, scores), everything


def _own(
    classes: list[_Cuts], pick: _Pick, shared: TunedThresholds, scores: Tensor
) -> TunedThresholds:
    """Thresholds of the classes; those without a positive take the global one."""
    values, met = shared.values.clone(), torch.zeros_like(shared.met)
    for c, cuts in enumerate(classes):
        if cuts.recall.any():
            index, met[c] = pick(cuts)
            values[c] = _middle([_neighbours(cuts, index)], scores)
    return TunedThresholds(values, met)


def _cuts(scores: np.ndarray, targets: np.ndarray) -> _Cuts:
    """The cuts of one ranking; scores and targets are [n]."""
    if targets.size and targets.min() < 0:
        known = np.flatnonzero(targets >= 0)
        scores, targets = scores[known], targets[known]
    order = np.argsort(scores)[::-1]
    scores, hits = scores[order], targets[order] == 1
    last = _ends(scores)
    correct, predicted, true = hits.cumsum()[last], last + 1, hits.sum()
    # Each a quotient of integers: equally good cuts have equal figures.
    return _Cuts(
        scores[last], correct / predicted, correct / max(1, true), 2 * correct / (predicted + true)
    )


def _class_mean(classes: list[_Cuts]) -> _Cuts:
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
        for parts in (
            [cuts.precision for cuts in classes],
            [cuts.recall for cuts in classes],
        )
    )
    # A sum of 0 is one of zeros only as far as it is rounded.
    f1 = 2 * precision * recall / np.maximum(precision + recall, ROUNDING)
    return _Cuts(scores[last], precision, recall, f1)


def _ends(scores: np.ndarray) -> np.ndarray:
    """Indices of the last of equal scores, which are sorted."""
    return np.flatnonzero(np.append(scores[1:] != scores[:-1], np.ones(min(1, len(scores)), bool)))


def _best_f1(cuts: _Cuts) -> tuple[int, bool]:
    return int(cuts.f1.argmax()), True


def _highest(first: np.ndarray, then: np.ndarray, among: np.ndarray | None = None) -> int:
    """Index of the highest ``first``, of equal ones the highest ``then``."""
    if among is not None:
        first = np.where(among, first, -1)
    return int(np.where(first == first.max(), then, -1).argmax())


def _neighbours(cuts: _Cuts, index: int) -> tuple[float, float]:
    """The lowest score that a cut predicts, and the highest that it does not, or 0."""
    lower = cuts.scores[index + 1] if index + 1 < len(cuts.scores) else 0.0
    return float(cuts.scores[index]), float(lower)


def _middle(neighbours: Sequence[tuple[float, float]], scores: Tensor) -> Tensor:
    """Thresholds between two scores each, of the type of the scores."""
    upper, lower = torch.tensor(neighbours, dtype=torch.float64, device=scores.device).unbind(1)
    middle = ((upper + lower) / 2).to(scores.dtype)
    # Between adjacent numbers the middle is rounded to one of them, maybe to the lower.
    return torch.where(middle <= lower, upper.to(scores.dtype), middle)


def _of_scope(tuned: tuple[TunedThresholds, TunedThresholds], scope: Scope) -> TunedThresholds:
    _check_choice("scope", scope, Scope)
    return tuned[get_args(Scope).index(scope)]


def _check_choice(name: str, value: str, choices: object) -> None:
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {get_args(choices)}, got {value!r}")


def _check_wanted(wanted: float) -> None:
    if not 0 < wanted <= 1:
        raise ValueError(f"wanted must lie in (0, 1], such as 0.9, got {wanted}")
