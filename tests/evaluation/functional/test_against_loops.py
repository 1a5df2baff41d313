"""CP, CR, CF1, OP, OR and OF1 against loops over Eqs. (14)-(16)."""

import pytest
import torch

from mmsrdl.evaluation import precision_recall_f1
from tests.reference import metrics as reference


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("thr", [0.2, 0.5, 0.95])
def test_equals_loops(seed: int, thr: float) -> None:
    torch.manual_seed(seed)
    scores, targets = torch.rand(13, 6), torch.randint(-1, 2, (13, 6))
    targets[:, 2] = -1  # a class of which nothing is known
    targets[:, 4] = 0  # a class without positives
    ours = precision_recall_f1(scores, targets, thr)
    theirs = reference.precision_recall_f1(scores >= thr, targets)
    for name, value in theirs.items():
        assert 100 * getattr(ours, name) == pytest.approx(value, abs=1e-9)
