import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset, RepeatDataset
from torch.utils.data import Subset

from mmsrdl.datasets import (
    CocoMultiLabel,
    conditional_probability,
    cooccurrence_matrix,
    load_cooccurrence,
    save_cooccurrence,
)

NAMES = ["apple", "dog", "zebra"]
COUNTS = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 0, 2]])


@pytest.fixture
def dataset(write_coco: Any) -> CocoMultiLabel:
    root = write_coco({"a.jpg": ["apple", "zebra", "zebra"], "b.jpg": ["zebra"], "c.jpg": []})
    return CocoMultiLabel(
        data_root=str(root),
        ann_file="instances.json",
        metainfo={"classes": NAMES},
        filter_empty=False,
    )


def test_counts_images_not_objects(dataset: CocoMultiLabel) -> None:
    torch.testing.assert_close(cooccurrence_matrix(dataset), COUNTS)
    torch.testing.assert_close(cooccurrence_matrix(RepeatDataset(dataset, times=3)), 3 * COUNTS)


def test_counts_equal_the_product_of_label_matrices(dataset: CocoMultiLabel) -> None:
    labels = torch.from_numpy(dataset.get_gt_labels() == 1).long()
    torch.testing.assert_close(cooccurrence_matrix(dataset), labels.T @ labels)


def test_unknown_labels_are_no_positives(dataset: CocoMultiLabel) -> None:
    info = dataset.get_data_info(0)
    dataset.get_data_info = lambda i: {**info, "gt_label": [0], "gt_label_difficult": [2]}
    assert cooccurrence_matrix(dataset).nonzero().tolist() == [[0, 0]]


def test_what_cannot_be_counted_is_refused(dataset: CocoMultiLabel) -> None:
    with pytest.raises(ValueError, match=r"counted on a Subset, which lacks .*cooccurrence=FILE"):
        cooccurrence_matrix(Subset(dataset, [0, 1]))
    other = copy.copy(dataset)
    other._metainfo = {"classes": ("apple", "zebra", "dog")}
    both = ConcatDataset([dataset, other], ignore_keys="classes")
    with pytest.raises(ValueError, match=r"has others: class 1 is 'zebra' against 'dog'; give all"):
        cooccurrence_matrix(both)
    other.get_data_info = lambda i: {"gt_label": 2}
    with pytest.raises(ValueError, match=r"sample 0 of CocoMultiLabel has gt_label=2; use a multi"):
        cooccurrence_matrix(other)


def test_conditional_probability() -> None:
    expected = torch.tensor([[1, 0, 1], [0, 0, 0], [0.5, 0, 1]])
    torch.testing.assert_close(conditional_probability(COUNTS), expected)


def test_load_reorders_by_name(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    save_cooccurrence(path, NAMES, COUNTS)
    torch.testing.assert_close(load_cooccurrence(path, NAMES), COUNTS)
    torch.testing.assert_close(
        load_cooccurrence(path, ["zebra", "apple"]), torch.tensor([[2, 1], [1, 1]])
    )


def test_missing_class_is_named(tmp_path: Path) -> None:
    save_cooccurrence(tmp_path / "counts.npz", NAMES, COUNTS)
    with pytest.raises(ValueError, match=r"no counts of the classes \['unicorn'\]"):
        load_cooccurrence(tmp_path / "counts.npz", ["dog", "unicorn"])


def test_wrong_shapes_and_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[C, C\] for 2 names, got shape \(3, 3\)"):
        save_cooccurrence(tmp_path / "counts.npz", NAMES[:2], COUNTS)
    with pytest.raises(FileNotFoundError, match=r"cooccurrence='.*none.npz' does not exist"):
        load_cooccurrence(tmp_path / "none.npz", NAMES)
    for values in (np.full((2, 2), np.nan), -np.ones((2, 2)), np.full((2, 2), "a")):
        np.savez(tmp_path / "other.npz", names=NAMES[:2], counts=values)
        with pytest.raises(ValueError, match=r"other.npz' must hold counts of 0 or more.*count an"):
            load_cooccurrence(tmp_path / "other.npz", NAMES[:2])
    np.savez(tmp_path / "other.npz", vectors=np.zeros(3))
    with pytest.raises(ValueError, match=r"must hold 'names' and 'counts', got \['vectors'\]"):
        load_cooccurrence(tmp_path / "other.npz", NAMES)
