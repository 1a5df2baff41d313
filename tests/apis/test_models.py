import subprocess
import sys
from pathlib import Path

import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from mmpretrain.apis.model import ModelHub
from torch.testing import assert_close

import mmsrdl
from mmsrdl.apis import get_model, list_models, register_models

LITE = "srdl_lite0_voc07"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that loads weights from a file or the network."""

    def refuse(filename: str, *args: object, **options: object) -> None:
        raise AssertionError(f"loads {filename}")

    monkeypatch.setattr(CheckpointLoader, "load_checkpoint", refuse)


def test_list_models() -> None:
    names = list_models()
    assert names == sorted(set(names))
    assert len(names) > 20
    assert list_models("srdl_r101_coco") == ["srdl_r101_coco", "srdl_r101_coco_layer4"]
    assert list_models("*voc07_oe") == ["csra_r101_voc07_oe"]
    assert list_models("resnet50") == []


def test_mmpretrain_knows_our_models() -> None:
    register_models()  # once more
    assert mmpretrain.list_models("srdl*") == list_models("srdl*")
    assert len(mmpretrain.list_models()) > len(list_models()) + 100
    assert ModelHub.get("srdl_r101_coco").config.model.head.type == "mmsrdl.CARHead"
    model = mmpretrain.get_model(LITE, backbone=dict(init_cfg=None))
    assert type(model.head).__module__ == "mmsrdl.models.heads.car_head"


def test_reachable_from_the_package() -> None:
    assert mmsrdl.list_models is list_models
    assert mmsrdl.get_model is get_model
    with pytest.raises(AttributeError, match="no attribute 'get_modle'"):
        mmsrdl.get_modle  # noqa: B018


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", [LITE, "csra_r101_voc07_oe", "srdl_swin_t_coco"])
def test_initialised_without_downloads(name: str) -> None:
    model = get_model(name)
    assert not model.training
    assert not [name for name, value in model.state_dict().items() if value.isnan().any()]
    side = 448 if "swin" in name else 64
    with torch.no_grad():
        scores = model(torch.rand(1, 3, side, side), mode="tensor")
    assert scores.isfinite().all()


def test_label_vectors(word_vectors: str) -> None:
    embedder = get_model(LITE).head.embedder
    assert embedder.vectors.requires_grad
    embedder = get_model(LITE, word_vectors=word_vectors).head.embedder
    assert not embedder.vectors.requires_grad
    with np.load(word_vectors) as file:
        row = file["vectors"][list(file["names"]).index("aeroplane")]
    assert_close(embedder.vectors[0], torch.from_numpy(row))
    with pytest.raises(ValueError, match="the config's head has no embedder"):
        get_model("gmp_lite0_voc07", word_vectors=word_vectors)


def test_checkpoint_fills_the_model(tmp_path: Path, word_vectors: str) -> None:
    state = get_model(LITE).state_dict()
    checkpoint = str(tmp_path / "a.pth")
    torch.save({"state_dict": state, "meta": {}}, checkpoint)
    model = get_model(LITE, checkpoint)
    assert not model.training
    assert_close(dict(model.state_dict()), dict(state))
    for options in (dict(word_vectors=word_vectors), dict(weights=True)):
        with pytest.raises(ValueError, match=r"fills the whole model: leave out"):
            get_model(LITE, checkpoint, **options)
    with pytest.raises(ValueError, match=r"not of the config's model"):
        get_model("gmp_lite0_voc07", checkpoint)


def test_backbone_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = get_model("gmp_lite0_voc07").backbone.state_dict()
    torch.save(state, tmp_path / "lite0.pth")
    model = get_model(LITE, weights=str(tmp_path / "lite0.pth"))
    assert_close(dict(model.backbone.state_dict()), dict(state))

    asked = []

    def load(filename: str, *args: object, **options: object) -> dict:
        asked.append(filename)
        return state

    monkeypatch.setattr(CheckpointLoader, "load_checkpoint", load)
    model = get_model(LITE, weights=True)
    assert set(asked) == {"timm://tf_efficientnet_lite0"}
    assert_close(dict(model.backbone.state_dict()), dict(state))


def test_unknown_name() -> None:
    with pytest.raises(FileNotFoundError, match=r"'srdl_lite0' does not exist: .*nearest: srdl_"):
        get_model("srdl_lite0")


def test_nothing_is_printed() -> None:
    code = f"import mmsrdl; mmsrdl.get_model({LITE!r}); print('END')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("END\n")
    assert "init_weights" not in done.stdout + done.stderr
