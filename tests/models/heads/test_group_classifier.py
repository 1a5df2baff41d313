"""Scores of classes from the features of their groups."""

import math

import pytest
import torch
from torch.testing import assert_close

from mmsrdl.models import GroupClassifier


@pytest.mark.parametrize(("num_classes", "num_groups"), [(5, 3), (101, 100), (4, 4), (3, 1)])
def test_a_class_is_scored_by_its_group(num_classes: int, num_groups: int) -> None:
    torch.manual_seed(0)
    classifier = GroupClassifier(num_classes, 6, num_groups)
    torch.nn.init.normal_(classifier.bias)
    share = math.ceil(num_classes / num_groups)
    assert classifier.weight.shape == (num_groups, 6, share)
    feature = torch.randn(2, num_groups, 6)
    logits = classifier(feature)
    assert logits.shape == (2, num_classes)
    for i in range(num_classes):
        group, column = divmod(i, share)
        expected = feature[:, group] @ classifier.weight[group, :, column] + classifier.bias[i]
        assert_close(logits[:, i], expected)


def test_initial_weights() -> None:
    torch.manual_seed(0)
    classifier = GroupClassifier(200, 256, 100)
    assert not classifier.bias.any()
    # Glorot's deviation of a tensor [G, E, g]: sqrt(2 / (E g + G g)).
    expected = math.sqrt(2 / (256 * 2 + 100 * 2))
    assert_close(classifier.weight.std().item(), expected, rtol=0.02, atol=0)


def test_no_more_groups_than_classes() -> None:
    assert GroupClassifier(3, 6, 100).weight.shape == (3, 6, 1)
    assert GroupClassifier(3, 6).weight.shape == (3, 6, 1)


def test_some_classes_alone() -> None:
    """As the erased pass asks for."""
    torch.manual_seed(0)
    classifier = GroupClassifier(5, 6)
    feature = torch.randn(2, 5, 6)
    classes = torch.tensor([[4, 0], [2, 3]])
    chosen = feature[torch.arange(2)[:, None], classes]
    assert_close(classifier(chosen, classes), classifier(feature).gather(1, classes))


def test_one_feature_for_all() -> None:
    torch.manual_seed(0)
    classifier = GroupClassifier(5, 6, 3)
    feature = torch.randn(2, 1, 6)
    assert_close(classifier(feature), classifier(feature.repeat(1, 3, 1)))


def test_refused() -> None:
    with pytest.raises(ValueError, match=r"has num_groups=3 but gets 5 features an image"):
        GroupClassifier(5, 6, 3)(torch.randn(2, 5, 6))
    with pytest.raises(ValueError, match="num_groups=0 must be at least 1"):
        GroupClassifier(5, 6, 0)
    with pytest.raises(TypeError, match=r"num_classes=5\.0 must be an integer"):
        GroupClassifier(5.0, 6)
