"""Differences of mAP to a baseline, paired by seed and image, with bootstrap intervals."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional import (
    interval_95,
    resampled_average_precision,
    resampled_counts,
)
from mmsrdl.evaluation.scores_file import ScoresFile

__all__ = ["COMPARISON", "REPLICATES", "Difference", "check_baseline", "paired_differences"]

REPLICATES = 1000
COMPARISON = (
    f"The difference to the baseline is paired by seed and image: 95 % of {REPLICATES:,} "
    "replicates in which images, the same for both, and seeds are drawn anew."
)
"""What a table says of its differences."""
Scores = Mapping[int, ScoresFile]
"""Seeds of trainings to their scores."""


@dataclass(frozen=True)
class Difference:
    """The mAP of one system less that of another, in percent.

    Attributes:
        mean: Over the seeds that both have, on all images.
        low: Lower end of the 95 % interval.
        high: Upper end.
        seeds: How many seeds both have.
    """

    mean: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def check_baseline(baseline: str, known: Collection[str]) -> None:
    """Raises a ValueError if a baseline is not among those that are known."""
    if baseline not in known:
        raise ValueError(f"--baseline {baseline} is none of {', '.join(sorted(known))}")


def paired_differences(
    systems: Mapping[str, Scores], baseline: str, replicates: int = REPLICATES, seed: int = 0
) -> dict[str, Difference]:
    """Computes how far the mAP of each system is from a baseline's.

    In each replicate the images are drawn with replacement, the same for all systems and seeds,
    and AP is computed on them anew; and of the S seeds that a system shares with the baseline S - 1
    are drawn with replacement, the same for both. With S of S the spread of a mean over so few
    seeds would come out too narrow by the factor (S - 1) / S in variance (Rao and Wu, Resampling
    inference with complex survey data, JASA 1988). The interval is that of
    :func:`interval_95`. Of a single seed it says what other images would change, and nothing of
    seeds.

    mAP is the mean of the classes with a positive in the replicate (a rare class may have none),
    raw AP, without the entries of -1.

    Args:
        systems: Names to scores; all on the same images.
        baseline: A name among them.
        replicates: R.
        seed: Seed of the draws.

    Returns:
        Names to differences, of those that share a seed with the baseline, without itself.

    Raises:
        ValueError: If scores are of other images, labels or classes than the baseline's.
    """
    against = systems[baseline]
    names = {
        name: sorted(scores.keys() & against.keys())
        for name, scores in systems.items()
        if name != baseline and scores.keys() & against.keys()
    }
    if not names:
        return {}
    first = next(iter(against.values()))
    for name in (baseline, *names):
        _check_same_images(name, systems[name], baseline, first)
    counts = resampled_counts(len(first.scores), replicates, seed)
    of_baseline = _resampled(against, counts)
    return {
        name: _difference(_resampled(systems[name], counts), of_baseline, shared, seed)
        for name, shared in names.items()
    }


def _check_same_images(name: str, scores: Scores, baseline: str, first: ScoresFile) -> None:
    for seed, file in scores.items():
        if file.names != first.names or not (
            torch.equal(file.sample_idx, first.sample_idx)
            and torch.equal(file.targets, first.targets)
        ):
            raise ValueError(
                f"the scores of {name}, seed {seed}, are of other images, labels or classes than "
                f"those of the baseline {baseline}; run both on the same data"
            )


def _resampled(scores: Scores, counts: Tensor) -> dict[int, Tensor]:
    """Computes mAP [1 + R] of each seed, in percent; the first is of the images as they are."""
    return {
        seed: 100 * resampled_average_precision(file.scores, file.targets, counts).nanmean(1)
        for seed, file in scores.items()
    }


def _difference(
    system: dict[int, Tensor], baseline: dict[int, Tensor], shared: list[int], seed: int
) -> Difference:
    differences = torch.stack([system[each] - baseline[each] for each in shared], 1)  # (R, S)
    number = len(shared)
    rng = np.random.default_rng([seed, number])
    drawn = rng.integers(number, size=(len(differences) - 1, max(number - 1, 1)))
    replicates = differences[1:].gather(1, torch.from_numpy(drawn)).mean(1)
    mean = differences[0].mean()
    low, high = interval_95(torch.cat([mean[None], replicates]).numpy())
    return Difference(mean.item(), low, high, number)
