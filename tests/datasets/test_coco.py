import json
import os
from pathlib import Path
from typing import Any

import pytest

from mmsrdl.datasets import COCO_CATEGORIES, CocoMultiLabel

CLASSES = ["apple", "dog", "zebra"]
LABELS = {"a.jpg": ["zebra", "dog", "dog"], "b.jpg": [], "c.jpg": ["apple"]}


def build(root: Path, **kwargs: Any) -> CocoMultiLabel:
    options = {
        "data_root": str(root),
        "ann_file": "instances.json",
        "data_prefix": {"img_path": "train"},
        "metainfo": {"classes": CLASSES},
    }
    return CocoMultiLabel(**{**options, **kwargs})


def test_labels_are_matched_by_name(write_coco: Any, capsys: pytest.CaptureFixture) -> None:
    root = write_coco(LABELS)
    dataset = build(root)
    info = dataset.get_data_info(0)
    assert info["img_path"] == str(root / "train/a.jpg")
    assert (info["img_id"], info["gt_label"], info["gt_label_difficult"]) == (10, [1, 2], [])
    assert info["gt_score"].tolist() == [0, 1, 1]
    assert dataset.get_data_info(1)["gt_label"] == [0]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("categories", [[(1, "dog"), (2, "apple"), (3, "zebra")], None])
def test_class_order_does_not_depend_on_the_json(write_coco: Any, categories: Any) -> None:
    root = write_coco(LABELS, **({"categories": categories} if categories else {}))
    infos = [build(root).get_data_info(i) for i in range(2)]
    assert [info["gt_label"] for info in infos] == [[1, 2], [0]]
    reordered = build(root, metainfo={"classes": CLASSES[::-1]})
    assert reordered.get_data_info(1)["gt_label"] == [2]


@pytest.mark.parametrize(("filter_empty", "count"), [(True, 2), (False, 3)])
def test_filter_empty(write_coco: Any, filter_empty: bool, count: int) -> None:
    dataset = build(write_coco(LABELS), filter_empty=filter_empty)
    assert len(dataset) == count
    assert f"objects: \t{'dropped' if filter_empty else 'kept'}" in repr(dataset)


def test_crowds_count(write_coco: Any) -> None:
    assert len(build(write_coco(LABELS, crowd=True))) == 2


def test_default_classes_are_the_official_ones(write_coco: Any) -> None:
    # 1-based positions stand for the official ids: only names are matched.
    root = write_coco({"a.jpg": ["dog"]}, categories=list(enumerate(COCO_CATEGORIES, 1))[::-1])
    dataset = build(root, metainfo=None)
    assert dataset.metainfo["classes"] == COCO_CATEGORIES
    assert dataset.get_cat_ids(0) == [COCO_CATEGORIES.index("dog")]


def test_unannotated_category_outside_the_list_is_harmless(write_coco: Any) -> None:
    categories = [(1, "dog"), (2, "apple"), (3, "zebra"), (4, "unicorn")]
    assert len(build(write_coco(LABELS, categories=categories))) == 2


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["apple", "dog"], r"not among the classes: \['zebra'\]"),
        ([*CLASSES, "unicorn"], r"but not there: \['unicorn'\].*metainfo=dict"),
    ],
)
def test_classes_that_do_not_match_are_refused(
    write_coco: Any, classes: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        build(write_coco(LABELS), metainfo={"classes": classes})


def test_annotation_of_an_unknown_category_is_refused(write_coco: Any) -> None:
    root = write_coco(LABELS)
    content = json.loads((root / "instances.json").read_text())
    content["annotations"][0]["category_id"] = 77
    (root / "instances.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"not among the classes: \['77'\]"):
        build(root)


def test_no_image_left_is_refused(write_coco: Any) -> None:
    with pytest.raises(ValueError, match="filter_empty=False keeps images"):
        build(write_coco({"a.jpg": []}))


def test_missing_file_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"instances.json' does not exist.*annotations/"):
        build(tmp_path)


@pytest.mark.skipif("MMSRDL_DATA" not in os.environ, reason="MMSRDL_DATA is not set")
@pytest.mark.parametrize(("split", "count"), [("train", 1900), ("val", 500)])
def test_real_photographs(split: str, count: int) -> None:
    dataset = CocoMultiLabel(
        data_root=os.path.join(os.environ["MMSRDL_DATA"], "coco"),
        ann_file=f"annotations/instances_{split}.json",
        data_prefix={"img_path": split},
        pipeline=[{"type": "mmpretrain.LoadImageFromFile"}],
    )
    assert len(dataset) == count
    assert min(dataset[0]["img"].shape[:2]) == 256
    assert 2 < (dataset.get_gt_labels() == 1).sum(1).mean() < 5


def test_a_part_of_the_classes(write_coco: Any) -> None:
    root = write_coco({"a.jpg": ["dog", "zebra"], "b.jpg": ["zebra"], "c.jpg": ["dog"]})
    options = dict(data_root=str(root), ann_file="instances.json", data_prefix="train")
    with pytest.raises(ValueError, match=r"\['zebra'\], 2 annotations .*ignore_other_classes=True"):
        CocoMultiLabel(**options, metainfo={"classes": ["dog"]})
    dataset = CocoMultiLabel(**options, metainfo={"classes": ["dog"]}, ignore_other_classes=True)
    assert [info["gt_label"] for info in map(dataset.get_data_info, range(len(dataset)))] == [
        [0]
    ] * 2


def test_ids_of_two_types(write_coco: Any) -> None:
    root = write_coco({"a.jpg": ["dog"]})
    content = json.loads((root / "instances.json").read_text())
    for image in content["images"]:
        image["id"] = str(image["id"])
    (root / "instances.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"image_id \[10\] against ids \['10'\]; write the ids"):
        CocoMultiLabel("instances.json", data_root=str(root), metainfo={"classes": ["dog"]})
