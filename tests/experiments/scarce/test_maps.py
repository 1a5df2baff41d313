from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from experiments.scarce.maps import pool_maps
from mmsrdl.datasets import FeatureMaps, default_collate
from mmsrdl.models.necks import GlobalMaxPooling


def build(root: Path, **options: object) -> object:
    config = dict(type="mmsrdl.PooledMapDataset", ann_file="train.npz", data_root=str(root))
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return DATASETS.build({**config, **options})


def test_pooled_maps_give_global_max_pooling_the_same_numbers(
    tiny_maps: Path, tmp_path: Path
) -> None:
    train, val = pool_maps(tiny_maps, tmp_path / "pooled")
    assert train.maps().shape == (3, 10, 1280, 1, 1)
    assert val.maps().shape == (1, 10, 1280, 1, 1)
    pool = GlobalMaxPooling()
    whole = FeatureMaps.load(tiny_maps / "train.npz")
    for view in range(3):
        wanted, found = (
            pool((torch.from_numpy(file.maps()[view].astype(np.float32)),))[-1]
            for file in (whole, train)
        )
        assert torch.equal(found, wanted)
    np.testing.assert_array_equal(train.labels, whole.labels)
    np.testing.assert_array_equal(train.difficult, whole.difficult)
    assert train.images == whole.images


def test_a_second_call_keeps_pooled_maps_and_refuses_others(
    tiny_maps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pooled"
    first, _ = pool_maps(tiny_maps, out)
    time = first.maps_path.stat().st_mtime_ns
    assert pool_maps(tiny_maps, out)[0].fingerprint == first.fingerprint
    assert first.maps_path.stat().st_mtime_ns == time
    with pytest.raises(FileExistsError, match="other maps"):
        pool_maps(out, out.with_name("train_of_pooled")) and pool_maps(
            out.with_name("train_of_pooled"), out
        )
    with pytest.raises(ValueError, match="--out"):
        pool_maps(out, out)


def test_a_view_is_drawn_by_seed_epoch_and_image(tiny_maps: Path, tmp_path: Path) -> None:
    train, _ = pool_maps(tiny_maps, tmp_path)
    dataset = build(tmp_path)

    def shown(seed: int, epoch: int) -> torch.Tensor:
        dataset.set_epoch(epoch, seed)
        state = np.random.get_state()[1].copy()
        batch = default_collate([dataset[i] for i in range(10)])["inputs"]
        np.testing.assert_array_equal(np.random.get_state()[1], state)
        return batch

    first = shown(0, 0)
    assert torch.equal(shown(0, 0), first)
    assert not torch.equal(shown(0, 1), first)
    assert not torch.equal(shown(1, 0), first)
    views = [
        next(v for v in range(3) if np.array_equal(train.maps()[v, i], first[i].numpy()))
        for i in range(10)
    ]
    assert len(set(views)) > 1
    plain = build(tmp_path, test_mode=True)
    assert torch.equal(plain[4]["inputs"], torch.from_numpy(np.array(train.maps()[0, 4])))
