"""The data sets of configs as images with labels by name."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmsrdl.apis.splits import loader_of_config, splits_of_config
from mmsrdl.datasets.check import check_data


def config(**loaders) -> Config:
    content = {f"{name}_dataloader": dict(dataset=value) for name, value in loaders.items()}
    return Config(dict(default_scope="mmpretrain", **content))


def test_own_files(seven: Path) -> None:
    dataset = dict(type="mmsrdl.MultiLabelDataset", data_root=str(seven), ann_file="ann.json")
    splits = splits_of_config(config(train=dataset, val=dataset, test=dataset))
    assert [split.name for split in splits] == ["train", "val"]  # test is val
    (record, *_), split = splits[0].annotations.records, splits[0]
    assert split.classes == ("boat", "car", "dog")
    assert split.path_of(record) == str(seven / "0.jpg")
    report = check_data(splits)
    assert report.images == {"train": 7, "val": 7}
    assert {f.kind for f in report.findings if f.level == "error"} == {"image-in-two-splits"}


def test_wrappers_and_other_data_sets(tiny_voc: Path, tiny_coco: Path) -> None:
    voc = dict(type="mmsrdl.VOCMultiLabel", data_root=str(tiny_voc))
    coco = dict(
        type="mmsrdl.CocoMultiLabel",
        data_root=str(tiny_coco),
        ann_file="annotations/instances_val2014.json",
        data_prefix="val2014",
    )
    wrapped = dict(type="RepeatDataset", times=2, dataset=voc)
    train, test = splits_of_config(config(train=wrapped, test=coco))
    assert len(train.annotations.records) == 4
    assert train.annotations.records[0].labels[0] == "aeroplane"
    assert test.path_of(test.annotations.records[0]) == str(tiny_coco / "val2014" / "1.jpg")
    assert check_data([test]).count("error") == 0


def test_problems_are_collected(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("path,labels\na.jpg,cat,dog\nb.jpg,cat\n")
    (tmp_path / "val.csv").write_text("a;b\n")
    own = dict(type="mmsrdl.MultiLabelDataset", data_root=str(tmp_path), classes=["cat"])
    train, val = splits_of_config(
        config(train=dict(ann_file="train.csv", **own), val=dict(ann_file="val.csv", **own))
    )
    assert [problem.line for problem in train.problems] == [2]
    assert [record.path for record in train.annotations.records] == ["b.jpg"]
    assert "no column of path" in val.problems[0].message
    assert val.annotations.records == []


def test_malformed_files_of_other_data_sets(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    coco = dict(type="mmsrdl.CocoMultiLabel", ann_file=str(tmp_path / "a.json"))
    (split,) = splits_of_config(config(train=coco))
    assert "is not the COCO json" in split.problems[0].message


def test_voc_folders_through_the_general_data_set(tiny_voc: Path) -> None:
    own = dict(type="mmsrdl.MultiLabelDataset", classes=["aeroplane"])
    path = str(tiny_voc / "ImageSets" / "Main" / "val.txt")
    (split,) = splits_of_config(config(val=dict(ann_file=path, **own)))
    assert split.path_of(split.annotations.records[0]) == str(tiny_voc / "JPEGImages/000001.jpg")


def test_loader_is_the_pipelines() -> None:
    step = dict(type="LoadImageFromFile", imdecode_backend="pillow")
    assert loader_of_config(config(train=dict(pipeline=[step]))).imdecode_backend == "pillow"
    assert loader_of_config(config(train=dict(pipeline=[dict(type="PackInputs")]))) is None


def test_no_data_set() -> None:
    with pytest.raises(ValueError, match="no train_, val_ or test_dataloader"):
        splits_of_config(config())


def test_missing_file() -> None:
    own = dict(type="mmsrdl.MultiLabelDataset", ann_file="nowhere.csv", classes=["cat"])
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        splits_of_config(config(train=own))


def test_images_and_labels_that_are_left(seven: Path) -> None:
    """Parts of one file are no images in two splits; hidden labels are unknown."""
    own = dict(type="mmsrdl.MultiLabelDataset", data_root=str(seven), ann_file="ann.json")
    fit, held_out = (
        dict(type="mmsrdl.HeldOutSplit", part=part, held_out=0.3, dataset=own)
        for part in ("fit", "held_out")
    )
    observed = dict(type="mmsrdl.ObservedDataset", keep="one_positive", dataset=fit)
    repeated = dict(type="RepeatDataset", times=2, dataset=observed)
    train, val = splits_of_config(config(train=repeated, val=held_out))
    assert [len(split.annotations.records) for split in (train, val)] == [5, 2]
    assert all(len(record.labels) <= 1 for record in train.annotations.records)
    assert all(len(record.unknown) >= 2 for record in train.annotations.records)
    assert not any(record.unknown for record in val.annotations.records)
    kinds = {finding.kind for finding in check_data([train, val]).findings}
    assert "image-in-two-splits" not in kinds


def test_what_is_wrong_before_and_after_labels_are_hidden(tmp_path: Path) -> None:
    own = dict(type="mmsrdl.MultiLabelDataset", data_root=str(tmp_path), classes=["cat"])
    observed = dict(type="mmsrdl.ObservedDataset", dataset=dict(ann_file="train.csv", **own))
    (tmp_path / "train.csv").write_text("path,labels\na.jpg,cat,dog\nb.jpg,cat\n")
    (split,) = splits_of_config(config(train=dict(**observed, keep="one_positive")))
    assert [problem.line for problem in split.problems] == [2]
    (tmp_path / "train.csv").write_text("path,labels\nb.jpg,cat\n")
    (split,) = splits_of_config(config(train=dict(**observed, keep="some")))
    assert "keep='some' must be one of" in split.problems[0].message
