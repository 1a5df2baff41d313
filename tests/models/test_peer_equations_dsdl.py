"""DSDL against slow loops that a second reader wrote, in value and gradient."""

import pytest
import torch
from mmpretrain.structures import DataSample
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead
from tests.reference import dsdl as ref

CLASSES = ["cat", "dog", "bus", "car"]
EXACT = dict(rtol=1e-10, atol=1e-10)
RIDGE, BETA = 0.3, 0.7


def make_head(**embedder: object) -> ClassFeatureHead:
    """A head in float64: C = 4, d' = 6, h = 7, D = 5."""
    torch.manual_seed(0)
    head = ClassFeatureHead(
        num_classes=4,
        in_channels=5,
        embedder=dict(
            type="mmsrdl.AutoencoderLabelEmbedder", classes=CLASSES, embed_dims=6, hidden_dims=7,
            out_dims=5, **embedder,
        ),
        attention=dict(type="mmsrdl.GlobalPooling"),
        classifier=dict(type="mmsrdl.DictionaryClassifier", ridge=RIDGE, fit_weight=BETA),
        loss=dict(type="mmsrdl.MultiLabelBCELoss", reduction="mean"),
    ).double()  # fmt: skip
    return head


def inputs() -> tuple[Tensor, Tensor, list[DataSample]]:
    generator = torch.Generator().manual_seed(1)
    feature = torch.randn(3, 5, 2, 3, dtype=torch.float64, generator=generator)
    y = (torch.rand(3, 4, generator=generator) > 0.5).double()
    return feature, y, [DataSample().set_gt_score(row) for row in y]


def parts(head: ClassFeatureHead, feature: Tensor) -> tuple[Tensor, ...]:
    """S, M, S_hat, f and z of the reference."""
    S, W1, W2 = head.embedder.vectors, head.embedder.w1, head.embedder.w2
    M = ref.dictionary(S, W1, W2)
    f = feature.flatten(2).amax(2)
    return S, M, ref.reconstruction(M, W1, W2), f, ref.code(f, M, RIDGE)


def gradients(value: Tensor, head: ClassFeatureHead, feature: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(value, [head.embedder.w1, head.embedder.w2, feature]))


def test_dictionary_and_reconstruction() -> None:
    head, (feature, *_) = make_head(), inputs()
    _, M, S_hat, *_ = parts(head, feature)
    assert_close(head.embedder(), M, **EXACT)
    assert_close(head.embedder.reconstruct(M), S_hat, **EXACT)


def test_logits() -> None:
    head, (feature, *_) = make_head(), inputs()
    feature.requires_grad_()
    z, expected = head((feature,)), parts(head, feature)[-1]
    assert_close(z, expected, **EXACT)
    weight = torch.randn(z.shape, dtype=z.dtype)
    for ours, theirs in zip(
        gradients((z * weight).sum(), head, feature),
        gradients((expected * weight).sum(), head, feature),
        strict=True,
    ):
        assert_close(ours, theirs, **EXACT)


def test_loss_as_released() -> None:
    head, (feature, y, samples) = make_head(), inputs()
    feature.requires_grad_()
    losses = head.loss((feature,), samples)
    assert set(losses) == {"loss_ori", "loss_residual", "loss_sparsity", "label_similarity"}
    ours = sum(value for name, value in losses.items() if "loss" in name)
    S, M, S_hat, f, z = parts(head, feature)
    theirs = ref.loss(z, y, f, M, S, S_hat, RIDGE, BETA)
    assert_close(ours, theirs, **EXACT)
    similarity = ref.semantic_similarity(S, S_hat)
    assert_close(losses["label_similarity"], similarity, **EXACT)
    assert_close(
        losses["loss_residual"], BETA * ref.reconstruction_loss(z, M, f) / similarity, **EXACT
    )
    for left, right in zip(
        gradients(ours, head, feature), gradients(theirs, head, feature), strict=True
    ):
        assert_close(left, right, **EXACT)


def test_loss_with_the_similarity_added() -> None:
    head, (feature, _, samples) = make_head(objective="add"), inputs()
    losses, divided = head.loss((feature,), samples), make_head().loss((feature,), samples)
    S, _, S_hat, *_ = parts(head, feature)
    similarity = ref.semantic_similarity(S, S_hat)
    assert_close(losses["loss_reconstruction"], 1 - similarity, **EXACT)
    assert_close(losses["loss_ori"], divided["loss_ori"] * similarity, **EXACT)


@pytest.mark.parametrize("ridge", [0.1, 10.0])
def test_the_code_is_the_ridge_regression(ridge: float) -> None:
    """Against torch's least squares of the stacked system [M^T; sqrt(ridge) I] z = [f; 0]."""
    head, (feature, *_) = make_head(), inputs()
    head.classifier.ridge = ridge
    M, f = head.embedder().detach(), feature.flatten(2).amax(2)
    stacked = torch.cat((M.T, ridge**0.5 * torch.eye(4, dtype=M.dtype)))
    right = torch.cat((f.T, torch.zeros(4, 3, dtype=M.dtype)))
    expected = torch.linalg.lstsq(stacked, right).solution.T
    assert_close(head((feature,)).detach(), expected, rtol=1e-9, atol=1e-9)
