import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import ClassFeatureHead, EmbeddingClassifier, ObjectErasing
from mmsrdl.models.heads import IdentityClassifier

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize("bias", [False, True])
def test_logits_of_every_kind_of_feature(bias: bool) -> None:
    classifier = EmbeddingClassifier(3, 4, 4, bias)
    if bias:
        torch.nn.init.normal_(classifier.bias)
    x = torch.randn(3, 4)
    assert classifier.embed_labels(x) is x
    shared, own = torch.randn(2, 1, 4), torch.randn(2, 3, 4)
    offset = classifier.bias if bias else 0
    assert_close(classifier(shared, labels=x), shared[:, 0] @ x.T + offset)
    expected = torch.einsum("bce,ce->bc", own, x) + offset
    assert_close(classifier(own, labels=x), expected)
    chosen = torch.tensor([[2, 0], [1, 2]])
    rows = torch.arange(2)[:, None]
    assert_close(classifier(own[rows, chosen], chosen, x), expected[rows, chosen])
    assert len(list(classifier.parameters())) == int(bias)


def car_head(**options: object) -> ClassFeatureHead:
    """Class features of CAR, scored by label embeddings of their size."""
    torch.manual_seed(0)
    embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=NAMES, embed_dims=4)
    return ClassFeatureHead(
        3, 4, dict(type="mmsrdl.CARAttention"), embedder,
        classifier=dict(type="mmsrdl.EmbeddingClassifier"), **options,
    )  # fmt: skip


def test_erasing_with_it() -> None:
    from mmpretrain.structures import DataSample

    head = car_head()
    head.erasing = ObjectErasing(topk=2)
    samples = [DataSample(gt_score=torch.tensor([1.0, 0, 0]))] * 2
    losses = head.loss(torch.randn(2, 4, 3, 3), samples)
    sum(losses.values()).backward()
    assert head.embedder.vectors.grad.abs().sum() > 0
    assert losses["loss_era"] != losses["loss_ori"]


def test_embeddings_are_computed_once_while_evaluating_and_anew_after_a_change() -> None:
    head = car_head().eval()
    calls = []
    head.embedder.register_forward_hook(lambda *args: calls.append(args))
    feature = torch.randn(1, 4, 3, 3)
    with torch.no_grad():
        first, second = head(feature), head(feature)
        assert len(calls) == 1
        head.embedder.vectors.mul_(2)
        third = head(feature)
    assert len(calls) == 2
    assert_close(first, second)
    assert not torch.allclose(first, third)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((3, 8, 4), r"embeddings of 4 with features of 8; let the embedder end .*\(1024, 8\)"),
        ((0, 8, 8), r"num_classes=0 must be at least 1"),
        ((3, 0, 8), r"in_channels=0 must be at least 1"),
    ],
)
def test_errors(sizes: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EmbeddingClassifier(*sizes)


def test_scores_as_logits() -> None:
    scores: Tensor = torch.randn(2, 3, 1)
    assert_close(IdentityClassifier(1)(scores), scores[..., 0])
    with pytest.raises(ValueError, match=r"in_channels=64: .*end the relation with it, such as"):
        IdentityClassifier(64)
