import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate, pseudo_collate
from mmpretrain.models.utils import ClsDataPreprocessor

from mmsrdl.datasets import MultiLabelDataset

PIPELINE = [{"type": "mmpretrain.LoadImageFromFile"}, {"type": "mmpretrain.PackInputs"}]


def build(root: Path, **kwargs: Any) -> MultiLabelDataset:
    options = {"data_root": str(root), "ann_file": "ann.json", "data_prefix": "images"}
    return MultiLabelDataset(**{**options, **kwargs})


def rewrite(root: Path, **changes: Any) -> None:
    """Change fields of the first entry of the json."""
    content = json.loads((root / "ann.json").read_text())
    content["data_list"][0].update(changes)
    (root / "ann.json").write_text(json.dumps(content))


@pytest.mark.parametrize("serialize_data", [True, False])
def test_labels_are_sorted_and_tri_state(openmmlab_root: Path, serialize_data: bool) -> None:
    dataset = build(openmmlab_root, serialize_data=serialize_data)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert infos[0]["img_path"] == str(openmmlab_root / "images/0.jpg")
    assert [info["gt_label"] for info in infos[:3]] == [[0, 2], [1], []]
    assert [info["gt_label_difficult"] for info in infos[:3]] == [[], [2], []]
    assert [info.get("gt_label_unknown") for info in infos[:3]] == [None, [2], None]
    scores = np.stack([info["gt_score"] for info in infos])
    assert scores.dtype == np.float32
    assert scores[:3].tolist() == [[1, 0, 1], [0, 1, -1], [0, 0, 0]]
    np.testing.assert_array_equal(dataset.get_gt_labels(), scores)
    assert dataset.get_cat_ids(4) == [0, 1, 2]


def test_score_is_made_anew_on_every_access(openmmlab_root: Path) -> None:
    dataset = build(openmmlab_root, serialize_data=False)
    dataset.get_data_info(0)["gt_score"][:] = 9
    assert dataset.get_data_info(0)["gt_score"].tolist() == [1, 0, 1]


def test_labels_are_matched_by_name(openmmlab_root: Path) -> None:
    """The json's indices count in its own list (zebra, apple, dog), whose order is not ours."""
    dataset = build(openmmlab_root, metainfo={"classes": ["apple", "cat", "dog", "zebra"]})
    assert dataset.metainfo["classes"] == ("apple", "cat", "dog", "zebra")
    assert dataset.get_data_info(0)["gt_score"].tolist() == [0, 0, 1, 1]
    assert dataset.get_data_info(1)["gt_score"].tolist() == [1, 0, -1, 0]


def test_metainfo_of_a_config_is_kept_as_plain_dicts(openmmlab_root: Path) -> None:
    """MMEngine writes it into every checkpoint."""
    metainfo = dict(source=dict(of=dict(year=2014)), palette=[dict(colour=(0, 1, 2))])
    dataset = build(openmmlab_root, metainfo=Config(dict(metainfo=metainfo)).metainfo)
    assert {key: dataset.metainfo[key] for key in metainfo} == metainfo
    for each in (dataset.metainfo["source"], dataset.metainfo["source"]["of"]):
        assert type(each) is dict
    assert type(dataset.metainfo["palette"][0]) is dict


@pytest.mark.parametrize("indices", [0, []])
def test_indices_that_leave_nothing(indices: int | list, openmmlab_root: Path) -> None:
    with pytest.raises(ValueError, match=r"indices=.* leaves no image of MultiLabelDataset"):
        build(openmmlab_root, indices=indices)


def test_a_part_of_the_classes(openmmlab_root: Path) -> None:
    classes = {"classes": ["dog", "zebra"]}
    message = r"numbers its labels by its own 3 classes, of which \['apple'\] are not among the 2 "
    with pytest.raises(ValueError, match=message + ".*ignore_other_classes=True"):
        build(openmmlab_root, metainfo=classes)
    dataset = build(openmmlab_root, metainfo=classes, ignore_other_classes=True)
    assert [dataset.get_data_info(i)["gt_label"] for i in range(5)] == [[0, 1], [], [], [1], [0, 1]]


def test_home_folder(openmmlab_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(openmmlab_root))
    dataset = MultiLabelDataset("ann.json", data_root="~", data_prefix="images")
    assert dataset.get_data_info(0)["img_path"] == str(openmmlab_root / "images" / "0.jpg")


def test_indices_subset_and_lazy_init(openmmlab_root: Path) -> None:
    assert len(build(openmmlab_root, indices=[1, 4])) == 2
    lazy = build(openmmlab_root, lazy_init=True)
    assert not lazy._fully_initialized
    lazy.full_init()
    subset = lazy.get_subset([4])
    assert subset.get_data_info(0)["gt_label"] == [0, 1, 2]
    assert "Number of categories: \t3" in repr(lazy)


@pytest.mark.parametrize("collate", [default_collate, pseudo_collate])
def test_labels_go_through_packing_collation_and_preprocessor(
    openmmlab_root: Path, collate: Any
) -> None:
    dataset = build(openmmlab_root, pipeline=PIPELINE)
    batch = collate([dataset[i] for i in range(4)])
    batch = ClsDataPreprocessor(num_classes=3, to_onehot=True)(batch)
    samples = batch["data_samples"]
    assert batch["inputs"].shape == (4, 3, 40, 48)
    scores = torch.stack([sample.gt_score for sample in samples])
    expected = torch.tensor([[1, 0, 1], [0, 1, -1], [0, 0, 0], [1, 0, 0]])
    torch.testing.assert_close(scores, expected.float())
    assert [sample.gt_label.tolist() for sample in samples] == [[0, 2], [1], [], [0]]
    assert all(sample.gt_label.dtype == torch.int64 for sample in samples)


def test_all_images_without_labels_go_through_a_batch(openmmlab_root: Path) -> None:
    dataset = build(openmmlab_root, pipeline=PIPELINE)
    batch = ClsDataPreprocessor(num_classes=3)(default_collate([dataset[2], dataset[2]]))
    assert [sample.gt_label.numel() for sample in batch["data_samples"]] == [0, 0]
    assert [sample.gt_score.tolist() for sample in batch["data_samples"]] == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("changes", "kwargs", "message"),
    [
        ({"gt_label": [3]}, {}, "label 3 of image '.*0.jpg' is outside the 3 classes"),
        ({"gt_label": [-1]}, {}, "label -1 of image"),
        ({"gt_label": ["dog"]}, {}, "label 'dog' of image"),
        ({"gt_label_difficult": [5]}, {}, "label 5 of image"),
        ({"gt_label": 1}, {}, "gt_label of image '.*' must be a list of class indices, got 1"),
        ({}, {"classes": ["a", "b", "a"]}, r"repeated: \['a'\]"),
        ({}, {"metainfo": {"classes": []}}, "class names must be given"),
        ({}, {"metainfo": {"classes": "no_such_file.txt"}}, "no_such_file.txt.*no readable file"),
    ],
)
def test_wrong_labels_and_classes_are_refused(
    openmmlab_root: Path, changes: dict, kwargs: dict, message: str
) -> None:
    rewrite(openmmlab_root, **changes)
    with pytest.raises(ValueError, match=message):
        build(openmmlab_root, **kwargs)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"metainfo": {"classes": ["a"]}, "data_list": []}, "MultiLabelDataset is empty"),
        ({"metainfo": {}, "data_list": []}, "names no classes"),
    ],
)
def test_empty_files_are_refused(tmp_path: Path, content: dict, message: str) -> None:
    (tmp_path / "ann.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        build(tmp_path)


@pytest.mark.parametrize("test_mode", [True, False])
def test_broken_image_is_raised_with_its_path(openmmlab_root: Path, test_mode: bool) -> None:
    (openmmlab_root / "images/0.jpg").write_bytes(b"no image")
    dataset = build(openmmlab_root, pipeline=PIPELINE, test_mode=test_mode)
    (openmmlab_root / "images/1.jpg").unlink()
    with pytest.raises(Exception, match=r"images/0\.jpg"):
        dataset[0]
    with pytest.raises(FileNotFoundError, match=r"images/1\.jpg"):
        dataset[1]


def test_exception_without_the_path_gets_it(openmmlab_root: Path) -> None:
    def fail(results: dict) -> dict:
        raise KeyError("img")

    dataset = build(openmmlab_root, pipeline=[fail])
    with pytest.raises(RuntimeError, match=r"images/3\.jpg' \(sample 3\): KeyError: 'img'"):
        dataset[3]


def test_another_image_replaces_none_reproducibly(openmmlab_root: Path) -> None:
    def skip_first(results: dict) -> dict | None:
        return None if results["sample_idx"] == 0 else results

    dataset = build(openmmlab_root, pipeline=[skip_first])
    dataset.set_epoch(0, seed=5)
    replaced = []
    for _ in range(3):
        replaced.append(dataset[0]["sample_idx"])
        np.random.rand()
    assert replaced[0] != 0
    assert len(set(replaced)) == 1
    seen = {replaced[0]}
    for epoch in range(1, 9):
        dataset.set_epoch(epoch, seed=5)
        seen.add(dataset[0]["sample_idx"])
    assert len(seen) > 1


def test_negative_index_is_the_same_sample(openmmlab_root: Path) -> None:
    dataset = build(openmmlab_root, pipeline=[lambda results: float(torch.rand(()))])
    dataset.set_epoch(0, seed=0)
    assert dataset[-1] == dataset[7] != dataset[6]


def test_epoch_of_a_subset_is_its_own(openmmlab_root: Path) -> None:
    dataset = build(openmmlab_root, pipeline=[lambda results: float(torch.rand(()))])
    dataset.set_epoch(0, seed=0)
    subset = dataset.get_subset(4)
    assert subset[1] == dataset[1]
    subset.set_epoch(1, seed=0)
    assert subset[1] != dataset[1]
