import math

import numpy as np
import pytest
import torch

from mmsrdl.evaluation import (
    average_precision,
    interval_95,
    normalized_average_precision,
    resampled_average_precision,
    resampled_counts,
)


def test_as_many_are_drawn_as_there_are() -> None:
    counts = resampled_counts(50, 400)
    assert counts.shape == (50, 401)
    assert (counts[:, 0] == 1).all()
    assert (counts.sum(0) == 50).all()
    # A draw leaves each image out with the probability (1 - 1/50)^50.
    assert (counts[:, 1:] == 0).double().mean().item() == pytest.approx(0.98**50, abs=0.01)


def test_seeds() -> None:
    assert torch.equal(resampled_counts(9, 5, seed=1), resampled_counts(9, 5, seed=1))
    assert not torch.equal(resampled_counts(9, 5, seed=1), resampled_counts(9, 5, seed=2))
    assert torch.equal(resampled_counts(9, 5), resampled_counts(9, 20)[:, :6])
    assert resampled_counts(9, 0).shape == (9, 1)


def test_interval() -> None:
    values = np.array([500.0, *range(1001), np.nan])
    assert interval_95(values) == (25, 975)
    # Replicates that all lie too high say as much.
    assert interval_95(values + np.array([0, *[7] * 1002])) == (25, 975)
    for none in ([np.nan, 1.0, 2.0], [1.0, np.nan], [1.0]):
        assert all(map(math.isnan, interval_95(np.array(none))))


def test_intervals_of_means_of_ap_hold_their_expectation() -> None:
    """12 positives of 150 images in a random order, the mean over 10 classes, 40 times over."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.zeros(150, 400, dtype=torch.int64)
    targets[:12] = 1
    scores = torch.randn(150, 400, generator=generator)
    ap = normalized_average_precision(scores, targets, 12, weights=resampled_counts(150, 200))
    means = ap[:, 0].unflatten(1, (40, 10)).mean(-1).numpy()
    expected = means[0].mean()
    moved = [interval_95(values) for values in means.T]
    assert np.mean([low <= expected <= high for low, high in moved]) >= 0.85
    plain = np.quantile(means[1:], (0.025, 0.975), axis=0)
    assert ((plain[0] <= expected) & (expected <= plain[1])).mean() < 0.85


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match="images=0 must be at least 1"):
        resampled_counts(0, 5)
    with pytest.raises(TypeError, match=r"replicates=1\.5 must be an integer"):
        resampled_counts(3, 1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [4, 10_000])
def test_equals_a_loop_over_written_out_images(seed: int, levels: int) -> None:
    torch.manual_seed(seed)
    scores = torch.randint(levels, (30, 6)) / levels  # of 4 levels, with many ties
    targets = torch.randint(-1, 2, (30, 6))
    targets[:, 1] = torch.randint(0, 2, (30,))  # a class without unknown entries
    targets[:, 2] = -1  # a class of which nothing is known
    targets[1:, 4] = 0
    targets[0, 4] = 1  # a class of one positive, which a third of the replicates lack
    weights = resampled_counts(30, 20, seed)[:, 1:]
    found = resampled_average_precision(scores, targets, weights)
    assert found.shape == (20, 6)
    assert found[:, 2].isnan().all()
    assert 0 < found[:, 4].isnan().sum() < 20
    for row, count in zip(found, weights.T, strict=True):
        images = torch.repeat_interleave(torch.arange(30), count.int())
        written_out = average_precision(scores[images], targets[images])
        assert row.tolist() == pytest.approx(written_out.tolist(), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (torch.ones(3, 2, dtype=torch.int32), r"\[4, R\]"),
        (torch.ones(4, 2), "must be integers"),
        (-torch.ones(4, 2, dtype=torch.int32), "at least 0, got -1"),
    ],
)
def test_weights_that_are_none(weights: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resampled_average_precision(torch.rand(4, 2), torch.ones(4, 2), weights)
