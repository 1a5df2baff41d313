"""Context, rarity, labels and size, against loops and planted cases."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.datasets.statistics import LabelStatistics, label_statistics
from mmsrdl.evaluation import (
    CompanionRule,
    ContextFigures,
    companion_presence,
    context_figures,
    interval_95,
    mean_context_figures,
    usual_companions,
)
from mmsrdl.evaluation.functional.context import largest_areas
from tests.reference import context as reference

CLASSES = tuple("abcdef")


def labels(images: int, seed: int) -> Tensor:
    """Labels of six classes: b follows a, d follows c, and e is everywhere."""
    generator = torch.Generator().manual_seed(seed)
    chance = torch.tensor([0.3, 0.1, 0.2, 0.1, 0.6, 0.15])
    found = torch.rand(images, 6, generator=generator) < chance
    follows = torch.rand(images, 2, generator=generator) < 0.6
    found[:, 1] |= found[:, 0] & follows[:, 0]
    found[:, 3] |= found[:, 2] & follows[:, 1]
    return found.long()


def case(ties: bool = False) -> tuple[Tensor, Tensor, LabelStatistics, Tensor]:
    generator = torch.Generator().manual_seed(4)
    targets = labels(120, 1)
    scores = torch.randn(120, 6, generator=generator, dtype=torch.float64) + targets
    targets[torch.rand(120, 6, generator=generator) < 0.05] = -1
    areas = torch.rand(120, 6, generator=generator, dtype=torch.float64) ** 3
    areas[torch.rand(120, 6, generator=generator) < 0.2] = torch.nan
    training = label_statistics(labels(300, 2).numpy(), CLASSES)
    return (scores.round() if ties else scores), targets, training, areas


def figures_of(**options: Any) -> ContextFigures:
    scores, targets, training, _ = case()
    return context_figures(scores, targets, training, **{"replicates": 0, **options})


@pytest.mark.parametrize(("probability", "lift"), [(0.2, 1), (0.2, 0), (0.5, 1), (0, 1.5), (1, 0)])
def test_companions_against_a_loop(probability: float, lift: float) -> None:
    rows = labels(200, 3)
    rows[:, 5] = 0  # a class that is never there
    found = usual_companions(
        label_statistics(rows.numpy(), CLASSES), CompanionRule(probability, lift)
    )
    wanted = reference.companions(rows.tolist(), probability, lift)
    if not probability:  # what is never beside it is no companion
        wanted = [{j for j in each if j != 5} for each in wanted]
    assert [set(row.nonzero().flatten().tolist()) for row in found] == wanted


def test_companions_at_the_very_bounds() -> None:
    """Three of ten with it and 30 of 100 in all is a lift of 1; seven of ten is 0.7."""
    rows = np.zeros((100, 2), dtype=int)
    rows[:10, 0] = 1
    rows[:3, 1] = rows[10:37, 1] = 1
    assert not usual_companions(label_statistics(rows, "ab")).any()
    rows[:7, 1], rows[10:37, 1] = 1, 0
    assert usual_companions(label_statistics(rows, "ab"), CompanionRule(0.7))[0, 1]


def test_hidden_training_labels_change_no_companion() -> None:
    """Each label known with the probability 1/2: the same shares, of fewer images."""
    rows = labels(20000, 3)
    hidden = torch.rand(rows.shape, generator=torch.Generator().manual_seed(0)) < 0.5
    full, part = (
        label_statistics(each.numpy(), CLASSES) for each in (rows, rows.masked_fill(hidden, -1))
    )
    rule = CompanionRule(0.2, 1.2)
    assert usual_companions(full, rule).any()
    assert torch.equal(usual_companions(full, rule), usual_companions(part, rule))
    np.testing.assert_allclose(part.known_frequency, full.known_frequency, atol=0.02)


def test_training_labels_that_name_positives_alone() -> None:
    rows = labels(500, 3)
    full, named = (
        label_statistics(each.numpy(), CLASSES) for each in (rows, torch.where(rows == 1, 1, -1))
    )
    assert torch.equal(usual_companions(full), usual_companions(named))
    np.testing.assert_allclose(named.known_frequency, full.known_frequency)


def test_presence_against_a_loop() -> None:
    _, targets, training, _ = case()
    companions = usual_companions(training)
    found = companion_presence(targets, companions)
    around = [set(row.nonzero().flatten().tolist()) for row in companions]
    words = {True: 1, False: 0, None: -1}
    wanted = [[words[reference.has_companion(row, each)] for each in around] for row in targets]
    assert found.tolist() == wanted
    assert {-1, 0, 1} == set(found.flatten().tolist())


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("least", [1, 5, 12])
def test_every_figure_against_loops(ties: bool, least: int) -> None:
    scores, targets, training, areas = case(ties)
    bounds = (0.05, 0.3)
    found = context_figures(
        scores, targets, training, None, areas, bounds, min_positives=least,
        min_negatives=(fewest := 10 + 2 * least), replicates=0,
    )  # fmt: skip
    rows, labeled = scores.tolist(), targets.tolist()
    number = [sum(row[c] == 1 for row in labeled) for c in range(6)]
    n = sum(number) / 6
    assert found.positives == pytest.approx(n)
    around = reference.companions(labels(300, 2).tolist(), 0.2, 1)

    def ap(c: int, **chosen: Any) -> float:
        return reference.normalized_ap(rows, labeled, n, c, **chosen)

    every = {c: ap(c) for c in range(6) if number[c] >= least}
    assert found.overall[0] == pytest.approx(reference.pooled(every))

    def count(chosen: Any, c: int, target: int) -> int:
        return sum(row[c] == target and chosen(i, c) for i, row in enumerate(labeled))

    def check(breakdown: str, kinds: dict[str, Any], target: int, shared: bool) -> None:
        key, needed = ("is_positive", least) if target == 1 else ("is_negative", fewest)
        enough = {
            name: {c for c in every if count(chosen, c, target) >= needed}
            for name, chosen in kinds.items()
        }
        for name, chosen in kinds.items():
            classes = set.intersection(*enough.values()) if shared else enough[name]
            figure = found.breakdowns[breakdown].groups[name]
            assert set(figure.classes) == classes
            assert figure.count == sum(count(chosen, c, target) for c in classes)
            wanted = reference.pooled({c: ap(c, **{key: chosen}) for c in classes})
            assert figure.ap[0] == pytest.approx(wanted, nan_ok=True)
            same = reference.pooled({c: every[c] for c in classes})
            assert figure.same[0] == pytest.approx(same, nan_ok=True)
        present = {c for name in kinds for c in found.breakdowns[breakdown].groups[name].classes}
        assert set(found.breakdowns[breakdown].left_out) == set(range(6)) - present

    sides = {
        name: lambda i, c, is_there=is_there: (
            reference.has_companion(labeled[i], around[c]) is is_there
        )
        for name, is_there in (("with", True), ("without", False))
    }
    check("context", sides, 1, shared=True)
    check("false_alarms", sides, 0, shared=True)
    numbers = {
        name: lambda i, c, name=name: reference.number_of_labels(labeled[i]) == name
        for name in ("1", "2", "3", "4+")
    }
    check("labels", numbers, 1, shared=False)
    edges = {"small": (0, 0.05), "medium": (0.05, 0.3), "large": (0.3, math.inf)}
    sizes = {
        name: lambda i, c, low=low, high=high: low <= areas[i, c].item() < high
        for name, (low, high) in edges.items()
    }
    check("size", sizes, 1, shared=False)


def test_rarity_by_thirds_and_by_bounds() -> None:
    found = figures_of(min_positives=1).breakdowns["rarity"].groups
    counts = case()[2].positives
    order = sorted(range(6), key=lambda c: counts[c])
    assert [set(found[name].classes) for name in ("rare", "medium", "frequent")] == [
        set(order[:2]), set(order[2:4]), set(order[4:])
    ]  # fmt: skip
    low, high = sorted(counts.tolist())[2], sorted(counts.tolist())[5]
    found = figures_of(min_positives=1, rarity_bounds=(low, high)).breakdowns["rarity"].groups
    assert set(found["rare"].classes) == {c for c in range(6) if counts[c] < low} != set()
    assert found["frequent"].classes == (order[5],)
    overall = figures_of(min_positives=1).overall
    assert all(np.array_equal(figure.same, overall) for figure in found.values())


def planted(leans: bool) -> tuple[Tensor, Tensor, LabelStatistics]:
    """Scores of class b that see b alone, or a as well."""
    targets = labels(2000, 5)
    noise = torch.randn(2000, 6, generator=torch.Generator().manual_seed(7))
    scores = noise + 1.5 * targets
    if leans:
        scores[:, 1] += 1.5 * targets[:, 0]
    return scores, targets, label_statistics(labels(2000, 6).numpy(), CLASSES)


def test_a_model_that_sees_the_company_is_found_out() -> None:
    rule = CompanionRule(0.5, 1.5)  # a is beside b, and c beside d
    for leans in (False, True):
        found = context_figures(*planted(leans), rule)
        gaps = {
            name: interval_95(found.breakdowns[name].gap) for name in ("context", "false_alarms")
        }
        for low, high in gaps.values():
            assert (low > 0) if leans else (low < 0 < high)
        with_, without = (found.per_class[name][1] for name in ("with", "without"))
        assert bool(with_ - without > 0.3) is leans


def test_neither_order_nor_a_monotone_change_matters() -> None:
    scores, targets, training, areas = case(ties=True)
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    expected = context_figures(scores, targets, training, areas=areas, replicates=0)
    for changed in (
        context_figures(scores[order], targets[order], training, areas=areas[order], replicates=0),
        context_figures((scores / 9).sigmoid(), targets, training, areas=areas, replicates=0),
    ):
        for (*_, one, _), (*_, other, _) in zip(expected.flat(), changed.flat(), strict=True):
            np.testing.assert_allclose(one, other)


def test_the_replicates_are_figures_of_drawn_images() -> None:
    """Replicate 2 is the figure of its images, at the N of all."""
    from mmsrdl.evaluation import resampled_counts

    scores, targets, training, _ = case()
    least = dict(min_positives=1, min_negatives=1)
    found = context_figures(scores, targets, training, replicates=4, seed=3, **least)
    drawn = torch.arange(120).repeat_interleave(resampled_counts(120, 4, 3)[:, 2].long())
    alone = context_figures(
        scores[drawn], targets[drawn], training, replicates=0, positives=found.positives, **least
    )
    assert found.overall[2] == pytest.approx(alone.overall[0])
    for name in ("context", "false_alarms"):
        assert found.breakdowns[name].gap[2] == pytest.approx(alone.breakdowns[name].gap[0])


def test_the_mean_of_runs() -> None:
    scores, targets, training, _ = case()
    noise = torch.randn(scores.shape, generator=torch.Generator().manual_seed(9))
    runs = [context_figures(each, targets, training) for each in (scores, scores + noise)]
    mean = mean_context_figures(runs)
    for (*_, one, _), (*_, other, _), (*_, both, _) in zip(
        *(each.flat() for each in (*runs, mean)), strict=True
    ):
        np.testing.assert_allclose(both, (one + other) / 2)
    np.testing.assert_allclose(mean.overall, (runs[0].overall + runs[1].overall) / 2)
    assert mean_context_figures(runs[:1]).overall is not None
    other = replace(runs[1], positives=3.0)
    with pytest.raises(ValueError, match="of different images, classes or options"):
        mean_context_figures([runs[0], other])
    with pytest.raises(ValueError, match="at least one run, got none"):
        mean_context_figures([])


def test_the_largest_object_counts() -> None:
    found = largest_areas(torch.tensor([1, 1, 0]), torch.tensor([0.1, 0.4, 0.0]), 3)
    assert_close(found[:2], torch.tensor([0.0, 0.4]).double(), atol=1e-7, rtol=0)
    assert found[2].isnan()
    assert largest_areas(torch.empty(0).long(), torch.empty(0), 2).isnan().all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(min_positives=500), ValueError, "none of 6 classes has min_positives=500"),
        (dict(min_positives=0), ValueError, "min_positives=0 must be at least 1"),
        (dict(min_negatives=0), ValueError, "min_negatives=0 must be at least 1"),
        (dict(positives=-3), ValueError, "positives=-3 must be a finite number"),
        (dict(replicates=-1), ValueError, "replicates=-1 must be at least 0"),
        (dict(rarity_bounds=(5,)), ValueError, r"rarity_bounds=\(5,\) must be two numbers"),
        (dict(rarity_bounds=(9, 5)), ValueError, r"rarity_bounds=\(9, 5\) must rise"),
        (dict(areas=torch.ones(3, 6)), ValueError, r"areas must be .*\[120, 6\].*got \[3, 6\]"),
        (dict(areas=-torch.ones(120, 6)), ValueError, "areas must be shares of 0 or more"),
        (
            dict(areas=torch.ones(120, 6), area_bounds=("a", 1)),
            TypeError,
            "an entry of area_bounds='a' must be",
        ),
    ],
)  # fmt: skip
def test_bad_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        figures_of(**options)


def test_other_classes_and_bad_rules() -> None:
    scores, targets, training, _ = case()
    with pytest.raises(ValueError, match="training is of 6 classes, but the scores are of 5"):
        context_figures(scores[:, 1:], targets[:, 1:], training)
    with pytest.raises(ValueError, match=r"companions must be \[6, 6\]"):
        companion_presence(targets, torch.ones(5, 5, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"min_probability=1\.5 must be a number in \[0, 1\]"):
        CompanionRule(1.5)
    with pytest.raises(ValueError, match="min_lift=-1 must be"):
        CompanionRule(0.2, -1)
