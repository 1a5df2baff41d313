import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsrdl.datasets import HeldOutSplit, ObservedDataset, inner_datasets
from mmsrdl.datasets.observation import image_names, random_split, stored_labels
from mmsrdl.registry import DATASETS


@pytest.fixture
def ten_images(tmp_path: Path) -> dict[str, Any]:
    """The config of a data set of ten images; those after the fifth show the last two classes."""
    labels = [[i % 3, 3] for i in range(5)] + [[3, 4]] * 5
    names = [f"COCO_{number:012}.jpg" for number in (7, 20, 100, 3, 11, 12, 200, 5, 30, 1)]
    infos = [{"img_path": n, "gt_label": each} for n, each in zip(names, labels, strict=True)]
    content = {"metainfo": {"classes": list("abcde")}, "data_list": infos}
    (tmp_path / "ann.json").write_text(json.dumps(content))
    return dict(type="mmsrdl.MultiLabelDataset", data_root=str(tmp_path), ann_file="ann.json")


def split(dataset: Any, part: str, **options: Any) -> HeldOutSplit:
    return DATASETS.build(dict(type="mmsrdl.HeldOutSplit", dataset=dataset, part=part, **options))


def numbers(dataset: Any) -> list[int]:
    return [int(name[5:-4]) for name in image_names(dataset)]


def test_random_split_is_that_of_the_literature() -> None:
    # Cole et al.'s generate_split(10, 0.2, np.random.RandomState(1200)), whose permutation is
    # 9 4 6 1 8 5 2 0 | 7 3; the numbers of VOC 2012 train and of COCO 2014 train below were made
    # by it as well.
    fit, held_out = random_split(10, 0.2, 1200)
    assert fit.tolist() == [0, 1, 2, 4, 5, 6, 8, 9]
    assert held_out.tolist() == [3, 7]
    for number, size, first in (
        (5717, 1143, [5, 6, 11, 15, 22, 23]),
        (82081, 16416, [3, 4, 34, 37, 48, 64]),
    ):
        fit, held_out = random_split(number, 0.2, 1200)
        assert len(held_out) == size
        assert held_out[:6].tolist() == first
        assert sorted([*fit, *held_out]) == list(range(number))


@pytest.mark.parametrize("serialize_data", [True, False])
@pytest.mark.parametrize("lazy_init", [True, False])
def test_a_part_is_kept_in_place(ten_images: dict, serialize_data: bool, lazy_init: bool) -> None:
    whole = DATASETS.build(ten_images)
    config = {**ten_images, "serialize_data": serialize_data, "lazy_init": lazy_init}
    for part, kept in (("fit", [0, 1, 2, 4, 5, 6, 8, 9]), ("held_out", [3, 7])):
        dataset = split(config, part, lazy_init=lazy_init)
        assert len(dataset) == len(kept)
        (inner,) = inner_datasets(dataset)
        for each in (dataset, inner):
            infos = [each.get_data_info(i) for i in range(len(each))]
            assert [info["sample_idx"] for info in infos] == list(range(len(kept)))
            expected = [whole.get_data_info(i)["gt_label"] for i in kept]
            assert [info["gt_label"] for info in infos] == expected
            np.testing.assert_array_equal(each.get_gt_labels(), whole.get_gt_labels()[kept])
        assert dataset.get_cat_ids(0) == whole.get_cat_ids(kept[0])
        assert dataset[0]["img_path"] == whole[kept[0]]["img_path"]
        dataset.full_init()
        assert len(dataset) == len(kept)


@pytest.mark.parametrize(
    ("order", "listed"),
    [
        ("listed", [7, 20, 100, 3, 11, 12, 200, 5, 30, 1]),
        ("name", [1, 3, 5, 7, 11, 12, 20, 30, 100, 200]),
        ("image_id", [1, 100, 11, 12, 20, 200, 3, 30, 5, 7]),
    ],
)
def test_orders(ten_images: dict, order: str, listed: list[int]) -> None:
    found = numbers(split(ten_images, "held_out", order=order))
    assert sorted(found) == sorted([listed[3], listed[7]])
    fit = numbers(split(ten_images, "fit", order=order))
    assert sorted([*found, *fit]) == sorted(listed)
    listing = [7, 20, 100, 3, 11, 12, 200, 5, 30, 1]  # as the data set lists them
    assert fit == [number for number in listing if number in fit]


@pytest.mark.parametrize("order", ["name", "image_id"])
def test_orders_by_name_do_not_depend_on_the_list(ten_images: dict, order: str) -> None:
    expected = set(numbers(split(ten_images, "held_out", order=order)))
    path = Path(ten_images["data_root"], "ann.json")
    content = json.loads(path.read_text())
    content["data_list"].reverse()
    path.write_text(json.dumps(content))
    assert set(numbers(split(ten_images, "held_out", order=order))) == expected


def test_stratified_parts_have_the_same_shares(ten_images: dict) -> None:
    for seed in range(3):
        parts = [
            stored_labels(split(ten_images, part, method="stratified", seed=seed, held_out=0.4))
            for part in ("fit", "held_out")
        ]
        assert [len(part) for part in parts] == [6, 4]
        assert [int(part[:, 4].sum()) for part in parts] == [3, 2]


@pytest.mark.parametrize("part", ["fit", "held_out"])
@pytest.mark.parametrize("options", [dict(keep="one_positive"), dict(keep="entries", p=0.4)])
def test_hiding_and_dividing_in_either_order(ten_images: dict, part: str, options: dict) -> None:
    observed = dict(type="mmsrdl.ObservedDataset", **options)
    divided = dict(type="mmsrdl.HeldOutSplit", part=part)
    first = DATASETS.build({**observed, "dataset": {**divided, "dataset": ten_images}})
    second = DATASETS.build({**divided, "dataset": {**observed, "dataset": ten_images}})
    assert isinstance(first, ObservedDataset)
    np.testing.assert_array_equal(first.get_gt_labels(), second.get_gt_labels())
    np.testing.assert_array_equal(first.known_labels, second.dataset.known_labels)
    assert image_names(first) == image_names(second)
    assert len(first.observation.images) == len(first)
    assert len(second.dataset.observation.images) == 10  # of the labels that were hidden


def test_a_file_is_of_the_images_that_are_below(ten_images: dict, tmp_path: Path) -> None:
    whole, part = str(tmp_path / "whole.npz"), str(tmp_path / "part.npz")
    ObservedDataset(ten_images, keep="one_positive").observation.save(whole)
    below = dict(type="mmsrdl.HeldOutSplit", part="fit", dataset=ten_images)
    expected = ObservedDataset(below, keep="one_positive")
    expected.observation.save(part)
    found = ObservedDataset(below, file=part)
    np.testing.assert_array_equal(found.known_labels, expected.known_labels)
    with pytest.raises(ValueError, match="other images: 10 then, 8 now; 2 are gone"):
        ObservedDataset(below, file=whole)
    around = split(dict(type="mmsrdl.ObservedDataset", dataset=ten_images, file=whole), "fit")
    np.testing.assert_array_equal(around.get_gt_labels(), expected.known_labels)


def test_maps_of_a_part_are_its_own(tiny_maps: Path) -> None:
    config = dict(type="mmsrdl.FeatureMapDataset", data_root=str(tiny_maps), ann_file="val.npz")
    whole, part = DATASETS.build(config), split(config, "held_out")
    assert len(part) == 2
    for index, place in enumerate((3, 7)):
        assert (part[index]["inputs"] == whole[place]["inputs"]).all()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(part="val"), ValueError, r"part must be one of \('fit', 'held_out'\), got 'val'"),
        (dict(method="iterative"), ValueError, "method must be one of .* got 'iterative'"),
        (dict(order="size"), ValueError, "order must be one of .* got 'size'"),
        (dict(held_out=20), ValueError, r"held_out=20 must be a number in \[0, 1\]"),
        (dict(held_out=0), ValueError, "held_out=0 of 10 images leaves a part without any"),
        (dict(held_out=0.01), ValueError, "held_out=0.01 of 10 images leaves a part without any"),
        (dict(held_out=1), ValueError, "held_out=1 of 10 images leaves a part without any"),
        (dict(held_out=1, method="stratified"), ValueError, "held_out=1 of 10 images leaves a"),
        (dict(seed=1.5), TypeError, "seed=1.5 must be an integer"),
    ],
)
def test_errors(ten_images: dict, options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        split(ten_images, **{"part": "fit", **options})


def test_names_without_a_number(ten_images: dict) -> None:
    path = Path(ten_images["data_root"], "ann.json")
    path.write_text(path.read_text().replace("COCO_000000000007", "seven"))
    with pytest.raises(ValueError, match=r"takes the last number .* 'seven.jpg' has none"):
        split(ten_images, "fit", order="image_id")
