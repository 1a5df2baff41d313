import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models.necks import GlobalWeightedPooling


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_lies_between_average_and_maximum(weight: float) -> None:
    feature = torch.randn(2, 3, 4, 5)
    expected = (1 - weight) * feature.mean((2, 3)) + weight * feature.amax((2, 3))
    neck = GlobalWeightedPooling(weight)
    assert_close(neck(feature), expected)
    (pooled,) = neck((feature,))
    assert_close(pooled, expected)


@pytest.mark.parametrize(("weight", "error"), [(1.5, ValueError), ("half", TypeError)])
def test_bad_weights(weight: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="max_weight"):
        GlobalWeightedPooling(weight)
