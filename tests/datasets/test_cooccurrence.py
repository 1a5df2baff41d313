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
    Cooccurrence,
    conditional_probability,
    cooccurrence_matrix,
    load_cooccurrence,
    save_cooccurrence,
)

NAMES = ["apple", "dog", "zebra"]
COUNTS = Cooccurrence.fully_known(torch.tensor([[1, 0, 1], [0, 0, 0], [1, 0, 2]]))


class LabelsOnly:
    """A data set of labels [N, C] without images."""

    def __init__(self, labels: torch.Tensor, num_classes: int = 4) -> None:
        self.labels = labels.numpy()
        self.metainfo = {"classes": [str(c) for c in range(num_classes)]}

    def __len__(self) -> int:
        return len(self.labels)

    def get_data_info(self, index: int) -> dict:
        row = self.labels[index]
        return {"gt_label": np.flatnonzero(row == 1).tolist(), "gt_score": row}


def draw_labels(images: int) -> torch.Tensor:
    """Labels of four classes that depend on each other, int64 [N, 4]."""
    rng = torch.Generator().manual_seed(0)
    draws = torch.rand(images, 4, generator=rng)
    scene = torch.rand(images, 1, generator=rng) < 0.5
    share = torch.where(
        scene, torch.tensor([0.8, 0.6, 0.3, 0.5]), torch.tensor([0.3, 0.2, 0.5, 0.4])
    )
    return (draws < share).long()


def hide(labels: torch.Tensor, p: float) -> torch.Tensor:
    """Keeps every entry with probability p, whatever it is."""
    draws = torch.rand(labels.shape, generator=torch.Generator().manual_seed(2))
    return torch.where(draws < p, labels, -1)


def assert_same(found: Cooccurrence, expected: Cooccurrence) -> None:
    torch.testing.assert_close(found.positive, expected.positive)
    torch.testing.assert_close(found.known, expected.known)


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
    assert_same(cooccurrence_matrix(dataset), COUNTS)
    thrice = Cooccurrence(3 * COUNTS.positive, 3 * COUNTS.known)
    assert_same(cooccurrence_matrix(RepeatDataset(dataset, times=3)), thrice)


def test_counts_equal_the_products_of_label_matrices() -> None:
    labels = hide(draw_labels(100), 0.5)
    positive, known = (labels == 1).long(), (labels != -1).long()
    counts = cooccurrence_matrix(LabelsOnly(labels))
    assert_same(counts, Cooccurrence(positive.T @ positive, positive.T @ known))
    assert (counts.known < counts.positive.diagonal().unsqueeze(1)).any()


def test_unknown_are_the_classes_that_losses_leave_out(dataset: CocoMultiLabel) -> None:
    expected = torch.zeros(3, 3, dtype=torch.long)
    expected[0, :2] = 3  # images of an apple, without a word on zebras
    load, info = dataset.get_data_info, {"gt_label": [0], "gt_label_unknown": [2]}
    for labels in (dict(info, gt_score=[1, 0, -1], gt_label_unknown=[]), info):
        dataset.get_data_info = lambda i, labels=labels: labels
        counts = cooccurrence_matrix(dataset)
        assert counts.positive.nonzero().tolist() == [[0, 0]]
        torch.testing.assert_close(counts.known, expected)
    # Difficult objects of MMPretrain's data sets, which train on them as negatives.
    dataset.get_data_info = lambda i: {"gt_label": [0], "gt_label_difficult": [2]}
    assert cooccurrence_matrix(dataset).known[0].tolist() == [3, 3, 3]
    dataset.get_data_info = load
    assert_same(cooccurrence_matrix(dataset), COUNTS)


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


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5])
def test_labels_that_are_hidden_at_random_leave_the_estimate_unbiased(p: float) -> None:
    labels = draw_labels(40_000)
    truth = conditional_probability(cooccurrence_matrix(LabelsOnly(labels)))
    counts = cooccurrence_matrix(LabelsOnly(hide(labels, p)))
    found = conditional_probability(counts)
    images = counts.images.float()
    assert images.min() > 30
    # Five standard errors of a share of so many images.
    tolerance = 5 * (truth * (1 - truth) / images).sqrt() + 1e-6
    assert ((found - truth).abs() <= tolerance).all()
    # What all images of class i as denominator would give: p times the truth.
    biased = counts.positive / counts.positive.diagonal().unsqueeze(1)
    off = ~torch.eye(4, dtype=torch.bool)
    assert ((biased - truth).abs() > tolerance)[off].all()
    torch.testing.assert_close(biased[off], p * truth[off], rtol=0, atol=0.03)


def test_positives_alone_give_a_lower_bound() -> None:
    labels = draw_labels(1000)
    truth = conditional_probability(cooccurrence_matrix(LabelsOnly(labels)))
    positives = torch.where(labels == 1, 1, -1)
    counts = cooccurrence_matrix(LabelsOnly(positives))
    assert counts.assumed_negative.all()
    # By known labels alone, every pair that was ever seen would be certain.
    assert (counts.positive == counts.known).all()
    torch.testing.assert_close(conditional_probability(counts), truth)
    seen = torch.rand(labels.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    counts = cooccurrence_matrix(LabelsOnly(torch.where(seen, positives, -1)))
    found = conditional_probability(counts)
    off = ~torch.eye(4, dtype=torch.bool)
    assert (found < truth)[off].all()
    assert (found > 0).all()
    # One known negative of a class, and it is judged by known labels again.
    labels = torch.tensor([[1, 1, -1], [1, 0, -1], [1, -1, 1], [1, -1, -1]])
    counts = cooccurrence_matrix(LabelsOnly(labels, 3))
    assert counts.assumed_negative.tolist() == [False, False, True]
    torch.testing.assert_close(conditional_probability(counts)[0], torch.tensor([1, 0.5, 0.25]))


def test_one_positive_an_image_says_nothing_of_pairs() -> None:
    labels = torch.full((5, 3), -1)
    labels[torch.arange(5), torch.tensor([0, 0, 1, 1, 1])] = 1
    counts = cooccurrence_matrix(LabelsOnly(labels, 3))
    assert counts.without_positive.tolist() == [False, False, True]
    expected = torch.diag(torch.tensor([1.0, 1, 0]))
    torch.testing.assert_close(conditional_probability(counts), expected)


def test_nothing_known() -> None:
    counts = cooccurrence_matrix(LabelsOnly(torch.full((5, 3), -1), 3))
    assert counts.without_positive.all()
    assert conditional_probability(counts).count_nonzero() == 0
    # A pair that was never known together, of classes that were judged by others.
    counts = Cooccurrence(
        torch.tensor([[2, 0, 1], [0, 1, 0], [1, 0, 1]]),
        torch.tensor([[2, 0, 1], [1, 1, 1], [1, 1, 1]]),
    )
    assert conditional_probability(counts)[0, 1] == 0


def test_everything_known_is_judged_by_all_images() -> None:
    labels = draw_labels(500)
    labels[:, 3] = 1  # a class without a negative
    counts = cooccurrence_matrix(LabelsOnly(labels))
    assert not counts.assumed_negative.any()
    assert_same(counts, Cooccurrence.fully_known(counts.positive))
    torch.testing.assert_close(counts.images, counts.known)


def test_load_reorders_by_name(tmp_path: Path) -> None:
    path = tmp_path / "counts"
    counts = Cooccurrence(COUNTS.positive, torch.tensor([[1, 0, 1], [0, 0, 0], [2, 1, 2]]))
    save_cooccurrence(path, NAMES, counts)
    assert_same(load_cooccurrence(path, NAMES), counts)
    expected = Cooccurrence(torch.tensor([[2, 1], [1, 1]]), torch.tensor([[2, 2], [1, 1]]))
    assert_same(load_cooccurrence(path, ["zebra", "apple"]), expected)
    expected = Cooccurrence(torch.tensor([[2, 0], [0, 0]]), torch.tensor([[2, 1], [0, 0]]))
    assert_same(load_cooccurrence(path, ["zebra", "dog"]), expected)


def test_a_file_without_known_counts_is_of_known_labels(tmp_path: Path) -> None:
    path = tmp_path / "counts.npz"
    np.savez(path, names=NAMES, counts=COUNTS.positive.numpy())
    assert_same(load_cooccurrence(path, NAMES), COUNTS)
    # Shares were read before, and are as they were.
    np.savez(path, names=NAMES[:2], counts=np.array([[0.5, 0.25], [0.25, 0.25]]))
    found = conditional_probability(load_cooccurrence(path, NAMES[:2]))
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.25], [0.25, 0.25]]))


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
    for entry in (2, 0, -1, np.nan):
        known = np.array([[1, 0, 1.0], [0, 0, 0], [1, 0, 2]])
        known[0, 2] = entry
        np.savez(tmp_path / "other.npz", names=NAMES, counts=COUNTS.positive, known=known)
        message = "known of cooccurrence='.*other.npz' must lie between the counts of two classes"
        with pytest.raises(ValueError, match=message):
            load_cooccurrence(tmp_path / "other.npz", NAMES)
    np.savez(tmp_path / "other.npz", names=NAMES, counts=COUNTS.positive, known=np.ones(3))
    with pytest.raises(
        ValueError, match=r"known of .* must be \[C, C\] for 3 names, got shape \(3,\)"
    ):
        load_cooccurrence(tmp_path / "other.npz", NAMES)
    with pytest.raises(ValueError, match=r"must be \[C, C\] both, got \[3, 3\] and \[2, 2\]; give"):
        Cooccurrence(COUNTS.positive, COUNTS.known[:2, :2])
    np.savez(tmp_path / "other.npz", vectors=np.zeros(3))
    with pytest.raises(ValueError, match=r"must hold 'names' and 'counts', got \['vectors'\]"):
        load_cooccurrence(tmp_path / "other.npz", NAMES)
