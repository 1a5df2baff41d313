"""Files of backbone weights under every key style, made here."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmsrdl.models.weights import backbone_init_cfg

RESNET = dict(type="mmpretrain.ResNet", depth=18, base_channels=4, stem_channels=4)


def resnet(init_cfg: dict | None = None) -> torch.nn.Module:
    return MODELS.build({**RESNET, "init_cfg": init_cfg})


@pytest.mark.parametrize("style", ["plain", "module.", "backbone.", "module.backbone.", "wrapped"])
def test_key_styles(style: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = resnet()
    source.init_weights()
    state = source.state_dict()
    if style not in ("plain", "wrapped"):
        state = {style + key: value for key, value in state.items()}
    state["head.fc.weight" if "backbone" in style else "fc.weight"] = torch.zeros(2, 3)
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": state, "meta": {}} if style == "wrapped" else state, path)
    target = resnet(backbone_init_cfg(path, RESNET))
    target.init_weights()
    for name, value in source.state_dict().items():
        assert_close(target.state_dict()[name], value)


def test_timm_names(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    config = dict(type="mmpretrain.TIMMBackbone", model_name="test_efficientnet")
    source = timm.create_model("test_efficientnet")
    torch.save(source.state_dict(), tmp_path / "timm.pth")
    target = MODELS.build({**config, "init_cfg": backbone_init_cfg(tmp_path / "timm.pth", config)})
    target.init_weights()
    assert_close(target.timm_model.conv_stem.weight, source.conv_stem.weight)


def test_incomplete_or_other_architecture(tmp_path: Path) -> None:
    state = resnet().state_dict()
    state.pop("layer2.0.conv1.weight")
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=r"Missing: 1 of .*layer2.0.conv1.weight.*architecture"):
        backbone_init_cfg(tmp_path / "a.pth", RESNET)
    state = {**resnet().state_dict(), "layer1.0.conv1.weight": torch.zeros(1)}
    torch.save(state, tmp_path / "b.pth")
    with pytest.raises(ValueError, match=r"another shape: 1 \['layer1.0.conv1.weight \[1\] for"):
        backbone_init_cfg(tmp_path / "b.pth", RESNET)


def test_genuine_lite0(photographs: Path) -> None:
    pytest.importorskip("timm")
    path = photographs / "weights" / "tf_efficientnet_lite0-57934424.pth"
    config = dict(type="TIMMBackbone", model_name="tf_efficientnet_lite0")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        backbone = MODELS.build({**config, "init_cfg": backbone_init_cfg(path, config)})
    backbone.init_weights()
    stem = torch.load(path, weights_only=True)["conv_stem.weight"]
    assert_close(backbone.timm_model.conv_stem.weight.data, stem)


def test_another_layout_is_refused_and_not_half_loaded(tmp_path: Path) -> None:
    torch.save({"model": resnet().state_dict()}, tmp_path / "model.pth")
    with pytest.raises(ValueError, match=r"holds no state dict .* such as 'model', save it"):
        backbone_init_cfg(tmp_path / "model.pth", RESNET)
