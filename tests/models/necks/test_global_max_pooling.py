import torch
from torch.testing import assert_close

from mmsrdl.models.necks import GlobalMaxPooling


def test_tensor_and_tuple() -> None:
    feature = torch.randn(2, 3, 4, 5)
    expected = feature.flatten(2).max(2).values
    assert_close(GlobalMaxPooling()(feature), expected)
    (pooled,) = GlobalMaxPooling()((feature,))
    assert_close(pooled, expected)
