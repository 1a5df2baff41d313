"""Label statistics against counts by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import ConfigDict
from mmengine.dataset import RepeatDataset
from numpy.testing import assert_allclose, assert_array_equal

from mmsrdl.datasets import MultiLabelDataset, cooccurrence_matrix
from mmsrdl.datasets.formats import Annotations, ImageRecord
from mmsrdl.datasets.statistics import (
    annotation_targets,
    config_statistics,
    dataset_statistics,
    file_statistics,
    label_statistics,
)

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
    assert stats.known.tolist() == [[3, 3, 2, 3], [2, 2, 2, 2], [1, 1, 1, 1], [0] * 4]
    # In one of the three images of a car it is not known whether there is a cat.
    assert_allclose(stats.conditional[0], [1, 2 / 3, 1 / 2, 0], rtol=1e-6)
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


def test_same_counts_as_of_a_data_set(tmp_path: Path) -> None:
    data = [
        {
            "img_path": f"{number}.jpg",
            "gt_label": np.flatnonzero(row == 1).tolist(),
            "gt_label_difficult": np.flatnonzero(row == -1).tolist(),
        }
        for number, row in enumerate(TARGETS)
    ]
    content = {"metainfo": {"classes": CLASSES}, "data_list": data}
    (tmp_path / "ann.json").write_text(json.dumps(content))
    dataset = MultiLabelDataset(ann_file="ann.json", data_root=str(tmp_path), pipeline=[])
    stats = label_statistics(dataset.get_gt_labels(), dataset.CLASSES)
    assert_array_equal(dataset.get_gt_labels(), TARGETS)
    counts = cooccurrence_matrix(dataset)
    assert_array_equal(stats.cooccurrence, counts.positive.numpy())
    assert_array_equal(stats.known, counts.known.numpy())


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


def test_share_where_a_class_is_known() -> None:
    stats = label_statistics(TARGETS, CLASSES)
    assert_allclose(stats.known_frequency, [3 / 4, 2 / 4, 1 / 3, 0])
    # No negative of bus and cat is known beside another class: of all images, as the conditional.
    named = label_statistics(np.where(TARGETS == 1, 1, -1), CLASSES)
    assert_allclose(named.known_frequency[1:], [2 / 4, 1 / 4, 0])


def test_of_data_sets_configs_and_files(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("path,labels,unknown\n1.jpg,car;bus,\n2.jpg,car,cat\n3.jpg,,\n4.jpg,car,\n")
    targets = TARGETS.copy()
    targets[3] = [1, 0, 0, 0]
    expected = label_statistics(targets, CLASSES).to_dict()
    options = dict(ann_file=str(file), metainfo=dict(classes=CLASSES), check_files=False)
    dataset = MultiLabelDataset(**options)
    assert dataset_statistics(dataset).to_dict() == expected
    assert file_statistics(str(file), CLASSES).to_dict() == expected
    twice = dataset_statistics(RepeatDataset(dataset, 2))
    assert twice.num_images == 8
    assert_array_equal(twice.cooccurrence, 2 * np.array(expected["cooccurrence"]))
    pipeline = [dict(type="LoadImageFromFile")]
    inner = dict(type="mmsrdl.MultiLabelDataset", pipeline=pipeline, **options)
    config = ConfigDict(type="RepeatDataset", times=2, dataset=inner)
    assert config_statistics(config).to_dict() == twice.to_dict()
    assert config.dataset.pipeline == pipeline
    with pytest.raises(ValueError, match=r"positive for any of the classes \['sheep'\]; it has"):
        file_statistics(str(file), ["sheep"])
