"""How formats are told, and what the readers of json and XML refuse."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mmsrdl.datasets.formats import Box, ImageRecord, open_annotations, read_annotations

COCO: dict[str, Any] = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 9, "height": 8, "license": 2},
        {"id": 2, "file_name": "b.jpg"},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "segmentation": [[1]]},
        {"id": 2, "image_id": 1, "category_id": 3, "bbox": [0, 0, 9, 8], "iscrowd": 1},
        {"id": 3, "image_id": 1, "category_id": 5},
    ],
    "categories": [{"id": 5, "name": "zebra"}, {"id": 3, "name": "dog"}],
}
OPENMMLAB: dict[str, Any] = {
    "metainfo": {"classes": ["zebra", "dog"]},
    "data_list": [{"img_path": "a.jpg", "gt_label": [1], "gt_label_difficult": [0], "id": 7}],
}


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.CSV", "path,labels\na.jpg,dog\n", "csv"),
        ("a.jsonl", '{"path": "a.jpg", "labels": ["dog"]}', "jsonl"),
        ("a.ndjson", '{"path": "a.jpg", "labels": ["dog"]}', "jsonl"),
        ("a.json", COCO, "coco"),
        ("a.JSON", OPENMMLAB, "openmmlab"),
    ],
)
def test_formats_are_told(name: str, content: Any, format: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, content)
    assert open_annotations(path).format == format
    annotations = read_annotations(path)
    assert "dog" in annotations.records[0].labels
    assert annotations.source == str(path)
    assert annotations.images == str(tmp_path)
    (tmp_path / "other").write_text(path.read_text())
    assert read_annotations(tmp_path / "other", format) == annotations


def test_coco(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path / "a.json", COCO))
    boxes = (Box("dog", (1, 2, 3, 4)), Box("dog", (0, 0, 9, 8), difficult=True))
    assert annotations.records == [
        ImageRecord("a.jpg", ("dog", "zebra"), boxes=boxes, size=(9, 8)),
        ImageRecord("b.jpg", ()),
    ]
    assert annotations.classes == ("zebra", "dog")
    assert annotations.unread == ("license", "segmentation")


def test_openmmlab(tmp_path: Path) -> None:
    annotations = read_annotations(write(tmp_path / "a.json", OPENMMLAB))
    assert annotations.records == [ImageRecord("a.jpg", ("dog",), ("zebra",))]
    assert (annotations.classes, annotations.unread) == (("zebra", "dog"), ("id",))


def test_voc(voc_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = voc_root / "Annotations/000001.xml"
    text = path.read_text().replace(
        "<difficult>0</difficult>",
        "<difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2.5</ymin><xmax>10</xmax>"
        "<ymax>11</ymax></bndbox>",
    )
    extra = "<size><width>48</width><height>40</height></size><filename>000001.PNG</filename>"
    path.write_text(text.replace("<annotation>", f"<annotation>{extra}"))
    annotations = read_annotations(voc_root / "ImageSets/Main/trainval.txt")
    box = Box("dog", (0.0, 1.5, 10.0, 9.5))
    assert annotations.records == [
        ImageRecord("000001.PNG", ("dog",), ("person",), (box,), (48, 40)),
        ImageRecord("000002.jpg", ("cat",)),
        ImageRecord("000003.jpg", (), ("sofa",)),
        ImageRecord("000004.jpg", ("person", "aeroplane")),
    ]
    assert annotations.images == str(voc_root / "JPEGImages")
    monkeypatch.chdir(voc_root / "ImageSets/Main")
    assert read_annotations("trainval.txt").records == annotations.records
    with pytest.raises(ValueError, match=r"folder with 3 lists .*\['train.txt', 'trainval.txt', "):
        read_annotations(voc_root)
    for name in ("train", "val"):
        os.unlink(f"{name}.txt")
    assert read_annotations(voc_root, "voc").records == annotations.records


@pytest.mark.parametrize("content", [{"a": 1}, [COCO], "7", {**COCO, "categories": None}])
def test_json_of_no_format(content: Any, tmp_path: Path) -> None:
    message = "neither OpenMMLab json nor COCO|'categories' of .* must be a list, got a NoneType"
    with pytest.raises(ValueError, match=message):
        read_annotations(write(tmp_path / "a.json", content))


@pytest.mark.parametrize("name", ["a.pkl", "a.yaml", "a.txt", "a"])
def test_other_endings_are_not_opened(name: str, tmp_path: Path) -> None:
    message = rf"{name}' is no .csv, .* was not opened, as pickles and YAML can run code"
    with pytest.raises(ValueError, match=message):
        read_annotations(tmp_path / name)


def test_wrong_format_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="format='yolo' must be 'auto' or one of"):
        read_annotations(write(tmp_path / "a.csv", ""), "yolo")
    with pytest.raises(ValueError, match=r"a.json' is not the COCO json .*it is OpenMMLab json"):
        read_annotations(write(tmp_path / "a.json", OPENMMLAB), "coco")
    with pytest.raises(ValueError, match=r"train.txt' is no list of VOC's folders"):
        read_annotations(write(tmp_path / "train.txt", "a\n"), "voc")
    with pytest.raises(FileNotFoundError, match=r"none.csv' does not exist"):
        read_annotations(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            {**COCO, "annotations": [{"image_id": 1, "category_id": 4}]},
            r"1 annotations of '.*' are of categories that it does not list, \['4'\]",
        ),
        (
            {**COCO, "annotations": [{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3]}]},
            r"box of annotation 0 \('dog'\) of '.*a.json' must be \[x, y, width, height\]",
        ),
        ({**COCO, "images": [{"id": 1, "file_name": 3}]}, "'file_name' of image 1 of .* got 3"),
        (
            {**COCO, "images": [{"id": 1, "file_name": "a", "width": 0, "height": 3}]},
            "width and height of image 1 of .* got 0 and 3",
        ),
        (
            {**COCO, "images": [{"id": [1], "file_name": "a"}]},
            r"'id' of entry 0 of 'images' in '.*a.json' must be a number",
        ),
        (
            {**COCO, "categories": [{"id": 3, "name": "dog"}, {"id": 5, "name": "dog"}]},
            r"the classes that '.*a.json' lists do not do: .*repeated: \['dog'\]",
        ),
        (
            {**OPENMMLAB, "metainfo": {"classes": ["dog", 3]}},
            r"the classes that '.*a.json' lists do not do: class names must be strings",
        ),
        (
            {**OPENMMLAB, "data_list": [{"img_path": 3, "gt_label": [0]}]},
            "'img_path' of entry 0 of 'data_list' in '.*a.json' must be the name .* got 3",
        ),
        ({**OPENMMLAB, "metainfo": {}}, r"a.json' names no classes, so that .*write them"),
        (
            {**OPENMMLAB, "data_list": [{"img_path": "a.jpg", "gt_label": [2]}]},
            "label 2 of image 'a.jpg' is outside the 2 classes of '.*a.json'",
        ),
        (
            {**OPENMMLAB, "data_list": [{"img_path": "a.jpg", "gt_label": 0}]},
            "gt_label of image 'a.jpg' in .* must be a list of class indices, got 0",
        ),
    ],
)
def test_malformed_json(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read_annotations(write(tmp_path / "a.json", content))


@pytest.mark.parametrize("corners", ["<xmin>1</xmin>", "<xmin>9</xmin><xmax>3</xmax>", "a", "nan"])
def test_malformed_boxes_of_voc(corners: str, voc_root: Path) -> None:
    if "<" not in corners:
        corners = f"<xmin>{corners}</xmin><xmax>3</xmax>"
    path = voc_root / "Annotations/000002.xml"
    bndbox = f"<bndbox>{corners}<ymin>1</ymin><ymax>1</ymax></bndbox></object>"
    path.write_text(path.read_text().replace("</object>", bndbox, 1))
    message = r"000002.xml' has an object 'cat' whose <bndbox> is no box: .*mend it"
    with pytest.raises(ValueError, match=message):
        read_annotations(voc_root / "ImageSets/Main/trainval.txt")
