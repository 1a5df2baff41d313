"""Observation and split against plain loops, written from what is documented and published."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmsrdl.datasets import HeldOutSplit, MultiLabelDataset, ObservedDataset, observe
from mmsrdl.datasets.observation import random_split, read_published
from mmsrdl.datasets.observation.observation import draws_of, source_of
from tests.reference import scarce as reference

CLASSES = ("zebra", "apple", "Dog", "straße", "cell phone", "car")
IMAGES = tuple(f"train/{place}/{i}.jpg" for place in ("é", "b") for i in range(20))


@pytest.fixture
def labels() -> np.ndarray:
    """1, 0 and -1; the first image is positive for all, the second for none."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(-1, 2, (len(IMAGES), len(CLASSES)), dtype=np.int8)
    drawn[0], drawn[1] = 1, 0
    return drawn


@pytest.mark.parametrize("seed", [1200, 0, -3, 2**70])
def test_draws(seed: int) -> None:
    for image in IMAGES:
        expected = reference.draws(seed, image, CLASSES)
        found = draws_of(image, len(CLASSES), seed)
        assert found.tolist() == [expected[name] for name in sorted(CLASSES)]


@pytest.mark.parametrize("p", [0.1, 0.5, 1.0])
def test_entries(labels: np.ndarray, p: float) -> None:
    found = observe(labels, IMAGES, CLASSES, "entries", 1200, p=p)
    for row, image, y in zip(found.known, IMAGES, labels.tolist(), strict=True):
        assert row.tolist() == reference.kept_entries(y, 1200, image, CLASSES, p)


@pytest.mark.parametrize("n", [1, 2, 10])
def test_positives(labels: np.ndarray, n: int) -> None:
    found = observe(labels, IMAGES, CLASSES, "positives", 7, n=n)
    for row, image, y in zip(found.known, IMAGES, labels.tolist(), strict=True):
        assert row.tolist() == reference.kept_positives(y, 7, image, CLASSES, n)
    if n == 1:
        one = observe(labels, IMAGES, CLASSES, "one_positive", 7)
        assert (one.known == found.known).all()


def test_source(labels: np.ndarray) -> None:
    expected = reference.source(labels.tolist(), IMAGES, CLASSES)
    assert source_of(labels, IMAGES, CLASSES) == expected
    other = labels.copy()
    other[3, 2] = 0 if other[3, 2] else 1
    assert reference.source(other.tolist(), IMAGES, CLASSES) != expected
    assert source_of(other, IMAGES, CLASSES) != expected


@pytest.mark.parametrize(
    ("number", "held_out", "seed"),
    [(5717, 0.2, 1200), (5, 0.5, 1), (7, 0.5, 0), (40, 0.15, 2**32 - 1), (3, 0.5, 9)],
)
def test_split(number: int, held_out: float, seed: int) -> None:
    expected = reference.literature_split(number, held_out, seed)
    found = random_split(number, held_out, seed)
    assert tuple(part.tolist() for part in found) == expected


@pytest.mark.parametrize("order", ["listed", "name", "image_id"])
def test_split_of_a_data_set(tmp_path: Path, labels: np.ndarray, order: str) -> None:
    """The literature sorts COCO's images by their numbers as text: 100 before 20."""
    numbers = np.random.default_rng(1).permutation(range(1, 160, 4)).tolist()
    names = [f"train2014/COCO_train2014_{number:012d}.jpg" for number in numbers]
    write(tmp_path, names, labels)
    listed = {
        "listed": names,
        "name": sorted(names),
        "image_id": [names[numbers.index(int(text))] for text in sorted(map(str, numbers))],
    }[order]
    fit, held_out = reference.literature_split(len(names))
    for part, indices in (("fit", fit), ("held_out", held_out)):
        split = HeldOutSplit(dataset=build(tmp_path), part=part, order=order)
        kept = [split.get_data_info(i)["img_path"] for i in range(len(split))]
        chosen = {listed[i] for i in indices}
        assert kept == [f"{tmp_path}/{name}" for name in names if name in chosen]


def test_labels_of_a_data_set(tmp_path: Path, labels: np.ndarray) -> None:
    write(tmp_path, IMAGES, labels)
    dataset = ObservedDataset(dataset=build(tmp_path), keep="entries", p=0.4)
    for i, (image, y) in enumerate(zip(IMAGES, labels.tolist(), strict=True)):
        kept = reference.kept_entries(y, 1200, image, CLASSES, 0.4)
        expected = [label if known else -1 for label, known in zip(y, kept, strict=True)]
        assert dataset.known_labels[i].tolist() == expected
        assert dataset.get_data_info(i)["gt_score"].tolist() == expected


@pytest.mark.parametrize(("positives", "negatives"), [(1, 0), (2, 3)])
def test_published_labels(
    tmp_path: Path, labels: np.ndarray, positives: int, negatives: int
) -> None:
    full = np.abs(labels)
    published = np.array(reference.literature_labels(full.tolist(), positives, negatives))
    np.save(tmp_path / "labels_obs.npy", published.astype(float))
    np.save(tmp_path / "images.npy", np.array(IMAGES))
    backwards = slice(None, None, -1)
    found = read_published(
        tmp_path / "labels_obs.npy",
        tmp_path / "images.npy",
        full[backwards, backwards],
        IMAGES[backwards],
        CLASSES[backwards],
        columns=CLASSES,
    )
    assert (found.known == (published != 0)[backwards, backwards]).all()
    assert found.source == reference.source(full.tolist(), IMAGES, CLASSES)


def write(root: Path, names: list[str] | tuple[str, ...], labels: np.ndarray) -> None:
    data_list = [
        {
            "img_path": name,
            "gt_label": np.flatnonzero(row == 1).tolist(),
            "gt_label_difficult": np.flatnonzero(row == -1).tolist(),
        }
        for name, row in zip(names, labels, strict=True)
    ]
    content = {"metainfo": {"classes": CLASSES}, "data_list": data_list}
    (root / "ann.json").write_text(json.dumps(content))


def build(root: Path) -> MultiLabelDataset:
    return MultiLabelDataset(
        data_root=str(root), ann_file="ann.json", data_prefix="", serialize_data=False
    )
