"""Files of backbone weights under every key style, made here."""

import pickle
from pathlib import Path

import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from mmsrdl.models.weights import backbone_init_cfg, read_checkpoint, read_state_dict

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


def test_missing_file() -> None:
    with pytest.raises(FileNotFoundError, match=r"'nowhere.pth' does not exist"):
        read_state_dict("nowhere.pth")


class Payload:
    """Would write a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_code_in_a_checkpoint_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    torch.save({"state_dict": {}, "meta": Payload(mark)}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match="cannot be read as plain tensors"):
        read_checkpoint(tmp_path / "bad.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Payload(mark)))
    with pytest.raises(ValueError, match="cannot be read as plain tensors"):
        read_state_dict(tmp_path / "raw.pth")
    assert not mark.exists()


def test_no_state_dict(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match="holds no state dict"):
        read_state_dict(tmp_path / "list.pth")


def test_log_histories_of_mmengine_are_understood(tmp_path: Path) -> None:
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save({"state_dict": {"a": torch.ones(1)}, "history": history}, tmp_path / "a.pth")
    assert_close(read_checkpoint(tmp_path / "a.pth")["history"].mean(), history.mean())


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
