from dataclasses import replace

import numpy as np
import pytest
import torch

from experiments.paired import Difference, _with_seeds, paired_differences
from mmsrdl.evaluation import ScoresFile, average_precision
from mmsrdl.evaluation.functional import resampled_counts

CLASSES = ("a", "b", "c")


def scores_of(strength: float, seed: int, images: int = 80) -> ScoresFile:
    """Scores that tell positives by their strength; labels are the same for every seed."""
    targets = (torch.rand(images, 3, generator=torch.Generator().manual_seed(9)) < 0.3).to(
        torch.int8
    )
    targets[::9, 0] = -1
    noise = torch.randn(images, 3, generator=torch.Generator().manual_seed(seed))
    scores = (noise + strength * targets).sigmoid()
    return ScoresFile(CLASSES, scores, targets, torch.arange(images))


def mean_ap(file: ScoresFile, images: torch.Tensor) -> float:
    ap = average_precision(file.scores[images], file.targets[images])
    return 100 * ap.nanmean().item()


def test_equals_a_loop_over_replicates() -> None:
    systems = {
        "base": {0: scores_of(1.0, 0), 1: scores_of(1.0, 1), 2: scores_of(1.0, 2)},
        "other": {1: scores_of(2.0, 11), 2: scores_of(2.0, 12), 5: scores_of(2.0, 15)},
        "alone": {7: scores_of(0.5, 27)},
    }
    found = paired_differences(systems, "base", replicates=40, seed=3)
    assert found.keys() == {"other"}
    differences = []
    for count in resampled_counts(80, 40, 3).T[1:]:
        images = torch.repeat_interleave(torch.arange(80), count.int())
        each = [
            mean_ap(systems["other"][seed], images) - mean_ap(systems["base"][seed], images)
            for seed in (1, 2)
        ]
        differences.append(np.mean(each))
    everything = torch.arange(80)
    of_seeds = [
        mean_ap(systems["other"][seed], everything) - mean_ap(systems["base"][seed], everything)
        for seed in (1, 2)
    ]
    mean = np.mean(of_seeds)
    drawn = np.random.default_rng([3, 2]).standard_t(1, size=(40, 50))
    drawn *= abs(of_seeds[0] - of_seeds[1]) / 2  # the standard error of two
    replicates = [value + each * sign for value, row in zip(differences, drawn, strict=True)
                  for each in row for sign in (1, -1)]  # fmt: skip
    assert found["other"].mean == pytest.approx(mean, abs=1e-9)
    assert found["other"].seeds == 2
    low, high = np.percentile(replicates, (2.5, 97.5)) + mean - np.mean(differences)
    assert (found["other"].low, found["other"].high) == pytest.approx((low, high), abs=1e-9)


def test_the_order_of_images_and_what_keeps_the_order_of_scores_change_nothing() -> None:
    systems = {"base": {0: scores_of(1.0, 0)}, "other": {0: scores_of(1.5, 1)}}
    before = paired_differences(systems, "base", replicates=10)["other"]
    bent = {
        name: {0: replace(file, scores=file.scores.pow(3))}
        for name, files in systems.items()
        for file in files.values()
    }
    assert paired_differences(bent, "base", replicates=10)["other"] == before
    order = torch.randperm(80, generator=torch.Generator().manual_seed(0))
    turned = {name: {0: files[0].rows(order)} for name, files in systems.items()}
    assert paired_differences(turned, "base", 10)["other"].mean == pytest.approx(before.mean)


def test_equal_systems_differ_by_nothing_and_pairing_narrows() -> None:
    one, two = scores_of(1.0, 0), scores_of(1.0, 1)
    same = paired_differences({"base": {0: one}, "same": {0: one}}, "base")["same"]
    assert same == Difference(0.0, 0.0, 0.0, 1)
    assert str(same) == "+0.00 [+0.00, +0.00]"
    nearly = replace(one, scores=one.scores + 1e-3 * two.scores)
    found = paired_differences(
        {"base": {0: one}, "nearly": {0: nearly}, "another": {0: two}}, "base"
    )
    assert found["nearly"].high - found["nearly"].low < 0.2
    assert found["another"].high - found["another"].low > 5


def test_seeds_count_in_the_interval() -> None:
    """Of the same images, three seeds that differ widely say less than three that agree."""
    base = {seed: scores_of(1.0, 0) for seed in range(3)}
    agreeing = {seed: scores_of(2.0, 20) for seed in range(3)}
    differing = {seed: scores_of(strength, 20) for seed, strength in enumerate((1.0, 2.0, 3.0))}
    found = paired_differences({"base": base, "a": agreeing, "d": differing}, "base")
    assert found["d"].high - found["d"].low > 1.5 * (found["a"].high - found["a"].low)


@pytest.mark.parametrize(("seeds", "quantile"), [(2, 12.706), (3, 4.303), (5, 2.776)])
def test_the_interval_is_students_where_images_decide_nothing(seeds: int, quantile: float) -> None:
    of_seeds = torch.randn(seeds, generator=torch.Generator().manual_seed(0)).double()
    drawn = _with_seeds(np.zeros(1000), of_seeds, seed=0)
    half = quantile * of_seeds.std().item() / seeds**0.5
    assert np.quantile(drawn, 0.975) == pytest.approx(half, rel=0.06)
    assert drawn.mean() == pytest.approx(0, abs=1e-9)


def test_scores_of_other_images_are_refused() -> None:
    systems = {"base": {0: scores_of(1.0, 0)}, "other": {0: scores_of(1.0, 1, images=70)}}
    with pytest.raises(ValueError, match="the scores of other, seed 0, are of other images"):
        paired_differences(systems, "base")
