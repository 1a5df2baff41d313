import copy

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.datasets import Cooccurrence
from mmsrdl.models import ClassFeatureHead, ObjectErasing
from mmsrdl.models.relations import PredictionGCN

NAMES = ["a", "b", "c"]
COUNTS = Cooccurrence.fully_known(torch.tensor([[4, 2, 0], [2, 4, 1], [0, 1, 2]]))
PGCN = dict(type="mmsrdl.PredictionGCN", hidden_dims=(5, 1))


def make_head(attention: str = "GlobalPooling", **options: object) -> ClassFeatureHead:
    torch.manual_seed(0)
    head = ClassFeatureHead(
        3, 4, dict(type=f"mmsrdl.{attention}"), relation=PGCN,
        classifier=dict(type="mmsrdl.IdentityClassifier"), **options,
    )  # fmt: skip
    head.relation.take_counts(COUNTS, NAMES)
    return head


EMBEDDER = dict(type="mmsrdl.GCNLabelEmbedder", classes=NAMES, embed_dims=4)


def test_it_works_on_class_features_and_with_erasing() -> None:
    from mmpretrain.structures import DataSample

    head = make_head("CARAttention", embedder=EMBEDDER)
    assert head.relation.classes == tuple(NAMES)
    head.erasing = ObjectErasing(topk=2)
    samples = [DataSample(gt_score=torch.tensor([1.0, 0, -1]))] * 2
    losses = head.loss(torch.randn(2, 4, 3, 3), samples)
    sum(losses.values()).backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())
    assert losses["loss_era"] != losses["loss_ori"]


def test_only_neighbours_are_listened_to() -> None:
    relation = make_head().relation
    feature = torch.randn(1, 3, 4)
    feature.requires_grad_()
    out = relation(feature, maps=None)
    grad = torch.autograd.grad(out[0, 0, 0], feature)[0][0]
    linked = relation.adjacency[0] > 0
    assert linked.tolist() == [True, True, False]
    # Two layers reach the neighbours' neighbours.
    reached = (relation.adjacency @ relation.adjacency)[0] > 0
    assert ((grad.abs().sum(1) > 0) == reached).all()


def test_without_neighbours_it_scores_every_class_by_itself() -> None:
    relation = PredictionGCN(3, 4)
    relation.take_counts(Cooccurrence.fully_known(torch.eye(3).long()), NAMES)
    assert_close(relation.adjacency, torch.eye(3))
    out = relation(torch.ones(2, 1, 4), maps=None)
    assert out.shape == (2, 3, 1)
    feature = torch.ones(2, 3, 4)
    feature[:, 1:] = 0
    assert_close(relation(feature, maps=None)[:, 0], out[:, 0])


def test_state_dict_and_a_model_without_training_set() -> None:
    head = make_head().eval()
    shapes = {name: tuple(value.shape) for name, value in head.state_dict().items()}
    assert shapes == {
        "relation.adjacency": (3, 3),
        "relation.weight": (3, 4),
        "relation.layers.0.weight": (5, 4),
        "relation.layers.1.weight": (1, 5),
    }
    other = ClassFeatureHead(
        3, 4, dict(type="mmsrdl.GlobalPooling"), relation=PGCN,
        classifier=dict(type="mmsrdl.IdentityClassifier"),
    )  # fmt: skip
    feature = torch.randn(2, 4, 3, 3)
    with pytest.raises(RuntimeError, match="label graph of PredictionGCN was never made"):
        other(feature)
    other.load_state_dict(head.state_dict())
    assert_close(other(feature), head(feature))
    assert_close(copy.deepcopy(head)(feature), head(feature))


@pytest.mark.parametrize("attention", ["GlobalPooling", "CARAttention"])
def test_autocast_and_backward(attention: str) -> None:
    head = make_head(attention, embedder=EMBEDDER if attention == "CARAttention" else None)
    feature = torch.randn(2, 4, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        logits = head(feature)
    logits.float().sum().backward()
    assert_close(logits.float(), head(feature), rtol=0.1, atol=0.1)
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_a_batch_of_no_image() -> None:
    head = make_head()
    logits = head(torch.rand(0, 4, 3, 3))
    assert logits.shape == (0, 3)
    logits.sum().backward()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(hidden_dims=4), TypeError, "hidden_dims=4 must hold one size a layer"),
        (dict(hidden_dims=()), ValueError, r"hidden_dims=\(\) must hold one size a layer"),
        (dict(hidden_dims=(4, 0)), ValueError, "an entry of hidden_dims=0 must be at least 1"),
        (dict(threshold=1.5), ValueError, r"threshold=1.5 must be a number in \[0, 1\]"),
        (dict(neighbor_weight=-1), ValueError, "neighbor_weight=-1 must be a finite number of at"),
        (dict(negative_slope="a"), TypeError, "negative_slope='a' must be a finite number"),
        (dict(cooccurrence="f.npz"), ValueError, "looked up by class name; give PredictionGCN"),
        (dict(num_classes=0), ValueError, "num_classes=0 must be at least 1"),
    ],
)
def test_wrong_options(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        PredictionGCN(**{"num_classes": 3, "in_channels": 4, **options})


def test_a_shared_feature_must_be_decomposed() -> None:
    relation = PredictionGCN(3, 4, decompose=False)
    relation.take_counts(COUNTS, NAMES)
    message = r"decompose=False needs features of 3 classes, got \[2, 1, 4\]; set decompose=True"
    with pytest.raises(ValueError, match=message):
        relation(torch.rand(2, 1, 4), maps=None)
