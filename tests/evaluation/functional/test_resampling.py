import math

import numpy as np
import pytest
import torch

from mmsrdl.evaluation import interval_95, resampled_counts


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
    low, high = interval_95(np.array([*range(1001), np.nan]))
    assert (low, high) == (25, 975)
    assert all(map(math.isnan, interval_95(np.array([np.nan]))))
    assert all(map(math.isnan, interval_95(np.array([]))))


def test_bad_numbers() -> None:
    with pytest.raises(ValueError, match="images=0 must be at least 1"):
        resampled_counts(0, 5)
    with pytest.raises(TypeError, match=r"replicates=1\.5 must be an integer"):
        resampled_counts(3, 1.5)  # type: ignore[arg-type]
