import pytest
from scipy import stats

from experiments.intervals import interval


def test_intervals_are_students() -> None:
    values = [70.0, 71.0, 73.5]
    low, high = stats.t.interval(0.95, 2, loc=71.5, scale=stats.sem(values))
    assert interval(values) == pytest.approx((high - low) / 2, rel=1e-3)
    assert interval([1.0, 2.0]) == pytest.approx(12.706 / 2, rel=1e-6)
    with pytest.raises(ValueError, match="2 to 10 seeds"):
        interval([1.0])
