"""Object erasing in MMPretrain's CSRA head."""

import copy

import pytest
import torch
from mmpretrain.models.heads import CSRAClsHead
from mmpretrain.structures import DataSample
from torch.testing import assert_close

from mmsrdl.models.erasing import ObjectErasing
from mmsrdl.models.erasing.csra import bind_csra, csra_logits, csra_scores, unbind_csra
from tests.reference import oe as reference


def make_head(num_heads: int = 1) -> CSRAClsHead:
    torch.manual_seed(0)
    head = CSRAClsHead(num_classes=4, in_channels=6, num_heads=num_heads, lam=0.3)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


FEATURE = torch.randn(2, 6, 3, 5, generator=torch.Generator().manual_seed(1))
SAMPLES = [DataSample().set_gt_score(torch.tensor(s)) for s in ([1.0, 0, 0, 1], [0.0, 1, 0, 0])]


@pytest.mark.parametrize("num_heads", [1, 2, 4])
def test_nothing_erased_equals_the_stock_head(num_heads: int) -> None:
    head = make_head(num_heads)
    scores = csra_scores(head, FEATURE)
    kept = torch.ones_like(scores[0], dtype=torch.bool)
    assert_close(csra_logits(head, scores, kept), head((FEATURE,)))
    stock = head.loss((FEATURE,), SAMPLES)["loss"]
    bind_csra(head)
    losses = head.loss((FEATURE,), SAMPLES)
    assert list(losses) == ["loss_ori"]
    assert_close(losses["loss_ori"], stock)
    head.erasing = ObjectErasing(topk=4, alpha=1.5)
    losses = head.loss((FEATURE,), SAMPLES)
    assert_close(losses["loss_era"], stock)


@pytest.mark.parametrize("num_heads", [1, 2])
def test_erased_positions_leave_average_and_softmax(num_heads: int) -> None:
    head = make_head(num_heads)
    stock = head((FEATURE,)).detach()
    bind_csra(head)
    head.erasing = ObjectErasing(topk=2)
    losses = head.loss((FEATURE,), SAMPLES)
    expected = stock.clone()
    for n in range(2):
        score_maps = [score[n] for score in csra_scores(head, FEATURE)]
        for c in stock[n].topk(2).indices.tolist():
            gone = reference.erased_mask(sum(score_maps)[c].double(), 0.5)
            assert gone.any()
            total = 0.0
            for module, maps in zip(head.csra_heads, score_maps, strict=True):
                left = maps[c][~gone]
                attended = (
                    left.max() if module.T == 99 else (left * (left * module.T).softmax(0)).sum()
                )
                total = total + left.mean() + module.lam * attended
            expected[n, c] = total
    target = torch.stack([sample.gt_score for sample in SAMPLES])
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    assert_close(losses["loss_era"], bce(expected, target, reduction="sum") / 2)
    assert losses["loss_era"] != losses["loss_ori"]
    (losses["loss_ori"] + losses["loss_era"]).backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_survives_a_deep_copy_and_is_undone() -> None:
    head = make_head()
    keys = list(head.state_dict())
    bind_csra(head)
    twin = copy.deepcopy(head)
    twin.erasing = ObjectErasing()
    assert "loss_era" in twin.loss((FEATURE,), SAMPLES)
    assert "loss_era" not in head.loss((FEATURE,), SAMPLES)
    assert twin.loss.__self__ is twin
    assert list(head.state_dict()) == keys
    unbind_csra(head)
    assert list(head.loss((FEATURE,), SAMPLES)) == ["loss"]
    assert not hasattr(head, "erasing")


def test_unknown_labels_are_refused_by_a_loss_that_would_use_them() -> None:
    head = make_head()
    bind_csra(head)
    head.erasing = ObjectErasing(era_classes="selected")
    with pytest.raises(ValueError, match="CrossEntropyLoss does not leave them out"):
        head.loss((FEATURE,), SAMPLES)
