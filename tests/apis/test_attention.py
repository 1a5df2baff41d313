from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, default_collate
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS, TRANSFORMS
from torch.testing import assert_close

from mmsrdl.apis import attend_images, load_model


def make_config(**head: object) -> Config:
    pipeline = [
        dict(type="LoadImageFromFile"),
        dict(type="Resize", scale=(64, 64)),
        dict(type="PackInputs"),
    ]
    return Config(
        dict(
            default_scope="mmpretrain",
            data_preprocessor=dict(mean=[127.0] * 3, std=[64.0] * 3, to_rgb=True),
            model=dict(
                type="ImageClassifier",
                backbone=dict(type="ResNet", depth=18),
                head={
                    "type": "mmsrdl.CARHead",
                    "num_classes": 3,
                    "in_channels": 512,
                    "embedder": dict(type="mmsrdl.GCNLabelEmbedder", classes=["a", "b", "c"]),
                    **head,
                },
            ),
            test_dataloader=dict(dataset=dict(pipeline=pipeline)),
        )
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(make_config().model)
    torch.save({"state_dict": model.state_dict(), "meta": {}}, tmp_path / "a.pth")
    return str(tmp_path / "a.pth")


def test_scores_are_those_of_predict(checkpoint: str, tiny_voc: Path) -> None:
    cfg = make_config()
    model, classes = load_model(cfg, checkpoint)
    assert classes == ["a", "b", "c"]
    assert not model.training
    paths = [str(tiny_voc / "JPEGImages" / f"00000{i}.jpg") for i in (1, 2)]
    results = attend_images(model, cfg, paths)
    assert [result.path for result in results] == paths
    for result in results:
        assert result.scores.shape == (3,)
        assert result.spatial.shape == (3, 2, 2)
        assert 0 <= result.spatial.min() <= result.spatial.max() <= 1
    assert not torch.equal(results[0].scores, results[1].scores)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        steps = [TRANSFORMS.build(step) for step in cfg.test_dataloader.dataset.pipeline]
    for result in results:
        batch = default_collate([Compose(steps)({"img_path": result.path})])
        with torch.no_grad():
            assert_close(model.test_step(batch)[0].pred_score, result.scores)


def test_head_without_maps_and_missing_images(checkpoint: str) -> None:
    cfg = make_config()
    model, _ = load_model(cfg, checkpoint)
    with pytest.raises(FileNotFoundError, match=r"1 images do not exist: nowhere.jpg"):
        attend_images(model, cfg, ["nowhere.jpg"])
    broken = Path(checkpoint).with_name("broken.jpg")
    broken.write_bytes(b"no image")
    with pytest.raises(RuntimeError, match=rf"image '{broken}' cannot be prepared: .*leave it out"):
        attend_images(model, cfg, [str(broken)])
    model.head.attention.has_maps = False
    with pytest.raises(TypeError, match="CARHead has no spatial attention of classes"):
        attend_images(model, cfg, [])
