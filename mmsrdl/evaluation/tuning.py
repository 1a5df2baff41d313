"""Thresholds from a scores file, and what they are worth on images they were not tuned on."""

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, get_args

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.calibration import apply_temperature, fit_temperature
from mmsrdl.evaluation.functional.cuts import Figure, Scope, TunedThresholds, check_choice
from mmsrdl.evaluation.functional.known_labels import negatives_hidden
from mmsrdl.evaluation.functional.precision_recall import PrecisionRecallF1, precision_recall_f1
from mmsrdl.evaluation.functional.thresholds import (
    best_f1_thresholds,
    choose_shrinkage,
    split_folds,
    thresholds_for_precision,
    thresholds_for_recall,
)
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.evaluation.thresholds import Thresholds

__all__ = [
    "ThresholdComparison",
    "ThresholdTuner",
    "check_disjoint",
    "compare_thresholds",
    "cross_validate",
    "figures_at",
]

Track = Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class ThresholdTuner:
    """Finds thresholds on labelled scores.

    Attributes:
        objective: ``'f1'`` for the highest F1, see :func:`best_f1_thresholds`;
            ``'precision=0.9'`` for the highest recall at that precision, see
            :func:`thresholds_for_precision`; ``'recall=0.8'`` for the highest precision at that
            recall, see :func:`thresholds_for_recall`.
        scope: ``'per_class'``, or ``'global'`` for one threshold of all classes.
        figure: ``'CF1'`` or ``'OF1'``, which the global threshold and the shrinkage look at.
        shrinkage: How many positives the global threshold weighs in that of a class, for
            ``'f1'``; None chooses by cross-validation, see :func:`choose_shrinkage`.
        calibrate: Whether to fit a temperature first, see :func:`fit_temperature`.

    Raises:
        ValueError: An attribute is out of range.
    """

    objective: str = "f1"
    scope: Scope = "per_class"
    figure: Figure = "CF1"
    shrinkage: float | None = None
    calibrate: bool = False

    def __post_init__(self) -> None:
        self._wanted()
        check_choice("scope", self.scope, Scope)
        check_choice("figure", self.figure, Figure)
        if self.shrinkage is not None and not self.shrinkage >= 0:
            raise ValueError(f"shrinkage must be 0 or above, got {self.shrinkage}")

    def tune(self, file: ScoresFile) -> Thresholds:
        """Finds the thresholds.

        Args:
            file: Scores and labels, best of validation images: on images that the model was
                trained on it scores higher than on others, so thresholds tuned there are too
                high. Never of the images on which the result is reported.

        Returns:
            Their protocol names the settings, the number of images, and the classes that did not
            get what was asked for: ``without_positive`` and ``negatives_hidden`` (see
            :func:`negatives_hidden`) have the global threshold, ``not_met`` the nearest to it.

        Raises:
            ValueError: No target is positive, all negatives are unknown, or the scores are no
                probabilities.
        """
        temperature = fit_temperature(file.scores, file.targets) if self.calibrate else 1.0
        scores = apply_temperature(file.scores, temperature)
        tuned, shrinkage = self._search(scores, file.targets)
        positives = (file.targets == 1).sum(0).tolist()
        hidden = negatives_hidden(file.targets).tolist()
        kinds = list(zip(file.names, positives, hidden, tuned.met.tolist(), strict=True))
        protocol: dict[str, Any] = {
            "objective": self.objective,
            "scope": self.scope,
            "figure": self.figure,
            "images": len(file.scores),
            "without_positive": [name for name, count, _, _ in kinds if not count],
            "negatives_hidden": [name for name, _, none, _ in kinds if none],
            "not_met": [name for name, count, none, met in kinds if count and not none | met],
        }
        if shrinkage is not None:
            # JSON has no infinity.
            protocol["shrinkage"] = "inf" if math.isinf(shrinkage) else shrinkage
        return Thresholds(file.names, tuple(tuned.values.tolist()), temperature, protocol)

    def _search(self, scores: Tensor, targets: Tensor) -> tuple[TunedThresholds, float | None]:
        """Thresholds, and the shrinkage if there is one."""
        kind, wanted = self._wanted()
        if kind == "precision":
            return thresholds_for_precision(scores, targets, wanted, self.scope, self.figure), None
        if kind == "recall":
            return thresholds_for_recall(scores, targets, wanted, self.scope, self.figure), None
        if self.scope == "global":
            return best_f1_thresholds(scores, targets, "global", self.figure), None
        shrinkage = self.shrinkage
        if shrinkage is None:
            shrinkage = choose_shrinkage(scores, targets, self.figure)
        return best_f1_thresholds(scores, targets, "per_class", self.figure, shrinkage), shrinkage

    def _wanted(self) -> tuple[str, float]:
        """Kind of the objective, and the precision or recall that is wanted."""
        kind, _, value = self.objective.partition("=")
        if self.objective == "f1":
            return "f1", 0.0
        try:
            wanted = float(value)
        except ValueError:
            wanted = math.nan
        if kind not in ("precision", "recall") or not 0 < wanted <= 1:
            raise ValueError(
                "objective must be f1, precision=P or recall=R with a number in (0, 1], such as "
                f"precision=0.9, got {self.objective!r}"
            )
        return kind, wanted


def figures_at(thresholds: Thresholds, file: ScoresFile) -> PrecisionRecallF1:
    """CP, CR, CF1, OP, OR and OF1 of a scores file at thresholds.

    Raises:
        ValueError: If a class of the file has no threshold.
    """
    scores = thresholds.calibrate(file.scores)
    return precision_recall_f1(scores, file.targets, thresholds.of(file.names, scores.dtype))


def cross_validate(
    tuner: ThresholdTuner, file: ScoresFile, folds: int = 5, track: Track = iter
) -> PrecisionRecallF1:
    """Estimates the figures on other images from the tuning images alone.

    Thresholds are tuned without one fold of the images, with the choice of the shrinkage and the
    temperature, and decide on that fold, in turn; the figures are those of all decisions
    together.

    Args:
        tuner: What tunes.
        file: Scores and labels.
        folds: Number of folds, at least 2.
        track: Wraps the folds, as a progress bar does.

    Raises:
        ValueError: There are fewer images than folds, or none with a positive outside a fold.
    """
    if not 2 <= folds <= len(file.scores):
        raise ValueError(
            f"folds must lie in 2, ..., {len(file.scores)} (the number of images), got {folds}; "
            "give more images, or leave cross-validation out with folds=0"
        )
    decisions = torch.zeros_like(file.targets, dtype=torch.uint8)
    for rest, held in track(list(split_folds(len(file.scores), folds))):
        try:
            thresholds = tuner.tune(file.rows(rest))
        except ValueError as error:
            raise ValueError(
                f"cross-validation with folds={folds}: without one of them, {error}; give more "
                "images, or leave cross-validation out with folds=0"
            ) from error
        decisions[held] = thresholds.decide(file.scores[held], file.names).to(torch.uint8)
    return precision_recall_f1(decisions, file.targets)


def check_disjoint(tuning: ScoresFile, judged: ScoresFile) -> bool:
    """Refuses to judge thresholds on images that they were tuned on.

    Returns:
        Whether the images are known to differ. Files without ``img_path`` do not tell.

    Raises:
        ValueError: An image is in both files, or the files hold the same scores.
    """
    ours, theirs = (
        {os.path.abspath(path) for path in file.img_path if path} for file in (tuning, judged)
    )
    shared = sorted(ours & theirs)
    if shared:
        raise ValueError(
            f"{len(shared)} of {len(judged.scores)} judged images are among those tuned on, such "
            f"as {shared[0]}; judge thresholds on other images"
        )
    if torch.equal(tuning.scores, judged.scores):
        raise ValueError(
            "the judged scores are those tuned on, number by number; judge thresholds on other "
            "images"
        )
    return all(file.img_path and all(file.img_path) for file in (tuning, judged))


@dataclass(frozen=True)
class ThresholdComparison:
    """Threshold 0.5, one tuned threshold, and one tuned threshold a class.

    Attributes:
        thresholds: Of ``'0.5'``, ``'global'`` and ``'per_class'``.
        tuning: Their figures on the images they were tuned on: optimistic.
        cross_validated: Their figures by :func:`cross_validate`; None without.
        judged: Their figures on other images; None without.
        disjoint: What :func:`check_disjoint` says of these; None without.
    """

    thresholds: dict[str, Thresholds]
    tuning: dict[str, PrecisionRecallF1]
    cross_validated: dict[str, PrecisionRecallF1] | None = None
    judged: dict[str, PrecisionRecallF1] | None = None
    disjoint: bool | None = None


def compare_thresholds(
    tuner: ThresholdTuner,
    tuning: ScoresFile,
    judged: ScoresFile | None = None,
    folds: int = 5,
    track: Track = iter,
) -> ThresholdComparison:
    """Compares threshold 0.5 with tuned ones, on tuning images and on others.

    Args:
        tuner: What tunes; both scopes are tried.
        tuning: Scores and labels to tune on.
        judged: Scores and labels of other images, of classes among those tuned on.
        folds: Number of folds for :func:`cross_validate`; 0 leaves it out.
        track: Wraps the folds, as a progress bar does.

    Raises:
        ValueError: An image is in both files, a class of ``judged`` was not tuned on, or the
            scores cannot be tuned on.
    """
    disjoint = None if judged is None else check_disjoint(tuning, judged)
    tuners = {scope: replace(tuner, scope=scope) for scope in get_args(Scope)[::-1]}
    half = Thresholds(tuning.names, (0.5,) * len(tuning.names))
    thresholds = {"0.5": half, **{scope: each.tune(tuning) for scope, each in tuners.items()}}
    own = {name: figures_at(each, tuning) for name, each in thresholds.items()}
    crossed = None
    if folds:
        crossed = {"0.5": own["0.5"]}  # which needs no tuning
        for scope, each in tuners.items():
            crossed[scope] = cross_validate(each, tuning, folds, track)
    theirs = None
    if judged is not None:
        theirs = {name: figures_at(each, judged) for name, each in thresholds.items()}
    return ThresholdComparison(thresholds, own, crossed, theirs, disjoint)
