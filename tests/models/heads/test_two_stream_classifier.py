import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.models import AttentionMaps, TwoStreamClassifier


def maps_of(feature: Tensor, vectors: Tensor, token: Tensor | None) -> AttentionMaps:
    scores = vectors @ feature.transpose(1, 2)
    return AttentionMaps(feature, None, None, (1, feature.shape[1]), scores, token=token)


def test_published_scores_by_hand() -> None:
    """Two labels along the axes, three patches of which the two best count."""
    t = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    patches = torch.tensor([[[1.0, 0.0], [3.0, 2.0], [0.0, 6.0]]])
    token = torch.tensor([[1.0, 0.0]])
    # P t: label 0: 2, 6, 0 -> mean 4; label 1: 0, 2, 6 -> mean 4. q t: 2, 0.
    local, both = 4 / math.sqrt(32), (4 / math.sqrt(32) + torch.tensor([1.0, 0.0])) / 2
    for options, expected in (
        (dict(), both),
        (dict(scale=10), 10 * both),
        (dict(glob=False), torch.full((2,), local)),
        (dict(local=False), torch.tensor([1.0, 0.0])),
    ):
        classifier = TwoStreamClassifier(2, 2, topk=2, **options)
        x = classifier.embed_labels(t)
        assert_close(classifier(patches, labels=x, maps=maps_of(patches, t, token))[0], expected)
        assert not list(classifier.state_dict())


def test_cosines_by_hand() -> None:
    t = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    patches = torch.tensor([[[1.0, 0.0], [3.0, 4.0], [0.0, 6.0]]])
    token = torch.tensor([[3.0, 4.0]])
    classifier = TwoStreamClassifier(2, 2, topk=2, normalise="cosine")
    expected = torch.tensor([[(0.8 + 0.6) / 2, (0.9 + 0.8) / 2]])
    assert_close(classifier(patches, labels=t, maps=maps_of(patches, t, token)), expected)


def test_cosine_of_a_label_is_the_same_in_any_vocabulary_and_published_scores_are_not() -> None:
    torch.manual_seed(0)
    t, patches, token = torch.randn(5, 4), torch.randn(3, 9, 4), torch.randn(3, 4)
    few = [3, 0]
    for normalise, is_same in (("cosine", True), ("class_l2", False)):
        classifier = TwoStreamClassifier(4, 4, topk=4, normalise=normalise)
        every = classifier(patches, labels=t, maps=maps_of(patches, t, token))
        chosen = classifier(patches, labels=t[few], maps=maps_of(patches, t[few], token))
        assert torch.allclose(every[:, few], chosen, rtol=1e-6, atol=1e-6) == is_same


def test_cosines_of_patches_with_the_vectors_that_scored_them() -> None:
    """An attention may score patches with other vectors than t; the token is compared with t."""
    torch.manual_seed(0)
    t, other = torch.randn(2, 5, 4).double()
    patches, token = torch.randn(3, 9, 4).double(), torch.randn(3, 4).double()
    maps = maps_of(patches, other, token)
    maps.vectors = other
    for normalise in ("cosine", "class_l2"):
        classifier = TwoStreamClassifier(4, 4, topk=9, normalise=normalise)
        alone = TwoStreamClassifier(4, 4, topk=9, normalise=normalise, glob=False)
        glob = TwoStreamClassifier(4, 4, local=False, normalise=normalise)
        halves = alone(patches, labels=other, maps=maps) + glob(patches, labels=t, maps=maps)
        assert_close(classifier(patches, labels=t, maps=maps), halves / 2)
    cosines = torch.nn.functional.cosine_similarity(patches[:, :, None], other, dim=3)
    alone = TwoStreamClassifier(4, 4, topk=9, normalise="cosine", glob=False)
    assert_close(alone(patches, labels=t, maps=maps), cosines.mean(1))


def test_half_precision_and_vectors_of_zeros() -> None:
    t, patches, token = (
        torch.zeros(2, 4).half(),
        torch.ones(1, 9, 4).half(),
        torch.ones(1, 4).half(),
    )
    for normalise in ("cosine", "class_l2"):
        classifier = TwoStreamClassifier(4, 4, topk=4, normalise=normalise)
        logits = classifier(patches, labels=t, maps=maps_of(patches, t, token))
        assert_close(logits, torch.zeros(1, 2))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_ties_no_labels(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    t, patches, token = torch.randn(1000, 4), torch.randn(2, 9, 4), torch.randn(2, 4)
    maps = maps_of(patches, t, token)
    for options in (dict(local=False), dict(topk=4, normalise="cosine")):
        classifier = TwoStreamClassifier(4, 4, **options)
        expected = classifier(patches, labels=t, maps=maps)
        with torch.autocast("cpu", dtype=dtype):
            logits = classifier(patches, labels=t, maps=maps)
        assert_close(logits, expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(topk=0), "topk=0 must be at least 1"),
        (dict(scale=0), "scale=0 gives all labels one score; use 1.0"),
        (dict(scale=-1), "scale=-1 must be a finite number of at least 0"),
        (
            dict(normalise="softmax"),
            r"normalise='softmax' is unknown; use one of \('class_l2', ",
        ),
        (dict(local=False, glob=False), "local=False and glob=False leave no score"),
        (dict(in_channels=8), r"of 4 with features of 8; .*CLIPProjection', out_channels=4"),
    ],
)
def test_errors(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TwoStreamClassifier(**{"embed_dims": 4, "in_channels": 4, **options})


def test_errors_of_what_a_stream_needs() -> None:
    t, patches = torch.randn(2, 4), torch.randn(1, 9, 4)
    maps = maps_of(patches, t, None)
    with pytest.raises(ValueError, match=r"glob=True needs the class token .*out_type='raw'"):
        TwoStreamClassifier(4, 4, topk=2)(patches, labels=t, maps=maps)
    with pytest.raises(ValueError, match="topk=16 exceeds the 9 patches of an image; use a sma"):
        TwoStreamClassifier(4, 4, glob=False)(patches, labels=t, maps=maps)
    maps.scores = None
    with pytest.raises(ValueError, match="needs an attention that scores every patch, such as"):
        TwoStreamClassifier(4, 4, glob=False)(patches, labels=t, maps=maps)
