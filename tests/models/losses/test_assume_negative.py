import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.models.losses import AssumeNegativeLoss, MultiLabelBCELoss

LABEL = torch.tensor([[1.0, -1, -1, 0], [-1, 1, -1, -1]])


def test_unknown_is_negative() -> None:
    logits = torch.randn(2, 4)
    assert_close(
        AssumeNegativeLoss()(logits, LABEL), MultiLabelBCELoss()(logits, LABEL.clamp(min=0))
    )


def test_wan_weighs_assumed_negatives_and_no_known_one() -> None:
    logits = torch.randn(2, 4)
    weight = torch.tensor([[1, 1 / 3, 1 / 3, 1], [1 / 3, 1, 1 / 3, 1 / 3]])
    expected = F.binary_cross_entropy_with_logits(
        logits, LABEL.clamp(min=0), weight, reduction="sum"
    )
    assert_close(AssumeNegativeLoss("wan")(logits, LABEL), expected / 2)
    assert_close(AssumeNegativeLoss(1 / 3)(logits, LABEL), expected / 2)


def test_label_smoothing() -> None:
    logits = torch.randn(2, 4)
    target = torch.where(LABEL == 1, 0.9, 0.1)
    expected = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / 2
    assert_close(AssumeNegativeLoss(smoothing=0.1)(logits, LABEL), expected)


def test_errors() -> None:
    with pytest.raises(ValueError, match="weight='weak' is unknown; use a number, or 'wan'"):
        AssumeNegativeLoss("weak")
    with pytest.raises(ValueError, match=r"weight=-0.5 must be a finite number"):
        AssumeNegativeLoss(-0.5)
    with pytest.raises(ValueError, match=r"smoothing=0.6 must be a number in \[0, 0.5\]"):
        AssumeNegativeLoss(smoothing=0.6)
    with pytest.raises(ValueError, match=r"weight='wan' is 1 / .* single class"):
        AssumeNegativeLoss("wan")(torch.zeros(1, 1), torch.zeros(1, 1))
