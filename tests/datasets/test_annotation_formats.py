"""Another annotation format than the expected one: what is told, and who reads it."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [{"image_id": 1, "category_id": 1}],
    "categories": [{"id": 1, "name": "dog"}],
}
OPENMMLAB = {"metainfo": {"classes": ["dog"]}, "data_list": [{"img_path": "a", "gt_label": [0]}]}


def without(content: dict, *keys: str) -> dict:
    return {key: value for key, value in content.items() if key not in keys}


def build(cls: type, root: Path, content: Any, name: str = "ann.json", **kwargs: Any) -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    (root / name).write_text(text)
    return cls(ann_file=name, data_root=str(root), metainfo={"classes": ["dog"]}, **kwargs)


@pytest.mark.parametrize(
    ("cls", "content"),
    [(CocoMultiLabel, COCO), (MultiLabelDataset, OPENMMLAB), (MultiLabelDataset, COCO)],
)
def test_the_own_format_is_read(cls: type, content: dict, tmp_path: Path) -> None:
    assert build(cls, tmp_path, content).get_data_info(0)["gt_label"] == [0]
    assert build(cls, tmp_path, "\ufeff" + json.dumps(content), "BOM.JSON").get_cat_ids(0) == [0]


@pytest.mark.parametrize(
    ("cls", "content", "message"),
    [
        (
            CocoMultiLabel,
            OPENMMLAB,
            r"is not the COCO json .* with the keys \['images', 'annotations', 'categories'\]: it "
            r"is OpenMMLab json, which type='mmsrdl.MultiLabelDataset' reads",
        ),
        (CocoMultiLabel, [COCO, COCO], r"it holds a list of 2 entries; convert it.*docs/data.md"),
        (CocoMultiLabel, "7", "it holds a int; convert it"),
        (MultiLabelDataset, {"a.jpg": ["dog"]}, r"it holds the keys \['a.jpg'\]; convert it"),
        (
            CocoMultiLabel,
            without(COCO, "annotations"),
            "COCO json without annotations, as of COCO's test sets .*take the instances json",
        ),
        (
            CocoMultiLabel,
            without(COCO, "categories"),
            r"COCO json without categories, as captions_\*.json; take the instances json",
        ),
        (
            CocoMultiLabel,
            without(COCO, "images"),
            r"it holds the keys \['annotations', 'categories'\]",
        ),
        (CocoMultiLabel, "name,dog\na.jpg,1\n", "is not json, whatever its name.*'name,dog"),
        (MultiLabelDataset, "[" * 100_000, r"is not json, whatever its name.*begins with '\[\[\["),
        (MultiLabelDataset, "", "is not json.*begins with ''; fetch or write the file again"),
        (MultiLabelDataset, {**OPENMMLAB, "metainfo": ["dog"]}, "'metainfo' of .* must be a dict"),
        (MultiLabelDataset, {**OPENMMLAB, "data_list": {}}, "'data_list' of .* must be a list"),
        (
            MultiLabelDataset,
            {**OPENMMLAB, "data_list": [{"file": "a.jpg"}]},
            r"entry 0 of 'data_list' in '.*' must have the keys \['img_path'\], got \{'file'",
        ),
        (
            MultiLabelDataset,
            {**OPENMMLAB, "data_list": [{"img_path": "a.jpg"}]},
            "gt_label of image '.*a.jpg' in .* must be a list of class indices, got None",
        ),
        (
            CocoMultiLabel,
            {**COCO, "images": [{"id": 1}]},
            r"entry 0 of 'images' in .* must have the keys \['id', 'file_name'\]",
        ),
        (
            CocoMultiLabel,
            {**COCO, "annotations": [{"image_id": 1, "caption": "A dog."}]},
            r"entry 0 of 'annotations' in .* \['image_id', 'category_id'\]",
        ),
        (CocoMultiLabel, {**COCO, "categories": ["dog"]}, "entry 0 of 'categories' in .* got dog"),
        (
            CocoMultiLabel,
            {**COCO, "images": [*COCO["images"], {"id": 1, "file_name": "b.jpg"}]},
            "lists 2 images but 1 ids.*give every image an id of its own",
        ),
    ],
)
def test_another_json(cls: type, content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        build(cls, tmp_path, content)


def test_a_format_that_is_named_is_the_one_that_is_read(tmp_path: Path) -> None:
    message = (
        r"ann.json' is not the OpenMMLab json .*it is COCO json, which "
        r"type='mmsrdl.CocoMultiLabel' reads"
    )
    with pytest.raises(ValueError, match=message):
        build(MultiLabelDataset, tmp_path, COCO, format="openmmlab")
    assert build(MultiLabelDataset, tmp_path, COCO, "ann", format="coco").get_cat_ids(0) == [0]
    with pytest.raises(
        ValueError, match=r"format='yaml' must be 'auto' or one of \['csv', 'jsonl'"
    ):
        build(MultiLabelDataset, tmp_path, COCO, format="yaml")


@pytest.mark.parametrize("name", ["ann.csv", "ann.txt", "ann.xml", "ann"])
def test_another_ending(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"{name}' is no .json file .*VOCMultiLabel.*as json"):
        build(CocoMultiLabel, tmp_path, OPENMMLAB, name)
    reason = "header of .* has no column of path" if name == "ann.csv" else "was not opened"
    with pytest.raises(ValueError, match=rf"{name}'.*{reason}|{reason}"):
        build(MultiLabelDataset, tmp_path, OPENMMLAB, name)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "ann.json").write_bytes(b"\x80\x04\x95")
    with pytest.raises(ValueError, match=r"ann.json' is not a text file in UTF-8"):
        MultiLabelDataset(ann_file="ann.json", data_root=str(tmp_path))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    for name in ("none.json", "folder.json"):
        with pytest.raises(FileNotFoundError, match=rf"{name}' does not exist.*data_root '"):
            MultiLabelDataset(ann_file=name, data_root=str(tmp_path))


def test_prefix_of_another_code_base(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data_prefix=\{'img': 'train'\} must name .*img_path"):
        MultiLabelDataset(ann_file="ann.json", data_prefix={"img": "train"})


def test_annotations_of_unlisted_images_are_told(tmp_path: Path, warnings: list[str]) -> None:
    content = {**COCO, "annotations": [{"image_id": i, "category_id": 1} for i in (1, 5, 6)]}
    assert len(build(CocoMultiLabel, tmp_path, content)) == 1
    (text,) = warnings
    assert "ann.json' annotates 2 images that it does not list" in text
    assert text.endswith("image ids [5, 6]")


@pytest.mark.parametrize("content", [COCO, [COCO]])
def test_json_for_voc(content: Any, voc_root: Path) -> None:
    (voc_root / "ann.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"ann.json' is json, .*mmsrdl.CocoMultiLabel reads COCO"):
        VOCMultiLabel(str(voc_root), ann_file="ann.json")


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("<annotations><image/></annotations>", r"its root is <annotations>, not <annotation>"),
        ("<annotation><object/></annotation>", r"000001.xml' has an object without a <name>"),
        ("<annotation><object>", r"000001.xml' is not valid XML.*write it again"),
    ],
)
def test_another_xml(xml: str, message: str, voc_root: Path) -> None:
    (voc_root / "Annotations/000001.xml").write_text(xml)
    with pytest.raises(ValueError, match=message):
        VOCMultiLabel(str(voc_root))


def test_a_folder_that_is_not_vocs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trainval.txt' does not exist.*the folder of one"):
        VOCMultiLabel(str(tmp_path))
