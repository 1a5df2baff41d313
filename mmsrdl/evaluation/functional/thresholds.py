"""Thresholds that suit labelled scores: for F1, for a wanted precision or recall."""

import math
from collections.abc import Iterator
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.cuts import (
    ROUNDING,
    Cuts,
    Figure,
    Scope,
    TunedThresholds,
    check_choice,
    search_cuts,
)
from mmsrdl.evaluation.functional.known_labels import no_known_negative
from mmsrdl.evaluation.functional.precision_recall import precision_recall_f1

SHRINKAGES = (math.inf, 100.0, 30.0, 10.0, 3.0, 1.0, 0.0)
"""What cross-validation chooses from; of equally good ones the first."""


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

    with :math:`n_c` positives of the class. :func:`choose_shrinkage` chooses
    it by cross-validation.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        scope: ``'per_class'``, or ``'global'`` for one threshold of all classes.
        figure: What the global threshold maximises, ``'CF1'`` or ``'OF1'``.
        shrinkage: :math:`\kappa \ge 0`; ``inf`` gives the global threshold.

    Returns:
        A class without a known positive, or whose negatives are all unknown
        (:func:`negatives_hidden`), has the global threshold, and ``met`` is False.

    Raises:
        ValueError: An argument is out of range, no entry is positive, all negatives are unknown,
            or the input is malformed (see :func:`check_scores_and_targets`).
    """
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage must be a number of positives, 0 or above, got {shrinkage}")
    own, shared = search_cuts(scores, targets, figure, _best_f1)
    if scope == "global":
        return shared
    check_choice("scope", scope, Scope)
    positives = (targets == 1).sum(0)
    return own._replace(values=_shrink(own.values, shared.values, positives, shrinkage))


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
        Placed as in :func:`best_f1_thresholds`; so are classes without a positive or without a
        known negative.

    Raises:
        ValueError: As there, or ``wanted`` is out of range.
    """
    _check_wanted(wanted)

    def pick(cuts: Cuts) -> tuple[int, bool]:
        met = cuts.precision >= wanted - ROUNDING
        if met.any():
            return _highest(cuts.recall, cuts.precision, met), True
        return _highest(cuts.precision, cuts.recall), False

    return _of_scope(search_cuts(scores, targets, figure, pick), scope)


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
        Placed as in :func:`best_f1_thresholds`; so are classes without a positive or without a
        known negative.

    Raises:
        ValueError: As there, or ``wanted`` is out of range.
    """
    _check_wanted(wanted)

    def pick(cuts: Cuts) -> tuple[int, bool]:
        met = cuts.recall >= wanted - ROUNDING
        if met.any():
            return _highest(cuts.precision, cuts.recall, met), True
        return _highest(cuts.recall, cuts.precision), False

    return _of_scope(search_cuts(scores, targets, figure, pick), scope)


def choose_shrinkage(
    scores: Tensor, targets: Tensor, figure: Figure = "CF1", folds: int = 5
) -> float:
    """The shrinkage of :func:`best_f1_thresholds` that cross-validation finds best.

    Thresholds are tuned without one fold of the images and decide on that fold, in turn; then
    the figure of all decisions together is compared. Many positives lead to little shrinkage;
    ``inf``, the global threshold for all, is among the choices. The folds are the same in every
    call. Fewer images than folds are too few to tell, and give ``inf``.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1, 0 and -1.
        figure: ``'CF1'`` or ``'OF1'``.
        folds: Number of folds, at least 2.

    Returns:
        One of inf, 100, 30, 10, 3, 1 and 0; of equally good ones the highest.

    Raises:
        ValueError: As :func:`best_f1_thresholds`.
    """
    if len(scores) < folds:
        return math.inf
    decisions = {kappa: torch.zeros_like(targets, dtype=torch.uint8) for kappa in SHRINKAGES}
    for rest, held in split_folds(len(scores), folds):
        if not (targets[rest] == 1).any() or no_known_negative(targets[rest]):
            return math.inf
        part = scores[rest], targets[rest]
        own, shared = (tuned.values for tuned in search_cuts(*part, figure, _best_f1))
        positives = (part[1] == 1).sum(0)
        for kappa, predicted in decisions.items():
            limits = _shrink(own, shared, positives, kappa)
            predicted[held] = (scores[held] >= limits).to(torch.uint8)
    figures = {
        kappa: getattr(precision_recall_f1(predicted, targets), figure)
        for kappa, predicted in decisions.items()
    }
    return max(figures, key=figures.__getitem__)


def split_folds(images: int, folds: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices of the other images and of those of a fold, in turn; the same in every call.

    Args:
        images: Number of images, at least ``folds``.
        folds: Number of folds, at least 2.
    """
    order = torch.randperm(images, generator=torch.Generator().manual_seed(0))
    for held in order.tensor_split(folds):
        mask = torch.ones(images, dtype=torch.bool)
        mask[held] = False
        yield mask.nonzero().flatten(), held.sort().values


def _shrink(own: Tensor, shared: Tensor, positives: Tensor, shrinkage: float) -> Tensor:
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


def _best_f1(cuts: Cuts) -> tuple[int, bool]:
    return int(cuts.f1.argmax()), True


def _highest(first: np.ndarray, then: np.ndarray, among: np.ndarray | None = None) -> int:
    """Index of the highest ``first``, of equal ones the highest ``then``."""
    if among is not None:
        first = np.where(among, first, -1)
    return int(np.where(first == first.max(), then, -1).argmax())


def _of_scope(tuned: tuple[TunedThresholds, TunedThresholds], scope: Scope) -> TunedThresholds:
    check_choice("scope", scope, Scope)
    return tuned[get_args(Scope).index(scope)]


def _check_wanted(wanted: float) -> None:
    if not 0 < wanted <= 1:
        raise ValueError(f"wanted must lie in (0, 1], such as 0.9, got {wanted}")
