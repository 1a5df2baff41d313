"""SigRL, MKT and what is between them against slow loops, in value and gradient."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import SigRLHead
from mmsrdl.models.attention import PatchScores, SVFRAttention
from mmsrdl.models.embedders import gatv2
from mmsrdl.models.losses import RankingLoss
from mmsrdl.ops import chunked, use_backend
from tests.models.open_vocabulary import DIMS, NAMES, make_head
from tests.reference import sigrl as ref

EXACT = dict(rtol=1e-10, atol=1e-10)
GRAPH = dict(type="mmsrdl.GATv2", hidden_channels=8)
ATTENTIONS = {
    "MKT": dict(type="mmsrdl.PatchScores"),
    "GMC": dict(type="mmsrdl.PatchScores", graph=GRAPH),
    "SVFR": dict(type="mmsrdl.SVFRAttention", graph=None),
    "SigRL": dict(type="mmsrdl.SVFRAttention", graph=GRAPH),
}
NORMALISATIONS = ["class_l2", "cosine"]
SETTINGS = [
    *(
        (attention, dict(normalise=normalise))
        for attention in ATTENTIONS
        for normalise in NORMALISATIONS
    ),
    ("MKT", dict(local=False, normalise="cosine", scale=4.0)),  # CLIP, zero-shot
    ("SigRL", dict(glob=False, scale=0.5)),
]
OTHER = ("boat", "green bird", "black cat")
TARGET = torch.tensor([[1.0, 0, -1, 1], [0, 0, -1, 0], [0, 1, 0, 0]], dtype=torch.float64)


def make(attention: str = "SigRL", classifier: dict | None = None, **options: Any) -> SigRLHead:
    """Builds a small head in float64, which trains without dropout: C = 4, D = 6, k = 2."""
    torch.manual_seed(0)
    head = make_head(
        attention=ATTENTIONS[attention] | options,
        classifier=dict(topk=2) | (classifier or {}),
        loss=dict(type="mmsrdl.RankingLoss"),
    ).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_()
    return head


def make_tokens(images: int = 3, patches: int = 4) -> Tensor:
    """A class token and patches."""
    torch.manual_seed(1)
    return torch.randn(images, 1 + patches, DIMS, dtype=torch.float64, requires_grad=True)


def reference_gmc(graph: gatv2.GATv2, t: Tensor) -> Tensor:
    first, second = graph.layer1, graph.layer2
    return ref.gmc(
        t, first.linear.weight, first.attn.weight[0], second.linear.weight, second.attn.weight[0],
        heads=first.num_heads,
    )  # fmt: skip


def reference_svfr(attention: SVFRAttention, P: Tensor, t: Tensor, **biases: Tensor) -> Tensor:
    g = t if attention.graph is None else reference_gmc(attention.graph, t)
    W_s, W_z, W_v = attention.fc_s.weight, attention.fc_z.weight, attention.fc_v.weight
    return ref.svfr(P, t, g, W_s, W_z, W_v, **biases)


def reference_scores(head: SigRLHead, tokens: Tensor, context: Tensor | None = None) -> Tensor:
    """Scores of the vocabulary now; `context` are the labels that reconstruct the patches."""
    P, q, t = tokens[:, 1:], tokens[:, 0], head.embedder()
    attention, classifier, t_local = head.attention, head.classifier, None
    if isinstance(attention, SVFRAttention):
        P = reference_svfr(attention, P, t if context is None else context)
    elif attention.graph is not None:
        t_local = t + reference_gmc(attention.graph, t)
    scores = ref.score(
        P if classifier.local else None,
        q if classifier.glob else None,
        t, classifier.topk, classifier.normalise, t_local,
    )  # fmt: skip
    return classifier.scale * scores


def without_dropout(head: SigRLHead) -> SigRLHead:
    for module in head.train().modules():
        if isinstance(module, gatv2.GATv2 | gatv2.GATv2Layer):
            module.dropout = 0.0
    return head


def gradients(wanted: dict[str, Tensor], loss: Tensor) -> dict[str, Tensor]:
    found = torch.autograd.grad(loss, list(wanted.values()), materialize_grads=True)
    return dict(zip(wanted, found, strict=True))


@pytest.fixture(params=["plain", "at once", "in chunks", "one by one"])
def _form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The formulas; and the operators, whose chunks hold everything, two rows or labels, or one."""
    elements = {"in chunks": 80, "one by one": 1}
    monkeypatch.setitem(chunked.CHUNK, "cpu", elements.get(request.param, 1 << 20))
    with use_backend("plain" if request.param == "plain" else "chunked"):
        yield


@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize("heads", [1, 4])
def test_gmc(heads: int) -> None:
    torch.manual_seed(0)
    graph = gatv2.GATv2(3, hidden_channels=8, num_heads=heads, out_channels=5).double().eval()
    for parameter in graph.parameters():
        torch.nn.init.normal_(parameter)
    t = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    ours, theirs = graph(t), reference_gmc(graph, t)
    assert_close(ours, theirs, **EXACT)
    seed, wanted = torch.randn_like(ours), dict(graph.named_parameters(), t=t)
    found = gradients(wanted, (ours * seed).sum())
    assert_close(found, gradients(wanted, (theirs * seed).sum()), **EXACT)
    assert all(gradient.abs().max() > 1e-6 for gradient in found.values())


@pytest.mark.usefixtures("_form")
@pytest.mark.parametrize(("graph", "size"), [(None, (1, 4)), (GRAPH, (2, 3))])
def test_svfr(graph: dict | None, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    attention = SVFRAttention(DIMS, DIMS, graph=graph).double().eval()
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter)
    t = torch.randn(3, DIMS, dtype=torch.float64, requires_grad=True)
    feature = torch.randn(2, DIMS, *size, dtype=torch.float64, requires_grad=True)
    maps = attention(feature, attention.embed_labels(t))
    expected = reference_svfr(attention, feature.flatten(2).transpose(1, 2), t)
    assert_close(maps.feature, expected, **EXACT)
    assert_close(maps.scores, (expected @ t.T).transpose(1, 2), **EXACT)
    wanted = dict(attention.named_parameters(), t=t, feature=feature)
    seed = torch.randn_like(expected)
    found = gradients(wanted, (maps.feature * seed).sum())
    assert_close(found, gradients(wanted, (expected * seed).sum()), **EXACT)
    assert all(gradient.abs().max() > 1e-6 for gradient in found.values())


def test_published_biases_have_no_effect() -> None:
    head, tokens = make(), make_tokens(1)
    b, c = torch.randn(2, DIMS, dtype=torch.float64, requires_grad=True)
    t = head.embedder()
    with_biases = reference_svfr(head.attention, tokens[:, 1:], t, b_3=b, c_3=c)
    assert_close(with_biases, reference_svfr(head.attention, tokens[:, 1:], t), **EXACT)
    found = gradients(dict(b=b, c=c), with_biases.square().sum())
    assert max(gradient.abs().max() for gradient in found.values()) < 1e-10


def test_labels_that_look_the_other_way_add_nothing() -> None:
    """All rows of the channel matrix are 0, of which no gradient may be NaN."""
    attention = SVFRAttention(DIMS, DIMS, graph=None).double()
    t = -torch.rand(2, DIMS, dtype=torch.float64)
    feature = torch.rand(2, DIMS, 2, 2, dtype=torch.float64, requires_grad=True)
    P = feature.flatten(2).transpose(1, 2)
    maps, expected = attention(feature, attention.embed_labels(t)), reference_svfr(attention, P, t)
    assert_close(maps.feature, expected, **EXACT)
    wanted = dict(attention.named_parameters(), feature=feature)
    found = gradients(wanted, maps.feature.square().sum())
    assert_close(found, gradients(wanted, expected.square().sum()), **EXACT)


@pytest.mark.parametrize(("attention", "classifier"), SETTINGS)
def test_scores(attention: str, classifier: dict) -> None:
    head, tokens = make(attention, classifier), make_tokens(2)
    assert_close(head((tokens,)), reference_scores(head, tokens), **EXACT)
    with head.vocabulary(OTHER):
        assert_close(head((tokens,)), reference_scores(head, tokens), **EXACT)


@pytest.mark.parametrize(("attention", "classifier"), SETTINGS[:8])
def test_loss_and_gradients(attention: str, classifier: dict) -> None:
    head, tokens = without_dropout(make(attention, classifier)), make_tokens()
    ours = head.loss((tokens,), [DataSample(gt_score=row) for row in TARGET])
    assert set(ours) == {"loss_ori"}
    theirs = ref.ranking(reference_scores(head, tokens), TARGET, eps=0.0)
    assert_close(ours["loss_ori"], theirs, **EXACT)
    wanted = dict(head.named_parameters(), tokens=tokens)
    found = gradients(wanted, ours["loss_ori"])
    assert_close(found, gradients(wanted, theirs), **EXACT)
    assert all(gradient.abs().max() > 1e-8 for gradient in found.values())


@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_scores_in_the_context_of_the_training(normalise: str) -> None:
    """The labels of the training reconstruct the patches, whatever is asked for."""
    head, tokens = make(classifier=dict(normalise=normalise), context="trained"), make_tokens(1)
    context = head.embedder()
    assert_close(head((tokens,)), reference_scores(head, tokens), **EXACT)
    with head.vocabulary(OTHER):
        assert head.embedder().shape[0] == 3
        found = head((tokens,))
        assert_close(found, reference_scores(head, tokens, context), **EXACT)
        assert not torch.allclose(found, reference_scores(head, tokens), rtol=1e-3)
    column = NAMES.index("black cat")
    same = torch.allclose(found[:, 2], head((tokens,))[:, column], rtol=1e-10)
    assert same is (normalise == "cosine")


@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_ranking_loss(margin: float) -> None:
    """Of images with many positives, few, none, no negative, and nothing known."""
    torch.manual_seed(0)
    scores = torch.randn(7, 9, dtype=torch.float64, requires_grad=True)
    target = torch.randint(-1, 2, (7, 9)).double()
    target[1] = target[1].clamp(max=0)
    target[2] = target[2].abs() * 2 - 1
    target[3] = -1
    target[4] = torch.eye(9)[4]
    ours = RankingLoss(margin=margin)(scores, target)
    theirs = ref.ranking(scores, target, margin, eps=0.0)
    assert_close(ours, theirs, **EXACT)
    wanted = dict(scores=scores)
    assert_close(gradients(wanted, ours), gradients(wanted, theirs), **EXACT)
    published = ref.ranking(scores, target, margin)
    assert_close(ours, published, rtol=1e-7, atol=0)
    assert RankingLoss(margin=margin)(scores[1:2], target[1:2]) == 0


def test_patch_scores_are_products() -> None:
    attention = PatchScores(DIMS, DIMS).double()
    t = torch.randn(3, DIMS, dtype=torch.float64)
    feature = torch.randn(2, DIMS, 1, 2, dtype=torch.float64)
    maps = attention(feature, attention.embed_labels(t))
    for n in range(2):
        for c in range(3):
            for p in range(2):
                assert_close(maps.scores[n, c, p], ref.dot(feature[n, :, 0, p], t[c]), **EXACT)
