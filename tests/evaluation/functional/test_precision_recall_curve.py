import numpy as np
import pytest
import torch
from sklearn import metrics
from torch.testing import assert_close

from mmsrdl.evaluation.functional import average_precision, precision_recall_curve


@pytest.mark.parametrize("levels", [3, 1000])
@pytest.mark.parametrize("columns", [1, 4])
def test_against_scikit_learn(levels: int, columns: int) -> None:
    rng = torch.Generator().manual_seed(levels)
    scores = torch.randint(levels, (200, columns), generator=rng) / levels
    targets = torch.randint(2, (200, columns), generator=rng)
    curve = precision_recall_curve(scores, targets)
    precision, recall, thresholds = metrics.precision_recall_curve(
        targets.flatten().numpy(), scores.flatten().numpy()
    )
    # Theirs begins at the lowest threshold, and ends with a point of no predictions.
    assert_close(curve.precision, torch.from_numpy(precision[-2::-1].copy()))
    assert_close(curve.recall, torch.from_numpy(recall[-2::-1].copy()))
    assert_close(curve.thresholds, torch.from_numpy(thresholds[::-1].copy()))


def test_area_of_the_steps_is_the_raw_average_precision() -> None:
    rng = torch.Generator().manual_seed(0)
    scores = torch.rand(300, 1, generator=rng).round(decimals=1)
    targets = torch.randint(-1, 2, (300, 1), generator=rng)
    curve = precision_recall_curve(scores, targets)
    area = (curve.recall.diff(prepend=torch.zeros(1)) * curve.precision).sum()
    assert_close(area, average_precision(scores, targets)[0])


def test_unknown_entries_are_left_out() -> None:
    curve = precision_recall_curve(
        torch.tensor([[0.9], [0.8], [0.7], [0.2]]), torch.tensor([[-1], [1], [0], [1]])
    )
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(curve.recall, [1 / 2, 1 / 2, 1])
    np.testing.assert_allclose(curve.thresholds, [0.8, 0.7, 0.2])


def test_without_a_positive_there_are_no_points() -> None:
    curve = precision_recall_curve(torch.rand(4, 2), torch.zeros(4, 2))
    assert [len(part) for part in curve] == [0, 0, 0]


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match="must both have the shape"):
        precision_recall_curve(torch.rand(4), torch.zeros(4))
    with pytest.raises(ValueError, match=r"must be 1 .*, got 3"):
        precision_recall_curve(torch.rand(4, 1), torch.full((4, 1), 3))
