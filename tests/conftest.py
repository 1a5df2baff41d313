"""What several tests need: word vectors and tiny data sets of the genuine class lists."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmsrdl.datasets import COCO_CATEGORIES, VOC_CATEGORIES, write_feature_maps


@pytest.fixture(scope="session")
def word_vectors(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An npz of random 300-d vectors of all COCO and VOC names."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.npz"
    names = sorted({*COCO_CATEGORIES, *VOC_CATEGORIES})
    vectors = np.random.default_rng(0).normal(size=(len(names), 300)).astype(np.float32)
    np.savez(path, names=np.array(names), vectors=vectors)
    return str(path)


def write_photos(folder: Path, names: list[str]) -> None:
    """Writes one JPEG of smooth noise a name, 80 x 100."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for name in names:
        coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / name), cv2.resize(coarse, (100, 80)))


@pytest.fixture(scope="session")
def tiny_voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VOC's layout with four images in each split; every class occurs."""
    root = tmp_path_factory.mktemp("VOC2007")
    ids = [f"{i:06d}" for i in range(1, 5)]
    write_photos(root / "JPEGImages", [f"{i}.jpg" for i in ids])
    (root / "Annotations").mkdir()
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for number, image in enumerate(ids):
        objects = "".join(
            f"<object><name>{name}</name><difficult>0</difficult></object>"
            for name in VOC_CATEGORIES[number % 2 :: 2]
        )
        xml = f"<annotation><filename>{image}.jpg</filename>{objects}</annotation>"
        (root / "Annotations" / f"{image}.xml").write_text(xml)
    for split in ("train", "val", "trainval", "test"):
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(ids) + "\n")
    return root


@pytest.fixture(scope="session")
def tiny_coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COCO 2014's layout with four images in each split; every class occurs."""
    return write_tiny_coco(tmp_path_factory.mktemp("coco"), COCO_CATEGORIES)


def write_tiny_coco(root: Path, classes: tuple[str, ...]) -> Path:
    """Writes train2014, val2014 and their instances json, and the demo's names for them."""
    images = [{"id": i, "file_name": f"{i}.jpg", "height": 80, "width": 100} for i in range(1, 5)]
    annotations = [
        {"id": 100 * image["id"] + c, "image_id": image["id"], "category_id": c + 1, "iscrowd": 0}
        for image in images
        for c in range(image["id"] % 2, len(classes), 2)
    ]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": c + 1, "name": name} for c, name in enumerate(classes)],
    }
    (root / "annotations").mkdir(parents=True)
    for split in ("train", "val", "train2014", "val2014"):
        write_photos(root / split, [image["file_name"] for image in images])
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="session")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven images with labels of three classes, in OpenMMLab's json."""
    root = tmp_path_factory.mktemp("seven")
    names = [f"{i}.jpg" for i in range(7)]
    write_photos(root, names)
    data = [{"img_path": name, "gt_label": [i % 3, 2]} for i, name in enumerate(names)]
    content = {"metainfo": {"classes": ["boat", "car", "dog"]}, "data_list": data}
    (root / "ann.json").write_text(json.dumps(content))
    return root


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of real photographs, weights and word vectors."""
    folder = os.environ.get("MMSRDL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("MMSRDL_DATA names no folder of real photographs")
    return Path(folder)


def write_tiny_maps(root: Path, classes: Sequence[str]) -> Path:
    """Maps of Lite0's width of ten images in three views; every class occurs."""
    rng = np.random.default_rng(0)
    columns = np.arange(len(classes))
    labels = np.stack([columns % 2 == number % 2 for number in range(10)]).astype(np.int8)
    difficult = np.zeros(labels.shape, dtype=bool)
    difficult[0, 1] = True
    labels[difficult] = -1
    for name, views in (("train", 3), ("val", 1)):
        shape = (views, len(labels), 1280, 2, 2)
        write_feature_maps(
            root / f"{name}.npz",
            shape,
            lambda maps, shape=shape: np.copyto(maps, rng.random(shape, np.float32), "same_kind"),
            labels,
            difficult,
            classes,
            [f"{number}.jpg" for number in range(len(labels))],
            {"part": name},
        )
    return root


@pytest.fixture(scope="session")
def tiny_maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`write_tiny_maps`; the classes of VOC."""
    return write_tiny_maps(tmp_path_factory.mktemp("maps"), VOC_CATEGORIES)


@pytest.fixture(scope="session")
def tiny_coco_maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See :func:`write_tiny_maps`; the classes of MS-COCO."""
    return write_tiny_maps(tmp_path_factory.mktemp("coco_maps"), COCO_CATEGORIES)
