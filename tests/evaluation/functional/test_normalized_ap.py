"""AP at a set number of positives, against loops and what it must not depend on."""

from typing import Any

import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.evaluation import average_precision, normalized_average_precision, resampled_counts
from tests.reference import context as reference


def case(ties: bool = False, images: int = 60) -> tuple[Tensor, Tensor, list[Tensor]]:
    generator = torch.Generator().manual_seed(1)
    targets = torch.randint(-1, 2, (images, 5), generator=generator)
    scores = torch.randn(images, 5, generator=generator) + targets
    if ties:
        scores = scores.round()
    groups = [torch.rand(images, 5, generator=generator) < share for share in (0.5, 0.7, 1.1)]
    return scores, targets, groups


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("positives", [0.5, 7, 1000])
def test_groups_against_a_loop(ties: bool, positives: float) -> None:
    scores, targets, groups = case(ties)
    rows = (scores.tolist(), targets.tolist())
    of_positives = normalized_average_precision(scores, targets, positives, groups)
    of_negatives = normalized_average_precision(scores, targets, positives, groups, "negatives")
    assert of_positives.shape == (1, 3, 5)
    for g, group in enumerate(groups):
        for c in range(5):
            inside = lambda i, c, group=group: bool(group[i, c])  # noqa: E731
            wanted = reference.normalized_ap(*rows, positives, c, is_positive=inside)
            assert of_positives[0, g, c].item() == pytest.approx(wanted)
            wanted = reference.normalized_ap(*rows, positives, c, is_negative=inside)
            assert of_negatives[0, g, c].item() == pytest.approx(wanted)
    assert not of_positives.isnan().any()
    # The last group is of all.
    assert_close(of_positives[:, 2], of_negatives[:, 2])
    assert_close(of_positives[:, 2:], normalized_average_precision(scores, targets, positives))


@pytest.mark.parametrize("ties", [False, True])
def test_at_the_number_of_its_positives_it_is_raw_ap(ties: bool) -> None:
    scores, targets, _ = case(ties)
    for c in range(5):
        one, known = (scores[:, [c]], targets[:, [c]]), targets[:, c] >= 0
        number = float((targets[:, c] == 1).sum())
        found = normalized_average_precision(*one, number)
        assert_close(found[0, 0], average_precision(*one))
        wanted = average_precision_score(targets[known, c] == 1, scores[known, c])
        assert found.item() == pytest.approx(wanted)


@pytest.mark.parametrize("of", ["positives", "negatives"])
def test_weights_are_images_that_stand_several_times(of: Any) -> None:
    scores, targets, groups = case(ties=True)
    weights = resampled_counts(len(scores), 6)
    found = normalized_average_precision(scores, targets, 9, groups, of, weights)
    assert found.shape == (7, 3, 5)
    for r, count in enumerate(weights.T):
        index = torch.arange(len(scores)).repeat_interleave(count.long())
        parts = [group[index] for group in groups]
        wanted = normalized_average_precision(scores[index], targets[index], 9, parts, of)
        assert_close(found[r], wanted[0], equal_nan=True)


def test_chunks_of_replicates_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, targets, groups = case()
    weights = resampled_counts(len(scores), 10)
    whole = normalized_average_precision(scores, targets, 9, groups, weights=weights)
    monkeypatch.setattr("mmsrdl.evaluation.functional.normalized_ap.MAX_ENTRIES", 180)
    parts = normalized_average_precision(scores, targets, 9, groups, weights=weights)
    assert_close(parts, whole, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("of", ["positives", "negatives"])
def test_neither_order_nor_a_monotone_change_matters(of: Any) -> None:
    scores, targets, groups = case(ties=True)
    expected = normalized_average_precision(scores, targets, 9, groups, of)
    order = torch.randperm(len(scores), generator=torch.Generator().manual_seed(0))
    parts = [group[order] for group in groups]
    assert_close(
        normalized_average_precision(scores[order], targets[order], 9, parts, of), expected
    )
    for changed in (scores.sigmoid().double(), scores.long(), scores.half(), 3 * scores.double()):
        assert_close(normalized_average_precision(changed, targets, 9, groups, of), expected)


def test_the_size_of_a_group_does_not_matter() -> None:
    """Half of the positives, with the same scores, have the same AP_N, and a lower AP."""
    scores = torch.tensor([[4.0], [4], [3], [2], [2], [1]])
    targets = torch.tensor([[1], [1], [0], [1], [1], [0]])
    half = torch.tensor([[True], [False], [True], [True], [False], [True]])
    every = torch.ones_like(half)
    found = normalized_average_precision(scores, targets, 10, [every, half])
    assert found[0, 0] == found[0, 1]
    fewer = targets.masked_fill(~half, -1)
    assert average_precision(scores, fewer) < average_precision(scores, targets)


def test_a_perfect_ranking_and_classes_without_entries() -> None:
    scores = torch.tensor([[0.9, 0.1], [0.1, 0.2]])
    targets = torch.tensor([[1, 0], [0, 0]])
    none = torch.zeros(2, 2, dtype=torch.bool)
    found = normalized_average_precision(scores, targets, 5, [~none, none])
    assert found[0, 0, 0] == 1
    assert found[0, 0, 1].isnan()
    assert found[0, 1].isnan().all()
    against = normalized_average_precision(scores, targets, 5, [~none, none], "negatives")
    assert against[0, 0, 0] == 1
    assert against[0, 1].isnan().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(positives=0), "positives=0 must be above 0"),
        (dict(positives=-1), "positives=-1 must be a finite number of at least 0"),
        (dict(of="images"), "of must be one of"),
        (dict(groups=[torch.ones(60, 5)]), "groups must be bool of the shape .*float32"),
        (dict(groups=[torch.ones(60, 4, dtype=torch.bool)]), r"groups .*got torch.bool \[60, 4\]"),
        (dict(weights=torch.ones(59, 2)), r"weights must be \[60, R\].* got \[59, 2\]"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    scores, targets, _ = case()
    with pytest.raises(ValueError, match=message):
        normalized_average_precision(scores, targets, **{"positives": 5, **options})


def test_scores_that_are_nan() -> None:
    scores, targets, _ = case()
    scores[3, 2] = torch.nan
    with pytest.raises(ValueError, match="scores holds NaN, first for image 3 and class 2"):
        normalized_average_precision(scores, targets, 5)
