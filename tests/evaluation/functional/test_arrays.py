import numpy as np
import pytest
import torch

from mmsrdl.evaluation.functional.arrays import count_columns, to_array


@pytest.mark.parametrize("rows", [0, 1, 254, 255, 256, 510, 700])
def test_count_columns(rows):
    mask = np.random.default_rng(rows).random((rows, 3)) < [0.1, 0.9, 1.0]
    expected = [sum(column) for column in mask.T.tolist()]
    assert count_columns(mask).tolist() == expected
    assert count_columns(np.asfortranarray(mask)).tolist() == expected


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_held_exactly(dtype):
    scores = torch.rand(50).to(dtype)
    array = to_array(scores.requires_grad_())
    assert array.dtype == np.float32
    assert torch.equal(torch.from_numpy(array).to(dtype), scores.detach())


def test_no_copy_where_none_is_needed():
    scores = torch.zeros(3)
    to_array(scores)[1] = 1
    assert scores.tolist() == [0, 1, 0]
