"""Thresholds against loops over all scores, and against scikit-learn's curves."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_curve

from mmsrdl.evaluation import precision_recall_f1
from mmsrdl.evaluation.functional import (
    best_f1_thresholds,
    thresholds_for_precision,
    thresholds_for_recall,
)
from tests.reference import thresholds as reference

MEANS = {"CF1": reference.class_mean, "OF1": reference.overall}


def case(seed: int, levels: int | None = None, images: int = 25, classes: int = 5):
    """Scores that know something of the labels; levels of them make ties."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(-1, 2, (images, classes), generator=generator)
    noise = torch.randn(images, classes, generator=generator, dtype=torch.float64)
    scores = (noise + targets.clamp(min=0)).sigmoid()
    if levels is not None:
        scores = (scores * levels).round() / levels
    targets[:, 0] = targets[:, 0].clamp(max=0)  # no positive
    targets[:, 1] = -1  # nothing known
    targets[:, 2] = targets[:, 2].clamp(max=0)
    targets[7, 2] = 1  # one positive
    return scores, targets


def columns(scores: torch.Tensor, targets: torch.Tensor) -> tuple[list, list]:
    return scores.T.tolist(), targets.T.tolist()


SEARCHES = {
    "f1": (best_f1_thresholds, {}, reference.better_f1),
    "precision 0.6": (
        thresholds_for_precision,
        {"wanted": 0.6},
        reference.better_recall_above(0.6),
    ),
    "precision 1": (thresholds_for_precision, {"wanted": 1.0}, reference.better_recall_above(1)),
    "recall 0.8": (thresholds_for_recall, {"wanted": 0.8}, reference.better_precision_above(0.8)),
    "recall 1": (thresholds_for_recall, {"wanted": 1.0}, reference.better_precision_above(1)),
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [None, 6])
@pytest.mark.parametrize("figure", ["CF1", "OF1"])
@pytest.mark.parametrize("search", SEARCHES)
def test_equals_loops(seed: int, levels: int | None, figure: str, search: str) -> None:
    tune, options, better = SEARCHES[search]
    scores, targets = case(seed, levels)
    shared = tune(scores, targets, scope="global", figure=figure, **options)
    expected, _ = reference.search(*columns(scores, targets), MEANS[figure], better)
    assert shared.values.tolist() == pytest.approx([expected] * 5, abs=1e-15)

    own = tune(scores, targets, scope="per_class", figure=figure, **options)
    for c, (score, target) in enumerate(zip(*columns(scores, targets), strict=True)):
        if 1 not in target:
            assert own.values[c] == shared.values[c]
            assert not own.met[c]
            continue
        expected, found = reference.search([score], [target], reference.overall, better)
        assert own.values[c].item() == pytest.approx(expected, abs=1e-15)
        wanted = options.get("wanted", 0)
        assert own.met[c].item() == (found["recall" in search] >= wanted)


@pytest.mark.parametrize("levels", [None, 8])
def test_agrees_with_the_curve_of_scikit_learn(levels: int | None) -> None:
    scores, targets = case(9, levels, images=200)
    targets.clamp_(min=0)
    targets[::3] = 1
    best = best_f1_thresholds(scores, targets).values
    precise = thresholds_for_precision(scores, targets, 0.8)
    complete = thresholds_for_recall(scores, targets, 0.9)
    for c in range(5):
        y, s = targets[:, c].numpy(), scores[:, c].numpy()
        precision, recall, _ = precision_recall_curve(y, s)
        f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)

        def at(thr: float, y: np.ndarray = y, s: np.ndarray = s) -> tuple[float, float]:
            hits = y[s >= thr].sum()
            return hits / (s >= thr).sum(), hits / y.sum()

        p, r = at(best[c].item())
        assert 2 * p * r / (p + r) == pytest.approx(f1.max())
        p, r = at(precise.values[c].item())
        if precise.met[c]:
            assert r == pytest.approx(recall[precision >= 0.8].max())
            assert p >= 0.8
        else:
            assert p < 0.8
            assert p == pytest.approx(precision[:-1].max())  # the last is 1 by definition
        p, r = at(complete.values[c].item())
        assert p == pytest.approx(precision[recall >= 0.9].max())
        assert r >= 0.9


@pytest.mark.parametrize("figure", ["CF1", "OF1"])
def test_no_global_threshold_is_better_and_no_own_one_either(figure: str) -> None:
    scores, targets = case(3)
    values = best_f1_thresholds(scores, targets, "global", figure).values
    best = getattr(precision_recall_f1(scores, targets, values), figure)
    for thr in (*torch.linspace(0, 1, 101).tolist(), *scores.flatten().tolist()):
        assert getattr(precision_recall_f1(scores, targets, thr), figure) <= best + 1e-12


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_adjacent_scores_are_told_apart(dtype: torch.dtype) -> None:
    """Their middle is rounded to one of them; it must not be the lower."""
    low = torch.tensor(0.7, dtype=dtype)
    for _ in range(4):  # half of them have an even last digit
        high = torch.nextafter(low.double(), torch.tensor(1.0).double()).to(dtype)
        high = low + torch.finfo(dtype).eps if high == low else high
        scores = torch.stack([low, high])[:, None]
        tuned = best_f1_thresholds(scores, torch.tensor([[0], [1]]))
        assert tuned.values.dtype == dtype
        assert (scores[:, 0] >= tuned.values).tolist() == [False, True]
        low = high


def test_thresholds_lie_in_the_middle() -> None:
    scores = torch.tensor([[0.9], [0.5], [0.25], [0.125]])
    targets = torch.tensor([[1], [1], [0], [0]])
    assert best_f1_thresholds(scores, targets).values.item() == 0.375
    assert best_f1_thresholds(scores, targets.clamp(min=1)).values.item() == 0.0625


def test_scores_that_round_beyond_the_unit_interval() -> None:
    scores = torch.tensor([[1.00005], [1.00002], [-1e-5]])
    tuned = best_f1_thresholds(scores, torch.tensor([[1], [1], [0]]))
    assert (scores[:, 0] >= tuned.values).tolist() == [True, True, False]
    assert 0 <= tuned.values.item() <= 1


@pytest.mark.parametrize("figure", ["CF1", "OF1"])
def test_one_class_has_one_threshold(figure: str) -> None:
    scores, targets = case(1, classes=3)
    scores, targets = scores[:, 2:], targets[:, 2:]
    own = best_f1_thresholds(scores, targets, "per_class", figure)
    assert torch.equal(own.values, best_f1_thresholds(scores, targets, "global", figure).values)


def test_shrinkage_goes_from_the_own_to_the_global_threshold() -> None:
    scores, targets = case(2)
    own, shared = (best_f1_thresholds(scores, targets, s).values for s in ("per_class", "global"))

    def shrunk(weight: float) -> torch.Tensor:
        return best_f1_thresholds(scores, targets, shrinkage=weight).values

    assert torch.equal(shrunk(0), own)
    assert torch.equal(shrunk(math.inf), shared)
    positives = (targets == 1).sum(0)
    for c in range(5):
        n = positives[c].item()
        logit = (n * own[c].logit() + 10 * shared[c].logit()) / (n + 10)
        assert shrunk(10)[c].item() == pytest.approx(logit.sigmoid().item(), rel=1e-6)
    assert shrunk(1e9).tolist() == pytest.approx(shared.tolist(), rel=1e-6)


def test_shrinkage_of_thresholds_at_the_ends() -> None:
    scores = torch.tensor([[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]])
    tuned = best_f1_thresholds(scores, torch.tensor([[1, 1], [1, 0], [0, 1]]), shrinkage=1)
    assert ((tuned.values >= 0) & (tuned.values <= 1)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s, t: best_f1_thresholds(s, t, "image"), "scope must be one of .*got 'image'"),
        (lambda s, t: best_f1_thresholds(s, t, figure="F1"), "figure must be one of .*got 'F1'"),
        (lambda s, t: best_f1_thresholds(s, t, shrinkage=-1), "shrinkage must be .* got -1"),
        (lambda s, t: best_f1_thresholds(s, t, shrinkage=math.nan), "shrinkage .* got nan"),
        (lambda s, t: thresholds_for_precision(s, t, 0), r"wanted must lie in \(0, 1\].* got 0"),
        (lambda s, t: thresholds_for_recall(s, t, 1.5), r"wanted must lie in \(0, 1\].* got 1.5"),
        (lambda s, t: thresholds_for_recall(s, t, 0.5, "x"), "scope must be one of .*got 'x'"),
        (lambda s, t: best_f1_thresholds(s, t.clamp(max=0)), "hold no positive; check that"),
        (lambda s, t: best_f1_thresholds(s, t * 0 - 1), r"targets \[25, 5\] hold no positive"),
        (lambda s, t: best_f1_thresholds(s[:0], t[:0]), "hold no positive"),
        (lambda s, t: best_f1_thresholds(10 * s, t), "scores must be probabilities"),
        (lambda s, t: best_f1_thresholds(s[:3], t), r"both have the shape \[N, C\]"),
    ],
)
def test_wrong_arguments(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(*case(0))
