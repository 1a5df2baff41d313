from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from experiments.frozen.cache import cache_maps
from mmsrdl.apis import load_config
from mmsrdl.datasets import load_cooccurrence

CONFIG = Path(__file__).resolve().parents[3] / "configs" / "demo" / "gmp_demo.py"


@pytest.fixture
def cfg(tmp_path: Path, seven: Path) -> Config:
    """A narrow network with weights of its own on seven images."""
    from mmsrdl.apis import get_model

    weights = tmp_path / "weights.pth"
    torch.manual_seed(0)
    torch.save(get_model(str(CONFIG)).backbone.state_dict(), weights)
    cfg = load_config(str(CONFIG), weights=str(weights))
    for part in ("train", "val", "test"):
        loader = cfg[f"{part}_dataloader"]
        loader.dataset = dict(
            type="mmsrdl.MultiLabelDataset",
            ann_file="ann.json",
            data_root=str(seven),
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(type="mmsrdl.MultiScaleCrop", sizes=(64, 48))
                if part == "train"
                else dict(type="Resize", scale=(64, 64)),
                dict(type="Resize", scale=(64, 64)),
                dict(type="PackInputs"),
            ],
        )
    return cfg


def test_maps_are_the_backbones(cfg: Config, tmp_path: Path) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import DATASETS, MODELS

    train, val = cache_maps(cfg, tmp_path / "maps", views=3, batch_size=3)
    assert train.maps().shape == (3, 7, 64, 8, 8)
    assert val.maps().shape == (1, 7, 64, 8, 8)
    assert train.images == tuple(f"{i}.jpg" for i in range(7))
    np.testing.assert_array_equal(train.maps()[0], val.maps()[0])
    assert not np.array_equal(train.maps()[1], train.maps()[2])
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        dataset = DATASETS.build(cfg.val_dataloader.dataset)
        model = MODELS.build({"data_preprocessor": cfg.data_preprocessor, **cfg.model})
    model.init_weights()
    sample = dataset[5]
    batch = {"inputs": sample["inputs"][None], "data_samples": [sample["data_samples"]]}
    inputs = model.data_preprocessor(batch)["inputs"]
    with torch.no_grad():
        wanted = model.eval().extract_feat(inputs, stage="backbone")[-1][0]
    found = torch.from_numpy(val.maps()[0, 5].astype(np.float32))
    torch.testing.assert_close(found, wanted, rtol=2e-3, atol=2e-3)
    counts = load_cooccurrence(tmp_path / "maps" / "cooccurrence.npz", train.classes)
    assert counts.positive.tolist() == (train.labels.T.astype(int) @ train.labels).tolist()


def test_a_second_call_keeps_what_is_the_same_and_refuses_else(
    cfg: Config, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "maps"
    first = cache_maps(cfg, out, views=2)
    times = [file.maps_path.stat().st_mtime_ns for file in first]
    second = cache_maps(cfg, out, views=2)
    assert [file.maps_path.stat().st_mtime_ns for file in second] == times
    assert [file.fingerprint for file in second] == [file.fingerprint for file in first]
    assert capsys.readouterr().out.count("is there") == 2
    with pytest.raises(FileExistsError, match="differ in seed"):
        cache_maps(cfg, out, views=2, seed=1)


def test_random_weights_are_refused(cfg: Config, tmp_path: Path) -> None:
    cfg.model.backbone.init_cfg = None
    with pytest.raises(ValueError, match="give them with --weights"):
        cache_maps(cfg, tmp_path / "maps")
