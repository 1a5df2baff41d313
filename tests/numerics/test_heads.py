"""Every head: finite losses and gradients on maps and labels that training may meet."""

import copy
from collections.abc import Iterator

import pytest
import torch
from mmpretrain.models import ImageClassifier
from mmpretrain.models.losses import AsymmetricLoss
from torch import Tensor

from mmsrdl.models import ClassFeatureHead, SigRLHead
from tests.models.open_vocabulary import DIMS, NAMES, make_head
from tests.numerics.heads import (
    CHANNELS,
    CONFIGS,
    HEADS,
    SIGNATURES,
    build,
    gradients_of,
    heads_of,
    loss_of,
    samples,
)

LABELS = torch.tensor([[1, 0, 0], [0, 1, 1]])
MAPS = torch.randn(2, CHANNELS, 4, 4, generator=torch.Generator().manual_seed(0))
ODD_MAPS = {
    "zeros": torch.zeros_like(MAPS),
    "constant": torch.ones_like(MAPS),
    "tiny": MAPS * 1e-30,
    "large": MAPS * 1e4,
    "one position": torch.where(torch.arange(16).view(4, 4) == 5, 1e4, 0.0).expand_as(MAPS),
}
ODD_LABELS = {
    "all negative": torch.zeros_like(LABELS),
    "all positive": torch.ones_like(LABELS),
    "all unknown": torch.full_like(LABELS, -1),
    "one known": torch.tensor([[-1, -1, -1], [-1, 0, -1]]),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    deterministic = torch.are_deterministic_algorithms_enabled()
    yield
    torch.use_deterministic_algorithms(deterministic)


def check_finite(model: ImageClassifier, maps: Tensor, labels: Tensor) -> None:
    total, grads = gradients_of(model, maps, labels)
    assert total.isfinite()
    assert [name for name, grad in grads.items() if not grad.isfinite().all()] == []


@pytest.mark.parametrize("head", HEADS)
def test_odd_maps(head: str) -> None:
    model = build(head)
    for maps in ODD_MAPS.values():
        check_finite(model, maps, LABELS)
        with torch.no_grad():
            scores = copy.deepcopy(model).eval()(maps, samples(LABELS), mode="predict")
        for sample in scores:
            assert ((sample.pred_score >= 0) & (sample.pred_score <= 1)).all()


@pytest.mark.parametrize("head", HEADS)
def test_odd_labels(head: str) -> None:
    model = build(head)
    ours = isinstance(model.head, ClassFeatureHead) or hasattr(model.head, "erasing")
    for name, labels in ODD_LABELS.items():
        if "known" in name and not getattr(model.head.loss_module, "ignores_unknown", False):
            continue  # refused: tests/models/losses
        check_finite(model, MAPS, labels)
        if name == "all unknown":
            assert loss_of(model, MAPS, labels)["loss_ori" if ours else "loss"] == 0


@pytest.mark.parametrize("head", HEADS)
def test_one_of_everything(head: str) -> None:
    check_finite(build(head), MAPS[:, :, :1, :1], LABELS)  # one position
    check_finite(build(head, num_classes=1), MAPS, LABELS[:, :1])
    model = build(head)
    if any(isinstance(part, torch.nn.BatchNorm1d) for part in model.modules()):
        return
    check_finite(model, MAPS[:1], LABELS[:1])  # one image


@pytest.mark.parametrize("head", HEADS)
def test_half_precision(head: str) -> None:
    model = build(head)
    for maps in (MAPS, ODD_MAPS["zeros"], ODD_MAPS["constant"], ODD_MAPS["large"]):
        with torch.autocast("cpu", torch.bfloat16):
            check_finite(model, maps, LABELS)
    for maps in (MAPS, ODD_MAPS["constant"]):
        with torch.autocast("cpu", torch.float16):
            check_finite(model, maps, LABELS)
    # The gradient of a layer norm at 0 is above 65,504, which a loss scaler answers by a skipped
    # step; the loss is finite.
    with torch.autocast("cpu", torch.float16):
        losses = loss_of(model, ODD_MAPS["zeros"], LABELS)
    assert sum(losses.values()).isfinite()


@pytest.mark.parametrize("head", HEADS)
def test_an_overflow_of_half_precision_shows(head: str) -> None:
    """Beyond 65,504 a number is infinite: then the loss says so, or is still the right one."""
    model = build(head).eval()  # without dropout
    wanted = sum(loss_of(model, MAPS * 1e6, LABELS).values())
    with torch.autocast("cpu", torch.float16):
        found = sum(loss_of(model, MAPS * 1e6, LABELS).values())
    assert not found.isfinite() or found > 0
    assert wanted.isfinite()


@pytest.mark.parametrize("head", HEADS)
def test_deterministic_mode_repeats_to_the_bit(head: str) -> None:
    torch.use_deterministic_algorithms(True)
    runs = []
    for _ in range(2):
        model = build(head)
        torch.manual_seed(1)  # of dropout
        runs.append(gradients_of(model, MAPS, LABELS))
    (first, grads), (second, others) = runs
    assert torch.equal(first, second)
    assert all(torch.equal(grad, others[name]) for name, grad in grads.items())


SIGRL = {
    "MKT": dict(attention=dict(type="mmsrdl.PatchScores")),
    "SigRL": dict(attention=dict(type="mmsrdl.SVFRAttention")),
    "cosine": dict(
        attention=dict(type="mmsrdl.SVFRAttention", context="trained"),
        classifier=dict(topk=2, normalise="cosine"),
    ),
}


def sigrl_losses(head: SigRLHead, tokens: Tensor, labels: Tensor) -> None:
    head.zero_grad()
    tokens = tokens.clone().requires_grad_()
    total = sum(head.loss((tokens,), samples(labels)).values())
    total.backward()
    assert total.isfinite()
    grads = {"tokens": tokens.grad, **{n: p.grad for n, p in head.named_parameters()}}
    assert [n for n, g in grads.items() if g is not None and not g.isfinite().all()] == []


@pytest.mark.parametrize("loss", ["MultiLabelBCELoss", "RankingLoss"])
@pytest.mark.parametrize("parts", SIGRL.values(), ids=SIGRL)
def test_sigrl(parts: dict, loss: str) -> None:
    head = make_head(**parts, **dict(loss=dict(type=f"mmsrdl.{loss}"))).train()
    tokens = torch.randn(2, 10, DIMS, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, 0, 0, -1], [0, 1, 0, 0]])
    for odd in (tokens, tokens * 0, tokens * 0 + 1, tokens * 1e-30, tokens * 1e4, tokens[:1]):
        sigrl_losses(head, odd, labels[: len(odd)])
    for odd in (labels * 0, labels * 0 + 1, labels * 0 - 1):
        sigrl_losses(head, tokens, odd)
    one = make_head(NAMES[:1], **parts, **dict(loss=dict(type=f"mmsrdl.{loss}"), topk=1)).train()
    sigrl_losses(one, tokens, labels[:, :1])
    with torch.autocast("cpu", torch.bfloat16):
        sigrl_losses(head, tokens, labels)


@pytest.mark.slow
def test_every_head_of_the_configs_is_among_these() -> None:
    assert heads_of(CONFIGS.glob("*/*.py")).keys() == SIGNATURES.keys()


def test_every_head_and_attention_is_among_these() -> None:
    kinds = {type(part).__name__ for head in HEADS for part in build(head).modules()}
    assert kinds >= {
        "CARAttention", "CARHead", "CSRAClsHead", "ClassClassifier", "DecoderRelation",
        "DictionaryClassifier", "DynamicGCN", "EmbeddingClassifier", "GGNN", "GlobalMaxPooling",
        "GroupClassifier", "GroupDecoder", "IdentityClassifier", "MLGCNLabelEmbedder",
        "PredictionGCN", "QueryDecoder", "SemanticAttention", "SemanticDecoupling",
    }  # fmt: skip
    assert any(isinstance(build(head).head.loss_module, AsymmetricLoss) for head in HEADS)
