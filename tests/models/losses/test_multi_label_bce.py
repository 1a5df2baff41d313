import pytest
import torch
from mmpretrain.models.losses import AsymmetricLoss, FocalLoss
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.testing import assert_close

from mmsrdl.models.losses import MultiLabelBCELoss, check_known, stack_targets

LABEL = torch.tensor([[1.0, -1, 0], [-1, -1, 1]])


def test_unknown_entries_have_no_part_in_loss_or_gradient() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = MultiLabelBCELoss()(logits, LABEL)
    loss.backward()
    assert (logits.grad[LABEL == -1] == 0).all()
    assert (logits.grad[LABEL >= 0] != 0).all()
    known = torch.nn.functional.binary_cross_entropy_with_logits(
        logits[LABEL >= 0], LABEL[LABEL >= 0], reduction="sum"
    )
    assert_close(loss, known / 2)
    assert_close(MultiLabelBCELoss("mean")(logits, LABEL), known / 3)


@pytest.mark.parametrize("reduction", ["batchmean", "mean", "sum"])
def test_all_unknown_is_zero(reduction: str) -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = MultiLabelBCELoss(reduction)(logits, torch.full((2, 3), -1.0))
    loss.backward()
    assert loss == 0
    assert (logits.grad == 0).all()


def test_weight_and_soft_labels() -> None:
    logits, soft = torch.randn(2, 3), torch.rand(2, 3)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, soft)
    assert_close(MultiLabelBCELoss("mean", loss_weight=0.25)(logits, soft), expected / 4)


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = MultiLabelBCELoss()(logits, torch.tensor([[0.0, 1.0]]))
    loss.backward()
    assert_close(loss, torch.tensor(2e4))
    assert logits.grad.isfinite().all()


def test_in_a_stock_head() -> None:
    head = MODELS.build(
        dict(
            type="MultiLabelLinearClsHead",
            num_classes=3,
            in_channels=4,
            loss=dict(type="mmsrdl.MultiLabelBCELoss"),
        )
    )
    feature = (torch.randn(2, 4),)
    samples = [DataSample().set_gt_score(row) for row in LABEL]
    assert_close(head.loss(feature, samples)["loss"], MultiLabelBCELoss()(head(feature), LABEL))


def test_unknown_reduction() -> None:
    with pytest.raises(ValueError, match="reduction='average' is unknown; use one of"):
        MultiLabelBCELoss("average")


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf")])
def test_loss_weight_out_of_range(weight: float) -> None:
    with pytest.raises(ValueError, match=f"loss_weight={weight} must be a finite number of at"):
        MultiLabelBCELoss(loss_weight=weight)


@pytest.mark.parametrize("name", ["weight", "reduction_override", "avg_facto"])
def test_unknown_keyword_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        MultiLabelBCELoss()(torch.zeros(2, 3), LABEL, **{name: 1.0})


@pytest.mark.parametrize("reduction", ["batchmean", "mean", "sum"])
@pytest.mark.parametrize("avg_factor", [None, 0])
def test_no_image_is_zero(reduction: str, avg_factor: float | None) -> None:
    logits = torch.zeros(0, 3, requires_grad=True)
    loss = MultiLabelBCELoss(reduction)(logits, torch.zeros(0, 3), avg_factor=avg_factor)
    loss.backward()
    assert loss == 0


def test_guard() -> None:
    check_known(MultiLabelBCELoss(), LABEL)
    check_known(AsymmetricLoss(), LABEL.clamp(min=0))
    with pytest.raises(ValueError, match=r"3 of 6 labels .* loss=AsymmetricLoss"):
        check_known(AsymmetricLoss(), LABEL)


@pytest.mark.parametrize("loss", [AsymmetricLoss(), FocalLoss()])
def test_labels_of_one_class_are_no_indices(loss: torch.nn.Module) -> None:
    logits, negative = torch.full((2, 1), 3.0), torch.zeros(2, 1)
    assert loss(logits, negative) < 0.1  # as if both were positive
    with pytest.raises(ValueError, match="takes the labels of a single class for indices"):
        check_known(loss, negative)
    check_known(MultiLabelBCELoss(), negative)


def test_stack_targets() -> None:
    assert_close(stack_targets([DataSample().set_gt_score(row) for row in LABEL], 3), LABEL)
    by_index = [DataSample().set_gt_label([0, 2]), DataSample().set_gt_label([])]
    assert_close(stack_targets(by_index, 3), torch.tensor([[1.0, 0, 1], [0, 0, 0]]))
    with pytest.raises(ValueError, match="num_classes=4 but the data set's labels are of 3"):
        stack_targets([DataSample().set_gt_score(LABEL[0])], 4)
