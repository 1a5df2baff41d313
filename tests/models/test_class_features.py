import pytest
import torch

from mmsrdl.datasets import Cooccurrence
from mmsrdl.models import ClassFeatureHead
from mmsrdl.models.class_features import check_class_features

POOLING = dict(type="mmsrdl.GlobalPooling")
GROUPS = dict(
    type="mmsrdl.GroupDecoder",
    num_groups=2,
    hidden_channels=8,
    num_heads=2,
    feedforward_channels=8,
)
RELATIONS = [
    dict(type="mmsrdl.DynamicGCN"),
    dict(type="mmsrdl.GGNN"),
    dict(type="mmsrdl.PredictionGCN", decompose=False),
]


def score(**options: object) -> torch.Tensor:
    head = ClassFeatureHead(num_classes=3, in_channels=8, **options).eval()
    for part in head.modules():
        if getattr(part, "wants_counts", False):
            part.take_counts(Cooccurrence.fully_known(torch.ones(3, 3)), ["a", "b", "c"])
    return head(torch.randn(2, 8, 4, 4))


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda cfg: cfg["type"])
def test_relations_refuse_a_shared_feature(relation: dict) -> None:
    with pytest.raises(ValueError, match=r"\[2, 1, 8\].*use an attention that gives each class"):
        score(attention=POOLING, relation=relation)


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda cfg: cfg["type"])
def test_relations_refuse_features_of_groups(relation: dict) -> None:
    with pytest.raises(ValueError, match=r"relation=\w+ does not take the features of 2 groups"):
        score(attention=GROUPS, relation=relation)


@pytest.mark.parametrize(
    "options", [dict(classifier="per_class"), dict(classifier="shared")], ids=str
)
def test_classifiers_refuse_features_of_groups(options: dict) -> None:
    message = r"classifier=ClassClassifier does not take .* 2 groups.*type='mmsrdl.GroupClassifier'"
    with pytest.raises(ValueError, match=message):
        score(attention=GROUPS, **options)


def test_what_fits_passes() -> None:
    assert score(attention=GROUPS, classifier=dict(type="mmsrdl.GroupClassifier")).shape == (2, 3)
    assert score(attention=POOLING).shape == (2, 3)
    relation = dict(type="mmsrdl.PredictionGCN")
    assert score(attention=POOLING, relation=relation).shape == (2, 3)


def test_features_of_another_number_are_refused_where_the_attention_did_not_say_so() -> None:
    with pytest.raises(ValueError, match=r"Linear takes .* 3 classes, got 2, \[1, 2, 8\]; use an"):
        check_class_features(torch.nn.Linear(1, 1), torch.zeros(1, 2, 8), 3, shared=True)
