import copy

import pytest
import torch
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import CARHead, ClassClassifier, ObjectErasing


def make(**options: object) -> CARHead:
    torch.manual_seed(0)
    config = dict(
        num_classes=3,
        in_channels=8,
        embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes=["a", "b", "c"], embed_dims=4),
    )
    return CARHead(**{**config, **options})


@pytest.mark.parametrize("scope", ["mmengine", "mmpretrain"])
def test_builds_from_any_scope(scope: str) -> None:
    config = dict(
        type="mmsrdl.CARHead",
        num_classes=2,
        in_channels=4,
        embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes=["a", "b"]),
    )
    with DefaultScope.overwrite_default_scope(scope):
        assert isinstance(ROOT_MODELS.build(config), CARHead)


def test_tuple_and_tensor_input() -> None:
    head, feature = make(), torch.randn(2, 8, 3, 4)
    assert head((feature,)).shape == (2, 3)
    assert_close(head((torch.zeros(1), feature)), head(feature))


@pytest.mark.parametrize("extra", [0, 1])
def test_tokens_are_laid_out_in_row_major_order(extra: int) -> None:
    head, feature = make(), torch.randn(2, 8, 4, 4)
    tokens = torch.cat([torch.randn(2, extra, 8), feature.flatten(2).transpose(1, 2)], 1)
    assert_close(head((tokens,)), head((feature,)))
    assert_close(make(num_extra_tokens=extra)((tokens,)), head((feature,)))


def test_average_pool() -> None:
    feature = torch.randn(2, 8, 6, 6)
    pooled = torch.nn.functional.avg_pool2d(feature, 2)
    assert_close(make(avg_pool=2)(feature), make()(pooled))


@pytest.mark.parametrize(
    ("options", "feature", "message"),
    [
        ({}, torch.zeros(2, 9, 3, 3), r"\[B, 8, H, W\].* got \[2, 9, 3, 3\]; set in_channels"),
        ({}, torch.zeros(2, 8), r"got \[2, 8\]"),
        ({}, torch.zeros(2, 11, 8), "11 tokens .* no square grid"),
        (dict(num_extra_tokens=2), torch.zeros(2, 17, 8), "num_extra_tokens=2 are no square"),
    ],
)
def test_wrong_input(options: dict, feature: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)((feature,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(num_classes=4), "num_classes=4 but the embedder has 3"),
        (dict(classifier="linear"), "classifier='linear' is unknown"),
        (dict(avg_pool=0), "avg_pool=0 must be at least 1"),
        (dict(attention=dict(use_spatial=False, use_channel=False)), "leave no attention"),
        (dict(attention=dict(weights=(0, 0))), r"weights=\(0, 0\) must be"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(num_classes=0), ValueError, "num_classes=0 must be at least 1, such as 80"),
        (dict(num_classes="3"), TypeError, "num_classes='3' must be an integer"),
        (dict(in_channels=0), ValueError, "in_channels=0 must be at least 1"),
        (dict(avg_pool=1.5), TypeError, "avg_pool=1.5 must be an integer"),
        (dict(num_extra_tokens=-1), ValueError, "num_extra_tokens=-1 must be at least 0"),
        (dict(thr=1.5), ValueError, r"thr=1.5 must be a number in \[0, 1\], such as 0.5"),
        (dict(thr=float("nan")), ValueError, r"thr=nan must be a number in \[0, 1\]"),
        (dict(thr="0.5"), TypeError, r"thr='0.5' must be a number in \[0, 1\]"),
        (dict(thr=True), TypeError, "thr=True must be a number"),
        (dict(topk=0), ValueError, "topk=0 must be at least 1, such as 3"),
        (dict(topk=2.0), TypeError, "topk=2.0 must be an integer"),
        (dict(topk=4), ValueError, "topk=4 exceeds num_classes=3; use 1 to 3"),
    ],
)
def test_numbers_out_of_range(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make(**options)


def test_classifier_without_classes() -> None:
    with pytest.raises(ValueError, match="num_classes=0 must be at least 1"):
        ClassClassifier(0, 4)


@pytest.mark.parametrize("reduction", ["batchmean", "mean", "sum"])
@pytest.mark.parametrize(
    "erasing", [None, ObjectErasing(2), ObjectErasing(2, era_classes="selected")]
)
def test_only_unknown_labels_give_no_loss_and_zero_gradients(
    reduction: str, erasing: ObjectErasing | None
) -> None:
    head = make(loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction=reduction))
    head.erasing = erasing
    samples = [DataSample(gt_score=-torch.ones(3))] * 2
    losses = head.loss((torch.randn(2, 8, 4, 4),), samples)
    assert [loss.item() for loss in losses.values()] == [0.0] * (1 if erasing is None else 2)
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert (parameter.grad == 0).all(), name


def test_predict() -> None:
    head, feature = make(thr=0.4).eval(), torch.randn(2, 8, 3, 3)
    samples = head.predict((feature,), [DataSample(), DataSample()])
    for sample, logit in zip(samples, head((feature,)), strict=True):
        assert_close(sample.pred_score, logit.sigmoid())
        assert sample.pred_label.tolist() == (logit.sigmoid() >= 0.4).nonzero()[:, 0].tolist()


class TestLabelSide:
    """What depends on labels alone is computed once at inference, and never stale."""

    @pytest.fixture
    def head(self, monkeypatch: pytest.MonkeyPatch) -> CARHead:
        head = make().eval()
        self.calls = 0
        compute = head.embedder.forward

        def counted() -> Tensor:
            self.calls += 1
            return compute()

        monkeypatch.setattr(head.embedder, "forward", counted)
        return head

    @pytest.fixture
    def feature(self) -> Tensor:
        return torch.randn(1, 8, 3, 3)

    def test_once(self, head: CARHead, feature: Tensor) -> None:
        with torch.no_grad():
            first = head(feature)
            assert_close(head(feature), first)
        assert self.calls == 1
        head(feature).sum().backward()  # with gradient it is computed anew
        assert self.calls == 2
        assert head.embedder.adjacency.grad is not None

    def test_not_while_training(self, head: CARHead, feature: Tensor) -> None:
        head.train()
        with torch.no_grad():
            head(feature)
            head(feature)
        assert self.calls == 2

    def test_follows_a_state_dict(self, head: CARHead, feature: Tensor) -> None:
        other = make()
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.normal_()
            head(feature)
            head.load_state_dict(other.state_dict())
            assert_close(head(feature), other.eval()(feature))

    def test_follows_an_update_and_an_exchange_of_weights(
        self, head: CARHead, feature: Tensor
    ) -> None:
        with torch.no_grad():
            before = head(feature)
            head.attention.fw.weight.mul_(3)
            changed = head(feature)
            assert not torch.allclose(before, changed)
            # As MMEngine's EMAHook does: behind the version counter, then eval().
            head.attention.fw.weight.data.div_(3)
            head.eval()
            assert_close(head(feature), before)

    def test_follows_a_change_of_type(self, head: CARHead, feature: Tensor) -> None:
        with torch.no_grad():
            before = head(feature)
            assert_close(head.double()(feature.double()), before.double(), rtol=1e-4, atol=1e-5)

    def test_follows_the_type_of_autocast(self, head: CARHead, feature: Tensor) -> None:
        with torch.no_grad():
            for dtype in (torch.bfloat16, torch.float16):
                with torch.autocast("cpu", dtype=dtype):
                    assert head.label_side().attention.dtype == dtype
            assert head.label_side().attention.dtype == torch.float32

    def test_is_no_part_of_the_state(self, head: CARHead, feature: Tensor) -> None:
        keys = list(head.state_dict())
        with torch.no_grad():
            expected = head(feature)
            assert list(head.state_dict()) == keys
            assert_close(copy.deepcopy(head)(feature), expected)


def test_state_dict_is_the_same_with_erasing() -> None:
    head = make()
    keys = list(head.state_dict())
    head.erasing = ObjectErasing()
    assert list(head.state_dict()) == keys


def test_erased_pass_costs_k_classes_not_all(monkeypatch: pytest.MonkeyPatch) -> None:
    head = make()
    head.erasing = ObjectErasing(topk=1)
    sizes = []
    pool = head.attention.pool

    def noted(maps, *args: object):
        sizes.append(maps.spatial.shape[1])
        return pool(maps, *args)

    monkeypatch.setattr(head.attention, "pool", noted)
    head.loss((torch.randn(2, 8, 3, 3),), [DataSample(gt_score=torch.zeros(3))] * 2)
    assert sizes == [3, 1]


def test_stock_losses_work_until_a_label_is_unknown() -> None:
    head = make(loss=dict(type="mmpretrain.AsymmetricLoss"))
    feature = (torch.randn(1, 8, 3, 3),)
    assert head.loss(feature, [DataSample(gt_score=torch.tensor([1.0, 0, 0]))])["loss_ori"] > 0
    with pytest.raises(ValueError, match="AsymmetricLoss does not leave them out"):
        head.loss(feature, [DataSample(gt_score=torch.tensor([1.0, -1, 0]))])


def test_autocast_and_backward() -> None:
    head = make()
    head.erasing = ObjectErasing(topk=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = head.loss((torch.randn(2, 8, 5, 5),), [DataSample(gt_score=torch.ones(3))] * 2)
    sum(losses.values()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in head.parameters())


def test_logits_of_half_precision_give_the_loss_of_full_precision() -> None:
    head = make(loss=dict(type="mmpretrain.AsymmetricLoss", eps=1e-8))
    logits = torch.tensor([[-18.0, -3.0, 2.0]])  # in half precision sigmoid(-18) is 0
    target = torch.tensor([[1.0, 0.0, 1.0]])
    expected = head._one_loss(logits, target)
    assert_close(head._one_loss(logits.half(), target), expected, check_dtype=False)


def test_classifier() -> None:
    torch.manual_seed(0)
    own, shared = ClassClassifier(4, 6), ClassClassifier(4, 6, shared=True)
    feature = torch.randn(2, 4, 6)
    assert own.weight.abs().max() <= 6**-0.5
    assert_close(own(feature), torch.einsum("bck,ck->bc", feature, own.weight) + own.bias)
    assert shared.weight.shape == (1, 6)
    classes = torch.tensor([[2, 0], [3, 3]])
    rows = torch.arange(2)[:, None]
    for classifier in (own, shared):
        some = classifier(feature[rows, classes], classes)
        assert_close(some, classifier(feature)[rows, classes])
