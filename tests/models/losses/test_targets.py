import pytest
import torch
from mmpretrain.structures import DataSample

from mmsrdl.models.losses import MultiLabelBCELoss, stack_targets

SCORE, LABEL = torch.zeros, torch.tensor


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            [DataSample().set_gt_score(SCORE(4)), DataSample().set_gt_score(SCORE(3))],
            "num_classes=4 but the data set's labels are of 3 classes; set model.head.num_classes "
            "and the embedder's classes",
        ),
        ([DataSample().set_gt_label([1, 4])], r"num_classes=4 but gt_label holds \[4\].* 0 to 3"),
        (
            [DataSample().set_gt_label([-1])],
            r"num_classes=4 but gt_label holds \[-1\].*; set model",
        ),
        ([DataSample()], "neither gt_score nor gt_label; let the data set .* PackInputs"),
    ],
)
def test_labels_that_do_not_fit_the_head(samples: list[DataSample], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stack_targets(samples, 4)


def test_samples_may_mix_both_kinds_of_labels() -> None:
    samples = [DataSample().set_gt_score(LABEL([0, -1, 1])), DataSample().set_gt_label([0])]
    assert stack_targets(samples, 3).tolist() == [[0, -1, 1], [1, 0, 0]]


def test_logits_and_labels_of_different_sizes() -> None:
    with pytest.raises(
        ValueError, match=r"cls_score \[2, 3\] and label \[2, 4\] must both be .*num_classes"
    ):
        MultiLabelBCELoss()(torch.zeros(2, 3), torch.zeros(2, 4))
