from pathlib import Path
from typing import Any

import pytest
from mmpretrain.registry import DATASETS

from mmsrdl.datasets import NUSWIDE
from mmsrdl.datasets.nuswide import read_published
from tests.datasets.conftest import write_images
from tests.datasets.nuswide.published_files import CONCEPTS, IMAGES, SEEN, write_published


@pytest.fixture
def root(tmp_path: Path) -> Path:
    read_published(write_published(tmp_path / "published"), subset=True).save(
        tmp_path / "nuswide.npz"
    )
    for image in (*IMAGES["train"], *IMAGES["test"]):
        folder, name = image.split("/")
        write_images(tmp_path / "Flickr" / folder, [name])
    return tmp_path


def build(root: Path, **kwargs: Any) -> NUSWIDE:
    pipeline = [dict(type="LoadImageFromFile")]
    return DATASETS.build(
        dict(type="mmsrdl.NUSWIDE", data_root=str(root), pipeline=pipeline, **kwargs)
    )


@pytest.mark.parametrize(
    ("split", "labels", "classes", "rows"),
    [
        ("train", "seen", SEEN, [[1, 0, 0], [0, 1, 1]]),
        ("train", "human81", CONCEPTS, [[1, 0, 0], [0, 0, 1]]),
        ("test", "seen", SEEN, [[0, 1, 0], [0, 0, 0]]),
        ("test", "unseen", CONCEPTS, [[0, 1, 1], [0, 0, 0]]),
        ("test", "human81", CONCEPTS, [[0, 1, 1], [0, 0, 0]]),
        ("test", "all", SEEN + CONCEPTS, [[0, 1, 0, 0, 1, 1], [0] * 6]),
    ],
)
def test_labels(root: Path, split: str, labels: str, classes: tuple, rows: list) -> None:
    """Images without a positive are dropped in training alone."""
    dataset = build(root, split=split, labels=labels)
    assert dataset.metainfo["classes"] == classes
    assert dataset.metainfo["unseen_classes"] == tuple(c for c in classes if c in CONCEPTS)
    assert dataset.get_gt_labels().tolist() == rows
    assert dataset[0]["img"].shape == (40, 48, 3)
    assert dataset[0]["img_path"] == str(root / "Flickr" / IMAGES[split][0])


@pytest.mark.parametrize(
    ("split", "filter_empty", "count"), [("train", False, 3), ("test", True, 1)]
)
def test_filter_empty(root: Path, split: str, filter_empty: bool, count: int) -> None:
    dataset = build(root, split=split, filter_empty=filter_empty)
    assert len(dataset) == count
    assert f"without labels: \t{'dropped' if filter_empty else 'kept'}" in repr(dataset)


def test_classes_in_another_order(root: Path) -> None:
    dataset = build(root, split="test", labels="all", classes=["sky", "water", "cat"])
    assert dataset.get_gt_labels().tolist() == [[1, 1, 0], [0, 0, 0]]
    assert dataset.metainfo["unseen_classes"] == ("sky", "cat")
    with pytest.raises(
        ValueError, match=r"1 classes are not among the 3 of labels='seen'.*\['sky'"
    ):
        build(root, classes=["sky", "water"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(labels="all"), r"labels='all' with split='train' would train on the classes"),
        (
            dict(labels="unseen"),
            r"labels='unseen' with split='train'.*'human81' to train on the 81",
        ),
        (dict(labels="tags"), r"labels must be one of \('seen', .*got 'tags'"),
        (dict(split="val"), r"split must be one of \('train', 'test'\), got 'val'"),
        (dict(missing="drop"), r"missing must be one of \('error', 'skip'\), got 'drop'"),
        (dict(with_boxes=True), "has no box of any image"),
    ],
)
def test_mistakes(root: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(root, **options)


def test_without_the_prepared_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="make it with `mmsrdl data nuswide DIR --out"):
        build(tmp_path)


def test_no_image_with_a_label(root: Path) -> None:
    with pytest.raises(ValueError, match=r"No image of split 'train' .*filter_empty=False keeps"):
        build(root, labels="human81", classes=["fire"])


def test_missing_images(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        "mmsrdl.datasets.nuswide.dataset.print_log", lambda message, **_: said.append(message)
    )
    (root / "Flickr" / IMAGES["train"][0]).unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 2 images of NUSWIDE.*missing='skip' leaves"):
        build(root)
    assert build(root, missing="skip").get_gt_labels().tolist() == [[0, 1, 1]]
    assert said[0].startswith("NUSWIDE: 1 of 2 images of split 'train' do not exist below")
    assert len(build(root, split="test", missing="skip")) == 2
    assert len(said) == 1
    with pytest.raises(FileNotFoundError, match=r"none of the 2 images of NUSWIDE is below"):
        build(root, missing="skip", data_prefix="elsewhere")
