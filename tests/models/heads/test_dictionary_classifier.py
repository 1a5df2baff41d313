import copy
from typing import Any

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead, DictionaryClassifier

CLASSES = ["cat", "dog", "bus"]
EMBEDDER = dict(
    type="mmsrdl.AutoencoderLabelEmbedder",
    classes=CLASSES,
    embed_dims=6,
    hidden_dims=7,
    out_dims=8,
)


def make(embedder: dict | None = EMBEDDER, **options: Any) -> ClassFeatureHead:
    torch.manual_seed(0)
    return ClassFeatureHead(
        num_classes=3,
        in_channels=8,
        embedder=embedder,
        **{
            "attention": dict(type="mmsrdl.GlobalPooling"),
            "classifier": dict(type="mmsrdl.DictionaryClassifier", ridge=0.1, fit_weight=0.5),
            **options,
        },
    )


def feature(count: int = 2) -> Tensor:
    return torch.randn(count, 8, 3, 3, generator=torch.Generator().manual_seed(1))


def samples(count: int = 2) -> list[DataSample]:
    return [DataSample().set_gt_score(torch.tensor([1.0, 0, 1])) for _ in range(count)]


def test_the_classifier_has_no_weights_of_its_own() -> None:
    head = make()
    assert [name for name in head.state_dict()] == [
        "embedder.vectors",
        "embedder.w1",
        "embedder.w2",
    ]


def test_the_system_is_solved_once_while_evaluating(monkeypatch: pytest.MonkeyPatch) -> None:
    head, calls = make().eval(), []
    solve = torch.cholesky_solve
    monkeypatch.setattr(torch, "cholesky_solve", lambda *args: calls.append(1) or solve(*args))
    with torch.no_grad():
        first = head((feature(),))
        assert_close(head((feature(),)), first)
        assert len(calls) == 1
        head.embedder.w1.mul_(2)
        assert not torch.allclose(head((feature(),)), first)
        assert len(calls) == 2
        assert_close(copy.deepcopy(head)((feature(),)), head((feature(),)))
    head.train()
    head((feature(),))
    head((feature(),))
    assert len(calls) == 5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_nothing_of_the_solution_is_in_half_precision(dtype: torch.dtype) -> None:
    head = make()
    exact = head.loss((feature(),), samples())
    logits = head((feature(),))
    with torch.autocast("cpu", dtype=dtype):
        cast = head.loss((feature(),), samples())
        assert head((feature(),)).dtype == torch.float32
        assert_close(head((feature(),)), logits)
    for name, loss in exact.items():
        assert_close(cast[name], loss)
    sum(value for name, value in cast.items() if "loss" in name).backward()
    assert head.embedder.w2.grad.isfinite().all()


def test_without_a_fit_there_is_no_loss_of_it() -> None:
    classifier = dict(type="mmsrdl.DictionaryClassifier", fit_weight=0)
    losses = make(classifier=classifier).loss((feature(),), samples())
    assert set(losses) == {"loss_ori", "label_similarity"}


def test_takes_the_embeddings_of_another_embedder() -> None:
    graph = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=8)
    head = make(embedder=graph)
    losses = head.loss((feature(),), samples())
    assert set(losses) == {"loss_ori", "loss_residual", "loss_sparsity"}
    sum(losses.values()).backward()
    assert head.embedder.adjacency.grad.abs().sum() > 0


def test_labels_that_depend_on_each_other_have_a_solution() -> None:
    head = make()
    with torch.no_grad():
        head.embedder.vectors[1] = head.embedder.vectors[0]
        logits = head((feature(),))
    assert logits.isfinite().all()
    assert_close(logits[:, 0], logits[:, 1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (dict(ridge=0), ValueError, "ridge=0 must be positive"),
        (dict(ridge=-1), ValueError, "ridge=-1"),
        (dict(fit_weight="much"), TypeError, "fit_weight='much'"),
        (dict(embed_dims=7), ValueError, "set the embedder's out_dims=8"),
    ],
)
def test_bad_options(options: dict, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        DictionaryClassifier(**{"num_classes": 3, "in_channels": 8, "embed_dims": 8, **options})


def test_features_of_classes_are_refused() -> None:
    head = make(attention=dict(type="mmsrdl.CARAttention"))
    with pytest.raises(ValueError, match="one feature that all classes share"):
        head((feature(),))
