"""Tiny data sets, drawn and written by the tests."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

CLASSES = ("zebra", "apple", "dog")


def write_images(folder: Path, names: Sequence[str], size: tuple[int, int] = (40, 48)) -> None:
    """Write one JPEG of smooth noise a name; size is (height, width)."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in names:
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / name), cv2.resize(coarse, size[::-1]))


@pytest.fixture
def openmmlab_root(tmp_path: Path) -> Path:
    """An OpenMMLab json of eight images with all kinds of labels."""
    names = [f"{i}.jpg" for i in range(8)]
    write_images(tmp_path / "images", names)
    labels = [[2, 0], [1], [], [0], [0, 1, 2], [2], [1, 1], [0, 2]]
    data_list: list[dict[str, Any]] = [
        {"img_path": name, "gt_label": label} for name, label in zip(names, labels, strict=True)
    ]
    data_list[1]["gt_label_difficult"] = [2, 1]
    content = {"metainfo": {"classes": CLASSES}, "data_list": data_list}
    (tmp_path / "ann.json").write_text(json.dumps(content))
    return tmp_path


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings that a data set logs while its annotations are loaded."""
    messages: list[str] = []

    def keep(message: str, logger: str | None = None, level: int = logging.INFO) -> None:
        assert (logger, level) == ("current", logging.WARNING)
        messages.append(message)

    for module in ("formats.coco_json", "data_checks", "multi_label_dataset"):
        monkeypatch.setattr(f"mmsrdl.datasets.{module}.print_log", keep)
    return messages


CocoWriter = Callable[..., Path]


@pytest.fixture
def write_coco(tmp_path: Path) -> CocoWriter:
    """Write a COCO instances json (and its images) from labels by name."""

    def write(
        labels: dict[str, Sequence[str]],
        categories: Sequence[tuple[int, str]] = ((3, "dog"), (7, "zebra"), (9, "apple")),
        crowd: bool = False,
    ) -> Path:
        write_images(tmp_path / "train", list(labels))
        ids = {name: category_id for category_id, name in categories}
        images = [{"id": 10 + i, "file_name": name} for i, name in enumerate(labels)]
        pairs = [(10 + i, name) for i, names in enumerate(labels.values()) for name in names]
        annotations = [
            {"id": i + 1, "image_id": image, "category_id": ids[name], "iscrowd": int(crowd)}
            for i, (image, name) in enumerate(pairs)
        ]
        content = {
            "images": images,
            "annotations": annotations,
            "categories": [{"id": i, "name": name} for i, name in categories],
        }
        (tmp_path / "instances.json").write_text(json.dumps(content))
        return tmp_path

    return write


VOC_OBJECTS: dict[str, list[tuple[str, int | None]]] = {
    "000001": [("dog", 0), ("person", 1)],
    "000002": [("cat", 1), ("cat", 0)],
    "000003": [("sofa", 1)],
    "000004": [("person", None), ("person", 0), ("aeroplane", 0)],
}


@pytest.fixture
def voc_root(tmp_path: Path) -> Path:
    """Four images in VOC's layout, the objects those of `VOC_OBJECTS`."""
    root = tmp_path / "VOC2007"
    write_images(root / "JPEGImages", [f"{name}.jpg" for name in VOC_OBJECTS])
    (root / "Annotations").mkdir()
    (root / "ImageSets/Main").mkdir(parents=True)
    for name, objects in VOC_OBJECTS.items():
        items = "".join(
            f"<object><name>{cls}</name>"
            + ("" if flag is None else f"<difficult>{flag}</difficult>")
            + "<part><name>head</name></part></object>"
            for cls, flag in objects
        )
        (root / f"Annotations/{name}.xml").write_text(f"<annotation>{items}</annotation>")
    for split, names in {"train": [0, 1], "val": [2, 3], "trainval": [0, 1, 2, 3]}.items():
        lines = "\n".join(list(VOC_OBJECTS)[i] for i in names)
        (root / f"ImageSets/Main/{split}.txt").write_text(lines + "\n\n")
    return root
