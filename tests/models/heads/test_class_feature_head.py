"""Parts that do not fit each other, in heads without CAR's defaults."""

import pytest
import torch

from mmsrdl.models import ClassFeatureHead

GROUPS = dict(
    type="mmsrdl.GroupDecoder",
    num_groups=3,
    hidden_channels=8,
    num_heads=2,
    feedforward_channels=8,
)


def make(**options: object) -> ClassFeatureHead:
    torch.manual_seed(0)
    return ClassFeatureHead(**{**dict(num_classes=6, in_channels=8, attention=GROUPS), **options})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "classifier=ClassClassifier does not take the features of 3 groups of 6 classes"),
        (
            dict(classifier=dict(type="mmsrdl.GroupClassifier", num_groups=2)),
            "classifier=GroupClassifier does not take .* 3 groups",
        ),
        (
            dict(
                relation=dict(type="mmsrdl.DynamicGCN"),
                classifier=dict(type="mmsrdl.GroupClassifier"),
            ),
            "relation=DynamicGCN does not take .* set attention.num_groups=6",
        ),
    ],
)
def test_groups_need_parts_that_know_them(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize(
    "options",
    [
        dict(classifier=dict(type="mmsrdl.GroupClassifier")),
        dict(attention={**GROUPS, "num_groups": 1}),
        dict(attention={**GROUPS, "num_groups": 6}, relation=dict(type="mmsrdl.DynamicGCN")),
    ],
)
def test_groups_that_fit(options: dict) -> None:
    assert make(**options)((torch.randn(2, 8, 3, 3),)).shape == (2, 6)


def test_one_score_for_all_classes_is_refused() -> None:
    head = make(attention=dict(type="mmsrdl.GlobalPooling"), classifier="shared")
    with pytest.raises(ValueError, match="shared=True gives all 6 classes one score"):
        head((torch.randn(2, 8, 3, 3),))


def test_label_embeddings_that_no_part_takes_are_refused() -> None:
    embedder = dict(type="mmsrdl.GCNLabelEmbedder", classes=list("abcdef"), embed_dims=4)
    pooling = dict(type="mmsrdl.GlobalPooling")
    with pytest.raises(ValueError, match=r"embedder=GCNLabelEmbedder: no part .* remove it"):
        make(attention=pooling, embedder=embedder)
    attention = dict(type="mmsrdl.CARAttention", embed_dims=4)
    with pytest.raises(ValueError, match="CARAttention needs label embeddings; give the head an"):
        make(attention=attention)((torch.randn(2, 8, 3, 3),))
