import json
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from torch.utils.data import DataLoader

from mmsrdl.datasets import (
    MultiLabelDataset,
    Observation,
    ObservedDataset,
    SeededSampler,
    cooccurrence_matrix,
    inner_datasets,
)
from mmsrdl.datasets.observation import image_names, stored_labels
from mmsrdl.registry import DATASETS
from tests.datasets.observation.conftest import CLASSES, IMAGES, LABELS

ONE_POSITIVE = [[1, -1, -1], [-1, -1, 1]]
ENTRIES = [[1, 1, -1], [-1, -1, 1]]  # p = 0.36


# printf 'mmsrdl observation v1\0%s\0%s' 1200 0.jpg | openssl dgst -shake256 -xoflen 160, ...:
# the classes whose 8 bytes, the last first, are below 0.1 x 2^64.
KNOWN_OF_MAPS = [
    [1, 15], [8, 18], [7, 16], [3, 11], [], [12, 17], [5, 11, 13, 19], [8], [5, 6, 7], [2, 14, 18]
]  # fmt: skip


def observed(dataset: Any, **options: Any) -> ObservedDataset:
    options = options or {"keep": "one_positive"}
    return DATASETS.build(dict(type="mmsrdl.ObservedDataset", dataset=dataset, **options))


def with_csv(config: dict[str, Any], images: list[str], classes: list[str]) -> dict[str, Any]:
    """Writes images and classes of the two in another order."""
    rows = ["path,labels,unknown"]
    for name in images:
        row = LABELS[IMAGES.index(name)]
        values = [[c for c, label in zip(CLASSES, row, strict=True) if label == v] for v in (1, -1)]
        rows.append(",".join([name, *map(";".join, values)]))
    Path(config["data_root"], "two.csv").write_text("\n".join(rows))
    return {**config, "metainfo": dict(classes=classes)}


@pytest.mark.parametrize("serialize_data", [True, False])
@pytest.mark.parametrize("lazy_init", [True, False])
def test_labels_are_hidden_wherever_they_are_looked_for(
    two_images: dict, serialize_data: bool, lazy_init: bool
) -> None:
    config = {**two_images, "serialize_data": serialize_data, "lazy_init": lazy_init}
    dataset = observed(config, keep="one_positive", lazy_init=lazy_init)
    assert len(dataset) == 2
    assert dataset.get_gt_labels().tolist() == ONE_POSITIVE
    assert dataset.known_labels.tolist() == ONE_POSITIVE
    assert dataset.known_labels.dtype == np.int8
    (inner,) = inner_datasets(dataset)
    assert isinstance(inner, MultiLabelDataset)
    for each in (dataset, inner, pickle.loads(pickle.dumps(dataset))):
        infos = [each.get_data_info(i) for i in range(2)]
        assert [info["gt_label"] for info in infos] == [[0], [2]]
        assert [info["gt_label_difficult"] for info in infos] == [[1, 2], [0, 1]]
        assert [info["gt_label_unknown"] for info in infos] == [[1, 2], [0, 1]]
        assert [info["gt_score"].tolist() for info in infos] == ONE_POSITIVE
        assert [info["sample_idx"] for info in infos] == [0, 1]
        assert [each.get_cat_ids(i) for i in range(2)] == [[0], [2]]
        assert each[1]["gt_label"] == [2]
        assert cooccurrence_matrix(each).positive.tolist() == np.diag([1, 0, 1]).tolist()
    assert stored_labels(inner).tolist() == ONE_POSITIVE
    assert dataset.metainfo["classes"] == dataset.CLASSES == CLASSES


@pytest.mark.parametrize("classes", [["bird", "cat", "dog"], ["dog", "bird", "cat"]])
@pytest.mark.parametrize("images", [list(IMAGES), list(IMAGES[::-1])])
def test_known_labels_are_the_same_in_any_order(
    two_images: dict, images: list[str], classes: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "known.npz"
    observed(two_images, keep="entries", p=0.36).observation.save(file)
    config = with_csv(two_images, images, classes)
    for options in (dict(keep="entries", p=0.36), dict(file=str(file))):
        dataset = observed(config, **options)
        labels = dataset.known_labels[[images.index(name) for name in IMAGES]]
        assert labels[:, [classes.index(name) for name in CLASSES]].tolist() == ENTRIES
        assert dataset.observation.images == tuple(images)


def scores(samples: list[dict]) -> list[list[float]]:
    return [sample["data_samples"].gt_score.tolist() for sample in samples]


@pytest.mark.parametrize("serialize_data", [True, False])
@pytest.mark.parametrize(
    ("workers", "start"),
    [
        (0, None),
        (1, "fork"),
        (2, "fork"),
        pytest.param(2, "spawn", marks=pytest.mark.slow),
    ],
)
def test_workers_see_the_same_labels(
    workers: int, start: str | None, serialize_data: bool, tiny_maps: Path
) -> None:
    maps = dict(
        type="mmsrdl.FeatureMapDataset",
        data_root=str(tiny_maps),
        ann_file="train.npz",
        serialize_data=serialize_data,
        lazy_init=True,
    )
    dataset = observed(maps, keep="entries", p=0.1, lazy_init=start == "spawn")
    loader = DataLoader(
        dataset,
        batch_size=5,
        num_workers=workers,
        collate_fn=scores,
        sampler=SeededSampler(dataset, shuffle=False, seed=0),
        multiprocessing_context=start,
    )
    found = np.array([row for batch in loader for row in batch])
    assert [np.flatnonzero(row >= 0).tolist() for row in found] == KNOWN_OF_MAPS
    for number, (row, known) in enumerate(zip(found, KNOWN_OF_MAPS, strict=True)):
        assert row[known].tolist() == [int(c % 2 == number % 2) for c in known]


def test_samples_have_the_labels_that_are_left_and_the_augmentation_as_before(
    tiny_maps: Path,
) -> None:
    maps = dict(type="mmsrdl.FeatureMapDataset", data_root=str(tiny_maps), ann_file="train.npz")
    whole, dataset = DATASETS.build(maps), observed(maps)
    for each in (whole, dataset):
        each.set_epoch(3, seed=1)
    for index in range(10):
        torch.testing.assert_close(dataset[index]["inputs"], whole[index]["inputs"])
        score = dataset[index]["data_samples"].gt_score
        assert (score == 1).sum() == 1
        assert (score == -1).sum() == 19
        assert whole[index]["data_samples"].gt_score[score == 1] == 1


def test_a_seed_of_its_own(two_images: dict) -> None:
    drawn = {
        tuple(map(tuple, observed(two_images, keep="one_positive", seed=s).known_labels.tolist()))
        for s in range(20)
    }
    assert len(drawn) == 4  # two positives of each of two images
    assert observed(two_images, keep="one_positive", seed=1200).known_labels.tolist() == (
        ONE_POSITIVE
    )


@pytest.mark.parametrize("name", ["ConcatDataset", "RepeatDataset", "ClassBalancedDataset"])
def test_wrappers_of_mmengine_around_it(two_images: dict, name: str) -> None:
    inner = dict(type="mmsrdl.ObservedDataset", dataset=two_images, keep="one_positive")
    options = {
        "ConcatDataset": dict(datasets=[inner]),
        "RepeatDataset": dict(dataset=inner, times=1),
        "ClassBalancedDataset": dict(dataset=inner, oversample_thr=1e-3),
    }
    dataset = DATASETS.build(dict(type=name, **options[name]))
    dataset.full_init()
    assert [dataset.get_data_info(i)["gt_label"] for i in range(2)] == [[0], [2]]
    assert cooccurrence_matrix(dataset).positive.tolist() == np.diag([1, 0, 1]).tolist()
    SeededSampler(dataset, seed=0)


def test_difficult_objects_stay_difficult(voc_root: Path) -> None:
    config = dict(type="mmsrdl.VOCMultiLabel", data_root=str(voc_root), test_mode=True)
    whole = DATASETS.build(config)
    dataset = observed(config, keep="entries", p=0.5)
    for index in range(4):
        before, after = whole.get_data_info(index), dataset.get_data_info(index)
        difficult = set(before["gt_label_difficult"])
        assert difficult <= set(after["gt_label_difficult"])
        assert set(after["gt_label_unknown"]) == set(after["gt_label_difficult"]) - difficult
        assert dataset.observation.images[index] == f"{index + 1:06}.jpg"


def test_data_sets_of_mmpretrain(tmp_path: Path, tiny_voc: Path) -> None:
    infos = [{"img_path": f"{i}.jpg", "gt_label": labels} for i, labels in enumerate([[0, 1], [2]])]
    content = {"metainfo": {"classes": CLASSES}, "data_list": infos}
    (tmp_path / "ann.json").write_text(json.dumps(content))
    stock = dict(
        type="mmpretrain.MultiLabelDataset",
        data_root=str(tmp_path),
        ann_file="ann.json",
        data_prefix="photos",
    )
    dataset = observed(stock)
    assert dataset.observation.images == ("0.jpg", "1.jpg")
    assert sorted(dataset.known_labels.flatten().tolist()) == [-1, -1, -1, -1, 1, 1]
    for index, row in enumerate(dataset.known_labels):
        info = dataset.get_data_info(index)
        assert info["gt_score"].tolist() == row.tolist()  # what MMPretrain's heads train on
        assert info["gt_label"] == np.flatnonzero(row == 1).tolist()
    assert dataset.get_gt_labels().tolist() == dataset.known_labels.tolist()
    voc = observed(dict(type="mmpretrain.VOC", data_root=str(tiny_voc), split="trainval"))
    assert (voc.known_labels == 1).sum(1).tolist() == [1, 1, 1, 1]


def test_names_are_below_the_folder_of_the_images(voc_root: Path, tiny_maps: Path) -> None:
    lists = str(voc_root / "ImageSets/Main/train.txt")
    own = dict(
        type="mmsrdl.MultiLabelDataset", ann_file=lists, pipeline=[], ignore_other_classes=True
    )
    dataset = DATASETS.build({**own, "metainfo": dict(classes=["dog", "cat"])})
    assert image_names(dataset) == ("000001.jpg", "000002.jpg")
    assert image_names(observed(dataset)) == ("000001.jpg", "000002.jpg")
    maps = DATASETS.build(
        dict(type="mmsrdl.FeatureMapDataset", data_root=str(tiny_maps), ann_file="train.npz")
    )
    assert image_names(maps)[:2] == ("0.jpg", "1.jpg")


def test_a_file_of_other_labels_is_refused(two_images: dict, tmp_path: Path) -> None:
    file = str(tmp_path / "known.npz")
    observed(two_images).observation.save(file)
    assert observed(two_images, file=file).known_labels.tolist() == ONE_POSITIVE
    annotations = Path(two_images["data_root"], "two.csv")
    text = annotations.read_text()
    for old, new, message in (
        ("bird;cat,dog", "bird,dog", "other labels of the same images and classes"),
        ("bird;cat,dog", "bird;cat,", "other labels of the same images and classes"),
        (IMAGES[1], "b.jpg", rf"other images: 2 then, 2 now; 1 are gone: \['{IMAGES[1]}'\]; 1 are"),
    ):
        annotations.write_text(text.replace(old, new))
        with pytest.raises(ValueError, match=rf"file='{file}' does not go with .*: {message}"):
            observed(two_images, file=file)
    annotations.write_text(text)
    classes = dict(metainfo=dict(classes=[*CLASSES, "cow"]))
    with pytest.raises(ValueError, match=r"other classes: 3 then, 4 now; 1 are new: \['cow'\]"):
        observed({**two_images, **classes}, file=file)


def test_a_damaged_file_is_not_said_to_be_of_other_labels(two_images: dict, tmp_path: Path) -> None:
    file = tmp_path / "known.npz"
    file.write_bytes(b"PK")
    with pytest.raises(ValueError, match="is not an npz file of plain arrays"):
        observed(two_images, file=str(file))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    messages: list[tuple[int, str]] = []

    def keep(message: str, logger: str | None = None, level: int = logging.INFO) -> None:
        assert logger == "current"
        messages.append((level, message))

    monkeypatch.setattr("mmsrdl.datasets.observation.observed_dataset.print_log", keep)
    return messages


def test_the_log_says_how_much_is_known_and_which_classes_are_not(
    two_images: dict, logged: list[tuple[int, str]]
) -> None:
    dataset = observed(two_images)
    assert dataset.statistics.classes_without_known_positive == ("cat",)
    (info, text), (warning, names) = logged
    assert (info, warning) == (logging.INFO, logging.WARNING)
    assert text == f"ObservedDataset: {dataset.statistics}"
    assert "2 of 4 positives (50.0%), 0 of 1 negatives (0.0%)" in text
    assert "1 of 3 classes have no known positive image" in names
    assert names.endswith("['cat']")
    dataset.full_init()
    assert len(logged) == 2


def test_boxes_would_give_hidden_labels_away(tmp_path: Path) -> None:
    box = {"name": "cat", "bbox": [0, 0, 1, 1]}
    (tmp_path / "a.jsonl").write_text(
        json.dumps({"path": "1.jpg", "labels": ["cat"], "boxes": [box]})
    )
    config = dict(
        type="mmsrdl.MultiLabelDataset",
        ann_file=str(tmp_path / "a.jsonl"),
        metainfo=dict(classes=["cat"]),
    )
    assert len(observed(config)) == 1
    with pytest.raises(ValueError, match="with_boxes=True of MultiLabelDataset gives hidden"):
        observed({**config, "with_boxes": True})


@pytest.mark.parametrize("key", ["gt_bboxes", "instances"])
def test_so_would_other_fields(tmp_path: Path, key: str) -> None:
    info = {"img_path": "0.jpg", "gt_label": [0], key: [[0, 0, 1, 1]]}
    content = {"metainfo": {"classes": ["cat"]}, "data_list": [info]}
    (tmp_path / "ann.json").write_text(json.dumps(content))
    config = dict(type="mmsrdl.MultiLabelDataset", ann_file=str(tmp_path / "ann.json"))
    with pytest.raises(ValueError, match=rf"MultiLabelDataset has \['{key}'\], which give hidden"):
        observed(config)


def test_data_sets_whose_labels_cannot_be_hidden(two_images: dict, tmp_path: Path) -> None:
    single = dict(type="CustomDataset", data_root=str(tmp_path / "photos"), pipeline=[])
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "0.jpg").write_bytes(b"")
    with pytest.raises(TypeError, match=r"has gt_label=0 for image .* several classes are needed"):
        observed(single)

    class Late(MultiLabelDataset):
        def get_data_info(self, idx: int) -> dict:
            return {**super().get_data_info(idx), "gt_label": LABELS[idx]}

    late = Late(**{key: value for key, value in two_images.items() if key != "type"})
    with pytest.raises(TypeError, match="Late does not take gt_label from its data list"):
        observed(late)
    with pytest.raises(TypeError, match="takes one data set, got a ConcatDataset; put ObservedD"):
        observed(ConcatDataset([DATASETS.build(two_images)]))
    with pytest.raises(ValueError, match="hide labels once"):
        observed(
            dict(type="mmsrdl.HeldOutSplit", part="fit", held_out=0.5, dataset=observed(two_images))
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(seed=1), "keep=None must be one of 'entries'"),
        (dict(keep="entries"), "keep='entries' takes p"),
        (dict(file="a.npz", keep="entries", p=0.1), "file='a.npz' .* keep='entries', p=0.1 draws"),
        (dict(file="a.npz", seed=0), "file='a.npz' .* seed=0 draws"),
    ],
)
def test_options(two_images: dict, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        observed({**two_images, "lazy_init": True}, lazy_init=True, **options)


def test_a_missing_file(two_images: dict, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"observation='.*known.npz' does not exist"):
        observed(two_images, file=str(tmp_path / "known.npz"))


class Doubled(MultiLabelDataset):
    """Of someone who shows each image twice; our readers refuse such files."""

    def load_data_list(self) -> list[dict]:
        return super().load_data_list() * 2


def test_an_image_that_is_listed_twice_is_refused(two_images: dict) -> None:
    with pytest.raises(ValueError, match=r"2 images stand more than once .*\.jpg'"):
        observed({**two_images, "type": Doubled})


def test_coco(write_coco: Callable[..., Path]) -> None:
    root = write_coco({"a.jpg": ["dog", "zebra"], "b.jpg": ["apple"], "c.jpg": []})
    dataset = observed(
        dict(
            type="mmsrdl.CocoMultiLabel",
            data_root=str(root),
            ann_file="instances.json",
            data_prefix="train",
            metainfo=dict(classes=["zebra", "apple", "dog"]),
        )
    )
    assert isinstance(dataset.observation, Observation)
    assert dataset.observation.images == ("a.jpg", "b.jpg")
    assert (dataset.known_labels == 1).sum(1).tolist() == [1, 1]
    assert (dataset.known_labels == 0).sum() == 0


def test_real_photographs(photographs: Path) -> None:
    """Every image of a real training set keeps one of its positives, the same under any list."""
    root = photographs / "voc" / "VOCdevkit" / "VOC2007"
    voc = dict(type="mmsrdl.VOCMultiLabel", data_root=str(root), split="train")
    dataset = observed(voc)
    assert dataset.statistics.num_images == 2500
    assert (dataset.known_labels == 1).sum() == 2500 - (
        dataset.statistics.images_without_known_positive
    )
    assert dataset.statistics.images_without_known_positive < 10
    part = observed(dict(type="mmsrdl.HeldOutSplit", part="held_out", dataset=voc))
    assert len(part) == 500
    places = [dataset.observation.images.index(name) for name in part.observation.images]
    np.testing.assert_array_equal(part.known_labels, dataset.known_labels[places])
