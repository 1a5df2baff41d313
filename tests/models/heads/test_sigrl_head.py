"""SigRL's head: its parts put together, and its vocabulary."""

import copy
from typing import Any

import pytest
import torch
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.models import SigRLHead
from mmsrdl.registry import MODELS
from tests.models.open_vocabulary import DIMS, HASHED, NAMES, HashEncoder, make_head

COSINE = dict(topk=2, normalise="cosine")
MKT = dict(attention=dict(type="mmsrdl.PatchScores"))
GMC = dict(attention=dict(type="mmsrdl.PatchScores", graph=dict(type="mmsrdl.GATv2")))
SVFR = dict(attention=dict(type="mmsrdl.SVFRAttention", graph=None))
SIGRL = dict(attention=dict(type="mmsrdl.SVFRAttention"))
TRAINED = dict(attention=dict(type="mmsrdl.SVFRAttention", context="trained"))
ABLATIONS = [MKT, GMC, SVFR, SIGRL]
OTHER = ("boat", "green bird", "black cat", "kite", "red car")
"""Labels of another vocabulary: three shared with NAMES in another order."""


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def tokens(images: int = 3, patches: int = 9) -> tuple[Tensor]:
    """Class token and patches of images, as the neck returns them."""
    return (torch.randn(images, 1 + patches, DIMS),)


def shared_columns(names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    shared = sorted(set(NAMES) & set(names))
    return [NAMES.index(name) for name in shared], [names.index(name) for name in shared]


def test_mkt_from_the_equations() -> None:
    head, (feats,) = make_head(), tokens()
    t = HashEncoder().encode(NAMES)
    local = (feats[:, 1:] @ t.T).topk(2, dim=1).values.mean(1)
    glob = feats[:, 0] @ t.T
    assert_close(head((feats,)), (F.normalize(local, dim=1) + F.normalize(glob, dim=1)) / 2)


@pytest.mark.parametrize("parts", ABLATIONS)
def test_ablations_train_and_score(parts: dict) -> None:
    head = make_head(**parts).train()
    samples = [DataSample(gt_score=torch.tensor([1.0, 0, 0, -1]))] * 3
    feats = tokens()[0].requires_grad_()
    sum(head.loss((feats,), samples).values()).backward()
    assert feats.grad is not None
    assert feats.grad[:, 0].abs().sum() > 0  # of the global stream
    missing = [name for name, p in head.named_parameters() if p.grad is None]
    assert not missing
    (sample, *_) = head.eval().predict(tokens(1))
    assert sample.pred_score.shape == (4,)


@pytest.mark.parametrize("parts", [*ABLATIONS, TRAINED])
def test_nothing_of_a_label_is_in_the_state_dict(parts: dict) -> None:
    """Heads of 11 and 13 labels have the same entries, and none is as long as there are labels."""
    few, many = (make_head([f"label {i}" for i in range(n)], **parts) for n in (11, 13))
    for head in (few, many):
        head(tokens())
        shapes = [tuple(value.shape) for value in head.state_dict().values()]
        assert not any({11, 13} & set(shape) for shape in shapes)
    assert few.state_dict().keys() == many.state_dict().keys()
    many.load_state_dict(few.state_dict())
    many.set_vocabulary(few.classes)
    if parts is TRAINED:
        many.set_trained_classes(few.classes)
    feats = tokens()
    assert_close(many(feats), few(feats))


@pytest.mark.parametrize("parts", [MKT, TRAINED])
def test_another_vocabulary_is_answered_identically_for_shared_labels(parts: dict) -> None:
    """Must show 4: with cosines, and an attention that sees the labels of the training."""
    head, feats = make_head(**parts, classifier=COSINE), tokens()
    before = head(feats)
    head.set_vocabulary(OTHER)
    assert head.num_classes == 5
    after = head(feats)
    assert after.shape == (3, 5)
    first, second = shared_columns(OTHER)
    assert len(first) == 3
    assert_close(after[:, second], before[:, first], rtol=1e-6, atol=1e-6)
    t = HashEncoder().encode(["kite"])
    assert_close(head.embedder()[3], t[0])


@pytest.mark.parametrize("classifier", [dict(topk=2), COSINE])
@pytest.mark.parametrize("parts", [*ABLATIONS, TRAINED])
def test_another_order_gives_the_same_scores(parts: dict, classifier: dict) -> None:
    head, feats = make_head(**parts, classifier=classifier).double(), tokens()[0].double()
    before = head((feats,))
    with head.vocabulary(NAMES[::-1]):
        assert_close(head((feats,)).flip(1), before)
    assert_close(head((feats,)), before)


@pytest.mark.parametrize(
    ("parts", "classifier"), [(MKT, dict(topk=2)), (GMC, COSINE), (SVFR, COSINE), (SIGRL, COSINE)]
)
def test_published_choices_depend_on_the_vocabulary(parts: dict, classifier: dict) -> None:
    """As the documentation says: class norm, graph and reconstruction see all labels asked."""
    head, feats = make_head(**parts, classifier=classifier), tokens()
    before = head(feats)
    first, second = shared_columns(OTHER)
    with head.vocabulary(OTHER):
        after = head(feats)
    assert not torch.allclose(after[:, second], before[:, first], rtol=1e-4, atol=1e-5)


def test_trained_labels_may_be_told_in_any_order() -> None:
    """As a checkpoint tells them, whatever the config's embedder has."""
    feats = tokens()
    head = make_head(**TRAINED, classifier=COSINE)
    other = make_head(OTHER, **TRAINED, classifier=COSINE)
    other.load_state_dict(head.state_dict())
    with head.vocabulary(OTHER):
        expected = head(feats)
    assert not torch.allclose(other(feats), expected, rtol=1e-4, atol=1e-5)
    other.set_trained_classes(NAMES[::-1])
    assert_close(other(feats), expected)


def test_label_side_is_computed_once_a_vocabulary() -> None:
    head, feats, calls = make_head(**SIGRL), tokens(), []
    head.attention.graph.register_forward_hook(lambda *args: calls.append(args))
    with torch.no_grad():
        first, second = head(feats), head(feats)
        head.set_vocabulary(NAMES)
        head(feats)
        assert len(calls) == 1
        with head.vocabulary(OTHER):
            head(feats)
            head(feats)
        assert len(calls) == 2
        third = head(feats)
    assert_close(first, second)
    assert_close(first, third)


def test_unseen_labels_are_scored_by_themselves_too() -> None:
    """ZSL and GZSL from one pass of the backbone; published scores of the two differ."""
    head, feats = make_head(OTHER, zsl_vocabulary=["green bird", "kite"]), tokens()
    samples = head.predict(feats)
    every = torch.stack([sample.pred_score for sample in samples])
    unseen = torch.stack([sample.pred_score_unseen for sample in samples])
    assert {sample.unseen_vocabulary for sample in samples} == {("green bird", "kite")}
    assert_close(every, head(feats).sigmoid())
    assert head.classes == OTHER
    assert not torch.allclose(every[:, [1, 3]], unseen)
    head.set_vocabulary(["green bird", "kite"])
    assert_close(head(feats).sigmoid(), unseen)
    assert "pred_score_unseen" not in make_head().predict(feats)[0]


@MODELS.register_module(force=True)
class DistanceToHalf(BaseModule):
    """Stands for a distillation: sees what the neck returned, and the class token."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.frozen = torch.nn.Linear(in_channels, in_channels).requires_grad_(False)

    def auxiliary_losses(self, scored: Any) -> dict[str, Tensor]:
        assert torch.equal(scored.maps.token, scored.feats[-1][:, 0])
        return {"loss_dist": (scored.maps.token - self.frozen(scored.feats[0])).abs().mean()}


def test_distillation_sees_earlier_stages_and_the_class_token() -> None:
    head = make_head(distillation=dict(type="mmsrdl.DistanceToHalf")).train()
    early, last = torch.randn(3, DIMS), tokens()[0].requires_grad_()
    losses = head.loss((early, last), [DataSample(gt_score=torch.ones(4))] * 3)
    assert set(losses) == {"loss_ori", "loss_dist"}
    expected = (last[:, 0] - head.distillation.frozen(early)).abs().mean()
    assert_close(losses["loss_dist"], expected)
    assert "distillation.frozen.weight" in head.state_dict()
    losses["loss_dist"].backward()
    assert last.grad[:, 0].abs().sum() > 0
    assert head.distillation.frozen.weight.grad is None


def test_context_restores_the_vocabulary_after_an_error() -> None:
    head = make_head()
    broken = (torch.randn(1, 10, DIMS + 1),)
    with head.vocabulary(OTHER):
        assert head.classes == OTHER
    with pytest.raises(ValueError, match="takes a map"), head.vocabulary(OTHER):
        head(broken)
    assert head.classes == NAMES
    assert head.num_classes == 4


def test_a_copy_has_a_vocabulary_of_its_own() -> None:
    head = make_head()
    twin = copy.deepcopy(head)
    twin.set_vocabulary(OTHER)
    assert head.classes == NAMES
    assert head(tokens()).shape == (3, 4)


def test_class_token() -> None:
    head, (feats,) = make_head(), tokens()
    assert head.class_token((feats,)) is not None
    assert_close(head.class_token(feats), feats[:, 0])
    assert head.class_token((feats[:, 1:],)) is None
    assert head.class_token((torch.randn(1, DIMS, 3, 3),)) is None
    registers = make_head(num_extra_tokens=5)
    assert_close(registers.class_token(torch.cat([feats[:, :5], feats[:, 1:]], 1)), feats[:, 0])
    with pytest.raises(ValueError, match="glob=True needs the class token"):
        head((feats[:, 1:],))


@pytest.mark.parametrize("parts", ABLATIONS)
def test_no_image(parts: dict) -> None:
    assert make_head(**parts)(tokens(0)).shape == (0, 4)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("parts", [*ABLATIONS, dict(**TRAINED, classifier=COSINE)])
def test_weights_of_half_precision(parts: dict, dtype: torch.dtype) -> None:
    head, (feats,) = make_head(**parts), tokens()
    expected = head((feats,))
    scores = head.to(dtype)((feats.to(dtype),))
    assert scores.dtype == torch.float32
    assert_close(scores, expected, rtol=0, atol=0.02)


def test_topk_predictions_of_fewer_names() -> None:
    with pytest.raises(ValueError, match="zsl_vocabulary has 1 names, and topk=2 of them are pred"):
        make_head(topk=2, zsl_vocabulary=["boat"])
    head = make_head(topk=2)
    with pytest.raises(ValueError, match=r"classes has 1 names, and topk=2 of them are predicted"):
        head.set_vocabulary(["boat"])
    assert head.classes == NAMES


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "must hold at least one name"),
        (["a", "a"], "none twice; twice: 'a'"),
        (["a b", "a_b"], "which are both spelled 'a b'"),
        ("cocoa", "classes='cocoa' is no known list"),
    ],
)
def test_vocabularies_that_are_refused(names: Any, message: str) -> None:
    head = make_head()
    with pytest.raises(ValueError, match=message):
        head.set_vocabulary(names)
    assert head.classes == NAMES
    assert head.num_classes == 4


EMBEDDER = dict(classes=list(NAMES), embed_dims=DIMS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            dict(attention=dict(type="mmsrdl.SemanticAttention", out_channels=DIMS)),
            r"attention=SemanticAttention belongs to one list of labels \(it takes num_classes\)",
        ),
        (
            dict(classifier=dict(type="mmsrdl.EmbeddingClassifier")),
            r"classifier=EmbeddingClassifier belongs to one list of labels \(it takes num_cl",
        ),
        (
            dict(embedder=dict(type="mmsrdl.GCNLabelEmbedder", **EMBEDDER)),
            r"embedder=GCNLabelEmbedder has the label embeddings of one vocabulary, .*Vocabulary",
        ),
        (dict(num_classes=5), "num_classes=5 but the embedder has 4 classes"),
    ],
)
def test_parts_of_one_list_of_labels(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_head(**options)


@pytest.mark.parametrize("part", ["embedder", "attention", "classifier"])
def test_parts_that_are_no_dict(part: str) -> None:
    with pytest.raises(TypeError, match=f"{part}='a' must be a dict; SigRLHead adds the type"):
        make_head(**{part: "a"})
    with pytest.raises(TypeError, match="embedder=None must be a dict"):
        make_head(embedder=None)


def test_defaults_are_those_of_sigrl() -> None:
    embedder = dict(**EMBEDDER, text=HASHED)
    head = SigRLHead(DIMS, embedder, loss=dict(type="mmsrdl.MultiLabelBCELoss"))
    assert type(head.attention).__name__ == "SVFRAttention"
    assert head.attention.graph is not None
    assert (head.classifier.topk, head.classifier.normalise) == (16, "class_l2")
