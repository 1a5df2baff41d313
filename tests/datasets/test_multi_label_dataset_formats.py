"""MultiLabelDataset on all five formats, and boxes of all data sets that have them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.dataset import default_collate

from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel
from mmsrdl.datasets.formats import Annotations, Box, ImageRecord, write_annotations
from tests.datasets.conftest import write_images

CLASSES = ("zebra", "dog", "cat")
RECORDS = [
    ImageRecord("1.jpg", ("cat", "dog"), (), (Box("cat", (1, 2, 3.5, 4)),), (48, 40)),
    ImageRecord("2.jpg", (), (), (), (48, 40)),
    ImageRecord("3.jpg", ("dog",), ("zebra",), (Box("zebra", (0, 0, 9, 9), True),), (48, 40)),
]
FILES = {
    "csv": "a.csv",
    "jsonl": "a.jsonl",
    "openmmlab": "a.json",
    "coco": "b.json",
    "voc": "ImageSets/Main/a.txt",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The same images in five formats, below ``JPEGImages``."""
    write_images(tmp_path / "JPEGImages", [record.path for record in RECORDS])
    for format, name in FILES.items():
        with pytest.warns(UserWarning, match=format):
            write_annotations(Annotations(RECORDS, CLASSES), tmp_path / name, format)
    return tmp_path


def build(root: Path, file: str, **kwargs: Any) -> MultiLabelDataset:
    options: dict[str, Any] = {
        "data_prefix": "JPEGImages",
        "metainfo": {"classes": CLASSES},
        "serialize_data": False,  # it collects garbage each time
    }
    return MultiLabelDataset(FILES[file], data_root=str(root), **{**options, **kwargs})


@pytest.mark.parametrize("format", FILES)
def test_five_formats(format: str, root: Path) -> None:
    pipeline = [{"type": "mmpretrain.LoadImageFromFile"}, {"type": "mmpretrain.PackInputs"}]
    unknown = 0 if format == "coco" else -1
    for kwargs in ({}, {"format": format}, {"pipeline": pipeline}):
        dataset = build(root, format, **kwargs)
        scores = dataset.get_gt_labels().tolist()
        assert scores == [[0, 1, 1], [0, 0, 0], [unknown, 1, 0]]
        assert dataset.get_data_info(2)["img_path"] == str(root / "JPEGImages/3.jpg")
        assert "gt_bboxes" not in dataset.get_data_info(0)
    assert dataset[0]["data_samples"].gt_label.tolist() == [1, 2]


def test_classes_of_the_file_and_where_images_are(root: Path) -> None:
    assert build(root, "coco", metainfo=None).metainfo["classes"] == CLASSES
    assert build(root, "openmmlab", metainfo=None).metainfo["classes"] == CLASSES
    (root / "classes.txt").write_text("cat\nzebra\ndog\n")
    for classes in ({"classes": str(root / "classes.txt")}, {"classes": ["cat", "zebra", "dog"]}):
        dataset = build(root, "csv", metainfo=None, **classes)
        assert dataset.get_data_info(0)["gt_label"] == [0, 2]
    assert build(root, "csv", data_prefix="").get_data_info(0)["img_path"] == str(root / "1.jpg")
    voc = build(root, "voc", data_prefix="")
    assert voc.get_data_info(0)["img_path"] == str(root / "JPEGImages/1.jpg")


@pytest.mark.parametrize("format", ["csv", "jsonl", "voc"])
def test_classes_must_be_given_where_none_are_listed(format: str, root: Path) -> None:
    message = (
        r"a\.\w+' lists no classes; give them.*classes='classes.txt', a file of one name a line, "
        r"or metainfo=dict\(classes=\[...\]\). Its labels are of 3: \['cat', 'dog', 'zebra'\]"
    )
    with pytest.raises(ValueError, match=message):
        build(root, format, metainfo=None)


@pytest.mark.parametrize("format", ["csv", "jsonl", "coco"])
def test_labels_of_other_classes(format: str, root: Path) -> None:
    classes = {"classes": ["zebra"]}
    line = "" if format == "coco" else rf" \(line {2 if format == 'csv' else 1}\)"
    message = (
        rf"label 'cat' of image '1.jpg'{line} in '.*' is not among the 1 classes of "
        r"MultiLabelDataset; in all 3 such labels in 2 of 3 images: 'dog' \(2\), 'cat' \(1\)\. Add"
    )
    with pytest.raises(ValueError, match=message):
        build(root, format, metainfo=classes)
    classes = {"classes": ["dog"]}
    dataset = build(root, format, metainfo=classes, ignore_other_classes=True)
    assert dataset.get_gt_labels().tolist() == [[1], [0], [1]]


def test_columns_that_are_not_read_are_said(root: Path, warnings: list[str]) -> None:
    (root / "a.csv").write_text("path,labels,split\n1.jpg,zebra;dog;cat,train\n")
    assert len(build(root, "csv")) == 1
    (text,) = warnings
    assert text == f"'{root}/a.csv' holds ['split'], which are not read"


def test_missing_images_are_named(root: Path) -> None:
    (root / "JPEGImages/3.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of 3 images .*JPEGImages/3.jpg"):
        build(root, "csv", pipeline=[{"type": "mmpretrain.LoadImageFromFile"}])


def test_addresses_are_no_paths(root: Path) -> None:
    (root / "a.csv").write_text("path,labels\ns3://images/1.jpg,zebra;dog;cat\n")
    assert build(root, "csv").get_data_info(0)["img_path"] == "s3://images/1.jpg"


def datasets_with_boxes(root: Path) -> dict[str, MultiLabelDataset]:
    metainfo = {"classes": CLASSES}
    options = dict(data_root=str(root), metainfo=metainfo, with_boxes=True)
    return {
        "jsonl": build(root, "jsonl", with_boxes=True),
        "coco": build(root, "coco", with_boxes=True),
        "voc": build(root, "voc", with_boxes=True),
        "CocoMultiLabel": CocoMultiLabel("b.json", filter_empty=False, **options),
        "VOCMultiLabel": VOCMultiLabel(ann_file="ImageSets/Main/a.txt", **options),
    }


@pytest.mark.parametrize("name", ["jsonl", "coco", "voc", "CocoMultiLabel", "VOCMultiLabel"])
def test_boxes(name: str, root: Path) -> None:
    dataset = datasets_with_boxes(root)[name]
    infos = [dataset.get_data_info(i) for i in range(3)]
    for info in infos:
        boxes, labels = info["gt_bboxes"], info["gt_bboxes_labels"]
        assert (boxes.dtype, labels.dtype) == (np.float32, np.int64)
        assert info["gt_bboxes_difficult"].dtype == np.bool_
        assert boxes.shape == (len(labels), 4) == (len(info["gt_bboxes_difficult"]), 4)
    assert infos[0]["gt_bboxes"].tolist() == [[1, 2, 4.5, 6]]
    assert infos[0]["gt_bboxes_labels"].tolist() == [2]
    assert infos[0]["gt_bboxes_difficult"].tolist() == [False]
    assert len(infos[1]["gt_bboxes"]) == 0
    # COCO has no unknown labels, so that their boxes are not there.
    assert infos[2]["gt_bboxes_difficult"].tolist() == ([] if "oco" in name else [True])


def test_boxes_go_through_packing(root: Path) -> None:
    keys = ("gt_bboxes", "gt_bboxes_labels", "gt_bboxes_difficult")
    pipeline = [
        {"type": "mmpretrain.LoadImageFromFile"},
        {"type": "mmpretrain.PackInputs", "meta_keys": keys},
    ]
    dataset = build(root, "jsonl", with_boxes=True, pipeline=pipeline)
    batch = default_collate([dataset[i] for i in range(3)])
    found = [sample.metainfo["gt_bboxes"].tolist() for sample in batch["data_samples"]]
    assert found == [[[1, 2, 4.5, 6]], [], [[0, 0, 9, 9]]]


@pytest.mark.parametrize("format", ["csv", "openmmlab"])
def test_boxes_that_are_not_there(format: str, root: Path) -> None:
    with pytest.raises(ValueError, match=r"with_boxes=True, but '.*' has no box of any image"):
        build(root, format, with_boxes=True)


def test_boxes_of_other_classes_are_left_out(root: Path) -> None:
    options = dict(metainfo={"classes": ["cat"]}, ignore_other_classes=True, with_boxes=True)
    dataset = build(root, "voc", **options)
    assert [len(dataset.get_data_info(i)["gt_bboxes"]) for i in range(3)] == [1, 0, 0]


def test_the_format_of_other_data_sets_is_fixed(root: Path) -> None:
    with pytest.raises(TypeError, match="format"):
        CocoMultiLabel("b.json", data_root=str(root), format="csv")
