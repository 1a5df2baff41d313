r"""Does a classifier lean on context? Average precision with and without a class's companions.

The argument is that of SRDL (Sec. 1) and of Singh et al., "Don't Judge an Object by Its Context",
CVPR 2020: where labels occur together in training, a classifier learns the company in place of the
object. The measure is ours.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.datasets.statistics import LabelStatistics
from mmsrdl.evaluation.functional.normalized_ap import normalized_average_precision
from mmsrdl.evaluation.functional.resampling import resampled_counts
from mmsrdl.evaluation.functional.validation import check_scores_and_targets, check_targets

__all__ = [
    "Breakdown",
    "CompanionRule",
    "ContextFigures",
    "GroupFigure",
    "companion_presence",
    "context_figures",
    "largest_areas",
    "mean_context_figures",
    "usual_companions",
]

MOST_LABELS = 4
"""Images with more labels are of one group with those of so many."""
SIZES = ("small", "medium", "large")
COCO_AREAS = (32**2 / (640 * 480), 96**2 / (640 * 480))
"""Shares of an image of 640 x 480 that COCO's bounds of 32 x 32 and 96 x 96 pixels are."""
RARITIES = ("rare", "medium", "frequent")


@dataclass(frozen=True)
class CompanionRule:
    r"""Which classes are the usual companions of a class c, by the training labels.

    Those classes j with :math:`P(j | c) \ge` ``min_probability``, and with a lift
    :math:`P(j | c) / P(j) >` ``min_lift``: they are often beside c, and more often than anywhere.

    Attributes:
        min_probability: In [0, 1].
        min_lift: 0 or more; at 1, a companion is one that c makes likelier.

    Raises:
        TypeError: One is no number.
        ValueError: One is out of range.
    """

    min_probability: float = 0.2
    min_lift: float = 1.0

    def __post_init__(self) -> None:
        check_number("min_probability", self.min_probability, 0, 1, 0.2)
        check_number("min_lift", self.min_lift, 0, example=1)

    def describe(self) -> str:
        """Return the rule in words."""
        return f"P(j | c) >= {self.min_probability:g} and lift > {self.min_lift:g} in training"


def usual_companions(training: LabelStatistics, rule: CompanionRule | None = None) -> Tensor:
    """Find the usual companions of every class.

    Args:
        training: Numbers of the training labels. Unknown ones are left out as in
            :func:`conditional_probability`.
        rule: Defaults to ``CompanionRule()``.

    Returns:
        bool [C, C]: whether class j is a companion of class i; never of itself.
    """
    rule = rule or CompanionRule()
    chance = torch.from_numpy(training.conditional)
    # In the precision of the chances: as many as without c is a lift of 1, and 7 of 10 are 0.7.
    least = torch.tensor(rule.min_probability, dtype=chance.dtype)
    expected = (rule.min_lift * torch.from_numpy(training.known_frequency)).to(chance.dtype)
    companions = (chance >= least) & (chance > 0) & (chance > expected)
    return companions.fill_diagonal_(False)


def companion_presence(targets: Tensor, companions: Tensor) -> Tensor:
    """Tell which images hold a companion of each class.

    Args:
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown).
        companions: bool [C, C], see :func:`usual_companions`.

    Returns:
        int8 [N, C]: 1 where a companion is known to be there; 0 where all are known not to be; -1
        where neither is known, and for classes without a companion.

    Raises:
        ValueError: The targets hold another value, or the numbers of classes differ.
    """
    check_targets(targets)
    classes = targets.shape[1]
    if companions.shape != (classes, classes):
        raise ValueError(
            f"companions must be [{classes}, {classes}] for the classes of targets, got "
            f"{list(companions.shape)}"
        )
    links = companions.T.float()
    held, open_ = ((targets == value).float() @ links > 0 for value in (1, -1))
    presence = held.to(torch.int8).masked_fill_(open_ & ~held, -1)
    return presence.masked_fill_(~companions.any(1), -1)


@dataclass(frozen=True, eq=False)
class GroupFigure:
    """AP_N of a group, the mean over its classes.

    Attributes:
        ap: Fractions [1 + B]: the figure, then its bootstrap replicates. NaN without a class.
        same: As ``ap``, of all positives against all negatives of the same classes: what the
            group is compared with.
        classes: Indices of the classes that have enough entries in the group.
        count: Entries (positives, or negatives) of the group in these classes.
    """

    ap: np.ndarray
    same: np.ndarray
    classes: tuple[int, ...]
    count: int


@dataclass(frozen=True, eq=False)
class Breakdown:
    """AP_N of groups that divide the entries of classes, or the classes.

    Attributes:
        groups: By name.
        left_out: Indices of the classes that have positives and are in no group, as they have too
            few entries.
        gap: Difference [1 + B] of a breakdown with two sides, replicate by replicate, positive
            where companions help (``context``) or harm (``false_alarms``); None of others.
    """

    groups: Mapping[str, GroupFigure]
    left_out: tuple[int, ...]
    gap: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class ContextFigures:
    """What :func:`context_figures` returns.

    Attributes:
        positives: N of AP_N.
        overall: All positives against all negatives, [1 + B], of the classes with enough positives.
        breakdowns: By name: ``context``, ``false_alarms``, ``rarity``, ``labels`` and, with
            areas, ``size``.
        per_class: AP_N [C] of the groups ``with`` and ``without`` of ``context`` by name.
        counts: Positives [C] of the same groups.
        companions: See :func:`usual_companions`.
    """

    positives: float
    overall: np.ndarray
    breakdowns: Mapping[str, Breakdown]
    per_class: Mapping[str, np.ndarray]
    counts: Mapping[str, np.ndarray]
    companions: Tensor

    def flat(self) -> Iterator[tuple[str, str, np.ndarray, GroupFigure | None]]:
        """Yield breakdown, group, figure [1 + B] and the group (None of a gap), in order."""
        for name, breakdown in self.breakdowns.items():
            for group, figure in breakdown.groups.items():
                yield name, group, figure.ap, figure
            if breakdown.gap is not None:
                yield name, "gap", breakdown.gap, None


def context_figures(
    scores: Tensor,
    targets: Tensor,
    training: LabelStatistics,
    rule: CompanionRule | None = None,
    areas: Tensor | None = None,
    area_bounds: Sequence[float] = COCO_AREAS,
    rarity_bounds: Sequence[int] | None = None,
    min_positives: int = 10,
    min_negatives: int = 100,
    positives: float | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> ContextFigures:
    """Measure how AP depends on a class's company, rarity, the number of labels and the size.

    All is AP_N, see :func:`normalized_average_precision`, with one N for all groups and classes,
    averaged over classes; the groups of

    - ``context``: positives in images ``with`` a usual companion of the class and ``without`` any,
      both against all negatives of the class. The classes are those with enough positives in both;
    - ``false_alarms``: all positives against the negatives in images ``with`` a companion and
      ``without`` any, as if all negatives were of that kind. The classes are those with enough
      negatives in both;
    - ``rarity``: classes that are ``rare``, ``medium`` and ``frequent`` in training;
    - ``labels``: positives in images of ``1``, ``2``, ``3`` and ``4+`` labels, against all
      negatives;
    - ``size``: positives whose largest object is ``small``, ``medium`` or ``large``, likewise.

    What is not known decides nothing: entries of -1 are in no group, as is a positive beside
    unknown labels on which it depends whether a companion is there, or how many labels there are.

    Args:
        scores: [N, C], any real number.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown, left out).
        training: Numbers of the training labels, of the same classes in the same order.
        rule: Which companions are usual; defaults to ``CompanionRule()``.
        areas: Share of the image that the largest object of each class takes, [N, C], NaN where it
            is not known. None: no ``size``.
        area_bounds: From which shares on an object is medium, and large. Those of COCO's 32 x 32
            and 96 x 96 pixels in an image of 640 x 480 by default.
        rarity_bounds: From how many training images on a class is medium, and frequent. None:
            thirds of the classes.
        min_positives: A class counts in a group where it has at least so many positives.
        min_negatives: A class counts in ``false_alarms`` where each group has at least so many
            negatives; the AP of few lies too high (docs/context.md).
        positives: N of AP_N. None: the mean number of positives of the classes that have any. Give
            one to compare different sets of images.
        replicates: Of the bootstrap over images; 0: no intervals.
        seed: Of the bootstrap.

    Raises:
        TypeError: A number is of another type.
        ValueError: A number is out of range, shapes do not fit, no class has enough positives, or
            the input is malformed (see :func:`check_scores_and_targets`).
    """
    check_scores_and_targets(scores, targets)
    check_integer("min_positives", min_positives, low=1, example=10)
    check_integer("min_negatives", min_negatives, low=1, example=100)
    _check_training(training, targets.shape[1])
    number = (targets == 1).sum(0)
    if not (number >= min_positives).any():
        raise ValueError(
            f"none of {len(number)} classes has min_positives={min_positives} positives in "
            f"{len(targets)} images; measure on more images, or give a smaller min_positives"
        )
    if positives is None:
        positives = number[number > 0].double().mean().item()
    companions = usual_companions(training, rule).to(targets.device)
    presence = companion_presence(targets, companions)
    groups = {
        ("overall", "all"): torch.ones_like(presence, dtype=torch.bool),
        ("context", "with"): presence == 1,
        ("context", "without"): presence == 0,
        **_label_groups(targets),
        **_size_groups(areas, area_bounds, targets),
    }
    weights = resampled_counts(len(targets), replicates, seed)
    ap = normalized_average_precision(
        scores, targets, positives, list(groups.values()), weights=weights
    )
    sides = [groups["context", "with"], groups["context", "without"]]
    alarms = normalized_average_precision(scores, targets, positives, sides, "negatives", weights)
    found = {
        key: _Entries(ap[:, g].numpy(), _count(group & (targets == 1)))
        for g, (key, group) in enumerate(groups.items())
    }
    of_negatives = {
        name: _Entries(alarms[:, g].numpy(), _count(side & (targets == 0)))
        for g, (name, side) in enumerate(zip(("with", "without"), sides, strict=True))
    }
    pool = _Pool(found.pop(("overall", "all")), min_positives)
    context = {name: found.pop(("context", name)) for name in ("with", "without")}
    breakdowns = {
        "context": pool.two_sides(context, min_positives, helps=True),
        "false_alarms": pool.two_sides(of_negatives, min_negatives, helps=False),
        "rarity": pool.of_classes(_rarity_groups(training.positives, rarity_bounds)),
    }
    for name in dict.fromkeys(name for name, _ in found):
        breakdowns[name] = pool.groups({g: each for (of, g), each in found.items() if of == name})
    return ContextFigures(
        positives=positives,
        overall=pool.overall(),
        breakdowns=breakdowns,
        per_class={name: each.ap[0] for name, each in context.items()},
        counts={name: each.counts for name, each in context.items()},
        companions=companions.cpu(),
    )


class _Entries(NamedTuple):
    """AP_N [1 + B, C] of a group in every class, and how many entries it has there, [C]."""

    ap: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class _Pool:
    """Averages groups over the classes that have enough entries."""

    everything: _Entries
    least: int

    def overall(self) -> np.ndarray:
        """AP_N of all positives."""
        return _mean(self.everything.ap[:, self._enough(self.everything)])

    def groups(self, groups: Mapping[str, _Entries]) -> Breakdown:
        """Groups whose classes differ, each beside all positives of its own classes."""
        figures = {
            name: self._figure(entries, self._enough(entries)) for name, entries in groups.items()
        }
        return Breakdown(figures, self._left_out(figures))

    def two_sides(self, groups: Mapping[str, _Entries], least: int, helps: bool) -> Breakdown:
        """Groups ``with`` and ``without`` companions, of the same classes."""
        shared = self._enough(self.everything)
        undefined = np.zeros_like(self.everything.ap, dtype=bool)
        for entries in groups.values():
            shared &= entries.counts >= least
            undefined |= np.isnan(entries.ap)
        figures = {
            name: self._figure(entries._replace(ap=np.where(undefined, np.nan, entries.ap)), shared)
            for name, entries in groups.items()
        }
        gap = figures["with"].ap - figures["without"].ap
        return Breakdown(figures, self._left_out(figures), gap if helps else -gap)

    def of_classes(self, groups: Mapping[str, np.ndarray]) -> Breakdown:
        """Groups of classes, bool [C] each, beside all classes."""
        enough, overall = self._enough(self.everything), self.overall()
        figures = {
            name: replace(self._figure(self.everything, enough & members), same=overall)
            for name, members in groups.items()
        }
        return Breakdown(figures, self._left_out(figures))

    def _enough(self, entries: _Entries) -> np.ndarray:
        return entries.counts >= self.least

    def _figure(self, entries: _Entries, classes: np.ndarray) -> GroupFigure:
        own, all_ = entries.ap[:, classes], self.everything.ap[:, classes]
        same = _mean(np.where(np.isnan(own), np.nan, all_))
        index = tuple(np.flatnonzero(classes).tolist())
        return GroupFigure(_mean(own), same, index, int(entries.counts[classes].sum()))

    def _left_out(self, figures: Mapping[str, GroupFigure]) -> tuple[int, ...]:
        counted = {c for figure in figures.values() for c in figure.classes}
        return tuple(c for c in np.flatnonzero(self.everything.counts).tolist() if c not in counted)


def largest_areas(labels: Tensor, shares: Tensor, classes: int) -> Tensor:
    """Find the largest object of every class of an image.

    Args:
        labels: Classes of M objects, int64 [M].
        shares: Which share of the image each takes, [M].
        classes: C.

    Returns:
        float64 [C]; NaN for a class without an object.
    """
    areas = torch.full((classes,), -1.0, dtype=torch.float64)
    areas.scatter_reduce_(0, labels, shares.double(), "amax")
    return areas.masked_fill_(areas < 0, torch.nan)


def mean_context_figures(runs: Sequence[ContextFigures]) -> ContextFigures:
    """Average the figures of several runs, such as seeds, on the same images.

    Replicate b of all runs drew the same images, so that the intervals are over images, of the
    mean over the runs.

    Args:
        runs: At least one, with the same targets and arguments of :func:`context_figures`.

    Raises:
        ValueError: There is none, or they are of different images or arguments.
    """
    if not runs:
        raise ValueError("runs must hold the figures of at least one run, got none")
    first = runs[0]
    for run in runs[1:]:
        if _shape(run) != _shape(first):
            raise ValueError(
                "the runs are of different images, classes or options, so that they have no mean; "
                "score the same images in all, and measure them alike"
            )
    return replace(
        first,
        overall=np.mean([run.overall for run in runs], axis=0),
        breakdowns={
            name: _mean_breakdown([run.breakdowns[name] for run in runs])
            for name in first.breakdowns
        },
        per_class={
            group: np.mean([run.per_class[group] for run in runs], axis=0)
            for group in first.per_class
        },
    )


def _mean_breakdown(runs: Sequence[Breakdown]) -> Breakdown:
    groups = {}
    for name, first in runs[0].groups.items():
        same_group = [run.groups[name] for run in runs]
        ap = np.mean([figure.ap for figure in same_group], axis=0)
        same = np.mean([figure.same for figure in same_group], axis=0)
        groups[name] = replace(first, ap=ap, same=same)
    gaps = [run.gap for run in runs if run.gap is not None]
    gap = np.mean(gaps, axis=0) if gaps else None
    return Breakdown(groups, runs[0].left_out, gap)


def _shape(run: ContextFigures) -> object:
    """What the figures of runs on the same images have in common."""
    groups = [
        (name, group, figure.classes, figure.count)
        for name, group, _, figure in run.flat()
        if figure is not None
    ]
    return run.positives, len(run.overall), groups


def _check_training(training: LabelStatistics, classes: int) -> None:
    if len(training.classes) != classes:
        raise ValueError(
            f"training is of {len(training.classes)} classes, but the scores are of {classes}; "
            "give the numbers of the same classes in the same order"
        )


def _count(entries: Tensor) -> np.ndarray:
    return entries.sum(0).cpu().numpy()


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the classes, [R], of values [R, K]; NaN are left out."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):  # no class: NaN
        return np.where(known, values, 0).sum(1) / known.sum(1)


def _label_groups(targets: Tensor) -> dict[tuple[str, str], Tensor]:
    """Entries of images by their number of labels, where it is known well enough."""
    least = (targets == 1).sum(1, keepdim=True)
    most = least + (targets == -1).sum(1, keepdim=True)
    groups = {}
    for number in range(1, MOST_LABELS):
        groups["labels", str(number)] = (least == number) & (most == number)
    groups["labels", f"{MOST_LABELS}+"] = least >= MOST_LABELS
    return {key: group.expand_as(targets) for key, group in groups.items()}


def _size_groups(
    areas: Tensor | None, bounds: Sequence[float], targets: Tensor
) -> dict[tuple[str, str], Tensor]:
    """Entries by the share of the image that the object takes."""
    if areas is None:
        return {}
    check_bounds("area_bounds", bounds, example=(0.01, 0.1))
    if areas.shape != targets.shape or (areas < 0).any():
        raise ValueError(
            f"areas must be shares of 0 or more, or NaN, of the shape {list(targets.shape)} of "
            f"targets, got {list(areas.shape)}"
        )
    edges = (-1.0, *bounds, float("inf"))
    return {
        ("size", name): (areas >= low) & (areas < high)
        for name, (low, high) in zip(SIZES, pairwise(edges), strict=True)
    }


def _rarity_groups(counts: np.ndarray, bounds: Sequence[int] | None) -> dict[str, np.ndarray]:
    """Classes by their number of training images, bool [C]."""
    if bounds is None:
        order = np.argsort(counts, kind="stable")
        places = [np.isin(np.arange(len(counts)), part) for part in np.array_split(order, 3)]
    else:
        check_bounds("rarity_bounds", bounds, example=(20, 100))
        low, high = bounds
        places = [counts < low, (counts >= low) & (counts < high), counts >= high]
    return dict(zip(RARITIES, places, strict=True))


def check_bounds(name: str, bounds: object, example: tuple[float, float]) -> None:
    """Refuse what is not two positive numbers that rise.

    Args:
        name: Name of the argument.
        bounds: What was given.
        example: Two that would do, for the message.

    Raises:
        TypeError: An entry is no number.
        ValueError: They are not two, not above 0, or do not rise.
    """
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        raise ValueError(f"{name}={bounds!r} must be two numbers, such as {example}")
    for bound in bounds:
        check_number(f"an entry of {name}", bound, low=0, example=example[0])
    if not 0 < bounds[0] < bounds[1]:
        raise ValueError(f"{name}={bounds!r} must rise and be above 0, such as {example}")
