"""Label statistics against counts by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mmsrdl.datasets import MultiLabelDataset, cooccurrence_matrix
from mmsrdl.datasets.formats import Annotations, ImageRecord
from mmsrdl.datasets.statistics import annotation_targets, label_statistics

TARGETS = np.array([[1, 1, 0, 0], [1, 0, -1, 0], [0, 0, 0, 0], [1, 1, 1, 0]])
CLASSES = ("car", "bus", "cat", "kite")


def test_counts() -> None:
    stats = label_statistics(TARGETS, CLASSES)
    assert stats.num_images == 4
    assert stats.positives.tolist() == [3, 2, 1, 0]
    assert stats.unknown.tolist() == [0, 0, 1, 0]
    assert stats.unknown_share == 1 / (4 * stats.num_images)
    assert stats.labels_per_image.tolist() == [1, 1, 1, 1]
    assert stats.images_without_labels == 1
    assert stats.classes_without_images == ("kite",)
    assert stats.frequency.tolist() == [0.75, 0.5, 0.25, 0]
    assert (stats.cardinality, stats.density, stats.imbalance) == (1.5, 0.375, 3)
    assert stats.cooccurrence.tolist() == [[3, 2, 1, 0], [2, 2, 1, 0], [1, 1, 1, 0], [0] * 4]
    assert_allclose(stats.conditional[0], [1, 2 / 3, 1 / 3, 0], rtol=1e-6)
    assert_allclose(stats.conditional[:, 0], [1, 1, 1, 0])


def test_as_json() -> None:
    stats = label_statistics(TARGETS, CLASSES)
    content = json.loads(json.dumps(stats.to_dict()))
    assert content["positives"] == [3, 2, 1, 0]
    assert content["classes_without_images"] == ["kite"]
    assert_allclose(content["conditional"], stats.conditional)


def test_no_positive_at_all() -> None:
    stats = label_statistics(np.zeros((2, 3)), CLASSES[:3])
    assert (stats.imbalance, stats.cardinality, stats.images_without_labels) == (0, 0, 2)
    assert not stats.conditional.any()


def test_same_counts_as_of_a_data_set(seven: Path) -> None:
    dataset = MultiLabelDataset(ann_file="ann.json", data_root=str(seven), pipeline=[])
    stats = label_statistics(dataset.get_gt_labels(), dataset.CLASSES)
    assert_array_equal(stats.cooccurrence, cooccurrence_matrix(dataset).numpy())


def test_targets_of_annotations() -> None:
    records = [ImageRecord("a.jpg", ("bus", "car"), ("cat", "car")), ImageRecord("b.jpg", ())]
    targets = annotation_targets(Annotations(records), ("cat", "car"))
    assert targets.tolist() == [[-1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.zeros((2, 3)), r"targets must be \[N, 4\] .* got \[2, 3\]"),
        (np.zeros((0, 4)), r"N of at least 1, got \[0, 4\]"),
        (np.full((2, 4), 2), r"must be 1, 0 or -1, got \[2\]"),
        (np.full((1, 4), np.nan), r"got \[nan\]"),
    ],
)
def test_targets_that_are_none(targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        label_statistics(targets, CLASSES)
