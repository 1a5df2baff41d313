"""Differences of mAP to a baseline, paired by seed and image, with their intervals."""

import math
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
SEED_DRAWS = 50
"""Of Student's t in each replicate, and as many of the other sign."""
COMPARISON = (
    "The difference to the baseline is paired by seed and image; its 95 % interval is over images, "
    f"the same for both, which are drawn anew in {REPLICATES:,} replicates, and over seeds, by "
    "Student's t of the differences."
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
    and AP is computed on them anew. To the mean over the S seeds that a system shares with the
    baseline a draw of Student's t with S - 1 degrees of freedom is added, times the standard error
    of their S differences: where images decide nothing, that is Student's interval. (Seeds drawn
    with replacement would not do: of two seeds the interval would be from one to the other, which
    holds the expected value half of the time.) The ends are those of :func:`interval_95`. Of a
    single seed the interval says what other images would change, and nothing of seeds.

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
        name: _difference(
            _resampled({each: systems[name][each] for each in shared}, counts),
            of_baseline,
            shared,
            seed,
        )
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
    values = differences.mean(1).numpy()  # (1 + R), over the seeds
    low, high = interval_95(np.append(values[0], _with_seeds(values[1:], differences[0], seed)))
    return Difference(float(values[0]), low, high, number)


def _with_seeds(replicates: np.ndarray, of_seeds: Tensor, seed: int) -> np.ndarray:
    """Adds what other seeds would change to replicates [R], from the differences of S seeds."""
    number = len(of_seeds)
    if number == 1:
        return replicates
    rng = np.random.default_rng([seed, number])
    drawn = rng.standard_t(number - 1, size=(len(replicates), SEED_DRAWS))
    error = of_seeds.std().item() / math.sqrt(number)
    # Both signs, as t of one degree of freedom has no mean for the interval to be moved by.
    return (replicates[:, None] + error * np.concatenate([drawn, -drawn], 1)).ravel()
