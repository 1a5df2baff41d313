import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsrdl.datasets import VOC_CATEGORIES, FeatureMapDataset, FeatureMaps, write_feature_maps
from mmsrdl.registry import DATASETS


def build(root: Path, **options: object) -> FeatureMapDataset:
    config = dict(type="mmsrdl.FeatureMapDataset", data_root=str(root), ann_file="train.npz")
    return DATASETS.build({**config, **options})


def write(path: Path, labels: np.ndarray, fill=lambda maps: None) -> FeatureMaps:
    number, classes = labels.shape
    return write_feature_maps(
        path,
        (1, number, 2, 1, 1),
        fill,
        labels,
        np.zeros(labels.shape, bool),
        [f"class {c}" for c in range(classes)],
        [f"{i}.jpg" for i in range(number)],
        {"seed": 0},
    )


def test_a_sample_is_the_stored_map_with_its_labels(tiny_maps: Path) -> None:
    file = FeatureMaps.load(tiny_maps / "train.npz")
    dataset = build(tiny_maps, test_mode=True)
    assert dataset.metainfo["classes"] == VOC_CATEGORIES
    sample = dataset[3]
    np.testing.assert_array_equal(sample["inputs"].numpy(), file.maps()[0, 3])
    assert sample["data_samples"].gt_score.tolist() == file.labels[3].tolist()
    assert sample["data_samples"].img_path == "3.jpg"


def test_training_draws_views_by_seed_epoch_and_index(tiny_maps: Path) -> None:
    maps, dataset = FeatureMaps.load(tiny_maps / "train.npz").maps(), build(tiny_maps)

    def views(epoch: int, seed: int) -> list[int]:
        dataset.set_epoch(epoch, seed)
        return [
            next(v for v in range(3) if np.array_equal(maps[v, i], dataset[i]["inputs"]))
            for i in range(len(dataset))
        ]

    drawn = [views(epoch, 0) for epoch in range(4)]
    assert {view for each in drawn for view in each} == {0, 1, 2}
    assert len({tuple(each) for each in drawn}) == 4
    assert views(2, 0) == drawn[2]
    assert views(2, 1) != drawn[2]


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 0),
        ({"test_mode": True}, -1),
        ({"difficult": "positive"}, 1),
        ({"difficult": "negative", "test_mode": True}, 0),
    ],
)
def test_difficult_entries(tiny_maps: Path, options: dict, value: int) -> None:
    sample = build(tiny_maps, **options)[0]["data_samples"]
    assert sample.gt_score[1] == value
    assert sample.gt_label_difficult == ([1] if value == -1 else [])


def test_the_parts_of_a_split_are_disjoint_and_whole(tiny_maps: Path) -> None:
    parts = [build(tiny_maps, split=dict(part=part, held_out=0.3)) for part in ("fit", "held_out")]
    paths = [[part.get_data_info(i)["img_path"] for i in range(len(part))] for part in parts]
    assert list(map(len, paths)) == [7, 3]
    assert sorted(paths[0] + paths[1]) == [f"{i}.jpg" for i in range(10)]
    maps, first = FeatureMaps.load(tiny_maps / "train.npz").maps(), int(paths[1][0][:-4])
    parts[1].test_mode = True
    np.testing.assert_array_equal(parts[1][0]["inputs"].numpy(), maps[0, first])


def test_workers_get_the_place_of_the_maps_and_not_the_maps(tiny_maps: Path) -> None:
    dataset = build(tiny_maps, test_mode=True)
    sample = dataset[0]["inputs"]
    packed = pickle.dumps(dataset)
    assert len(packed) < dataset.maps.nbytes
    torch.testing.assert_close(pickle.loads(packed)[0]["inputs"], sample, rtol=0, atol=0)


def test_nothing_is_left_of_maps_that_were_not_finished(tmp_path: Path) -> None:
    def fail(maps: np.ndarray) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "maps.npz", np.eye(3), fail)
    assert list(tmp_path.iterdir()) == []


def test_errors_say_what_is_wrong(tiny_maps: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"part must be one of .*'fit', 'held_out'"):
        build(tiny_maps, split=dict(part="val"))
    with pytest.raises(ValueError, match="must have part, held_out and seed"):
        build(tiny_maps, split=dict(part="fit", share=0.1))
    with pytest.raises(ValueError, match="difficult must be None or one of"):
        build(tiny_maps, difficult="maybe")
    with pytest.raises(ValueError, match="not those that the config gives"):
        build(tiny_maps, metainfo=dict(classes=["boat"]))
    with pytest.raises(ValueError, match=r"path='.*maps.bin' must end in .npz"):
        write(tmp_path / "maps.bin", np.eye(3))
    file = write(tmp_path / "maps.npz", np.eye(3))
    np.save(file.maps_path, np.zeros((1, 2, 2, 1, 1), np.float16))
    with pytest.raises(ValueError, match="no maps"):
        FeatureMaps.load(file.path)
    file.maps_path.unlink()
    with pytest.raises(FileNotFoundError, match="are missing beside"):
        FeatureMaps.load(file.path)
