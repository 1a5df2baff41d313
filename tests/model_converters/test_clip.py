"""Published weights of CLIP: both formats give the published function, others are refused."""

import json
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.runner import load_checkpoint
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.cli import main
from mmsrdl.model_converters import convert_clip
from mmsrdl.model_converters.clip import clip_config, clip_towers
from tests.model_converters.clip_weights import (
    GRID,
    PATCH,
    as_hugging_face,
    image_tokens,
    in_half,
    make_clip,
    save_archive,
    write_config,
)
from tests.test_script_archive import add_payload

TOOLS = Path(__file__).resolve().parents[2] / "tools" / "model_converters"


def save_state_dict(state: dict[str, Tensor], path: Path) -> Path:
    torch.save(state, path)
    return path


def save_bin(state: dict[str, Tensor], path: Path) -> Path:
    write_config(path.parent)
    return save_state_dict(as_hugging_face(state), path)


def save_safetensors(state: dict[str, Tensor], path: Path) -> Path:
    library = pytest.importorskip("safetensors.torch", reason="needs the extra [openvocab]")
    library.save_file(as_hugging_face(state), path)
    return path


def save_wrapped(state: dict[str, Tensor], path: Path) -> Path:
    found = {f"module.clip.{name}": entry for name, entry in as_hugging_face(state).items()}
    return save_state_dict({"state_dict": found}, path)


FORMATS = {
    "archive": save_archive,
    "state dict": save_state_dict,
    "Hugging Face's bin": save_bin,
    "Hugging Face's safetensors": save_safetensors,
    "state dict of a model around it": save_wrapped,
}


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_give_the_same_entries(kind: str, tmp_path: Path) -> None:
    """The suffix says nothing about the format."""
    state = make_clip()
    converted = convert_clip(FORMATS[kind](state, tmp_path / "a.weights"))
    wanted = convert_clip(save_state_dict(in_half(state), tmp_path / "b.pth")).state_dict
    assert converted.state_dict.keys() == wanted.keys()
    for name, entry in converted.state_dict.items():
        assert entry.dtype == torch.float32
        assert torch.equal(entry, wanted[name]), name


def test_image_tower_computes_the_published_function(tmp_path: Path) -> None:
    """In the parts of the config that the conversion names."""
    state = make_clip()
    converted = convert_clip(save_archive(state, tmp_path / "ViT.pt"))
    converted.save(tmp_path / "clip.pth")
    config = clip_config(converted, tmp_path / "clip.pth")["backbone"]
    backbone = MODELS.build(config)
    backbone.init_weights()
    backbone.eval()
    images = torch.randn(2, 3, GRID * PATCH, GRID * PATCH)
    with torch.no_grad():
        (tokens,) = backbone(images)
        found = tokens @ converted.state_dict["neck.proj"]
    assert_close(found, image_tokens(state, images), rtol=1e-4, atol=1e-5)
    assert found.std() > 0.1


def test_every_entry_of_the_backbone_is_filled(tmp_path: Path) -> None:
    converted = convert_clip(save_archive(make_clip(), tmp_path / "ViT.pt"))
    converted.save(tmp_path / "clip.pth")
    config = clip_config(converted, tmp_path / "clip.pth")["backbone"]
    config.pop("init_cfg")
    backbone = MODELS.build(config)
    names = {name for name in converted.state_dict if name.startswith("backbone.")}
    assert {f"backbone.{name}" for name in backbone.state_dict()} == names
    load_checkpoint(
        backbone, str(tmp_path / "clip.pth"), strict=False, revise_keys=[(r"^backbone\.", "")]
    )
    for name, entry in backbone.state_dict().items():
        assert torch.equal(entry, converted.state_dict[f"backbone.{name}"]), name


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save_archive(make_clip(), tmp_path / "ViT-B-16.pt")
    target = tmp_path / "new" / "clip.pth"
    assert main(["convert", "clip", str(source), str(target)]) == 0
    said = capsys.readouterr().out
    assert f"{target}: 74 entries of OpenAI's CLIP" in said
    assert "image tower: 2 layers of 128 channels, to 24" in said
    assert "text tower: 3 layers of 64 channels, to 24" in said
    assert "'act_cfg': {'type': 'mmpretrain.QuickGELU'}" in said
    content = read_checkpoint(target)
    assert len(content["state_dict"]) == 74
    assert content["meta"]["converted_from"]["file"] == "ViT-B-16.pt"
    assert "dataset_meta" not in content["meta"]
    image, text = clip_towers(content["state_dict"])
    assert (image.heads, text.heads) == (2, 1)


def test_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = save_state_dict(make_clip(), tmp_path / "a.pt")
    target = tmp_path / "clip.pth"
    monkeypatch.setattr(sys, "argv", ["clip_to_mmsrdl.py", str(source), str(target)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOLS / "clip_to_mmsrdl.py"), run_name="__main__")
    assert end.value.code == 0
    assert "neck.proj" in read_checkpoint(target)["state_dict"]


ACTIVATION = "model.backbone.layer_cfgs.act_cfg.type"


def test_activation(tmp_path: Path) -> None:
    path = save_state_dict(as_hugging_face(make_clip()), tmp_path / "a.bin")
    assert convert_clip(path).options[ACTIVATION] == "mmpretrain.QuickGELU"
    assert convert_clip(path, "gelu").options[ACTIVATION] == "GELU"
    write_config(tmp_path, "gelu")
    assert convert_clip(path).options[ACTIVATION] == "GELU"
    with pytest.raises(ValueError, match=r"activation='quick_gelu' but the config.json beside"):
        convert_clip(path, "quick_gelu")
    with pytest.raises(ValueError, match=r"activation='relu' is unknown; use one of"):
        convert_clip(path, "relu")


def test_config_beside_the_weights(tmp_path: Path) -> None:
    path = save_state_dict(as_hugging_face(make_clip()), tmp_path / "a.bin")
    write_config(tmp_path, heads=(4, 1))
    with pytest.raises(ValueError, match=r"says 4 heads for the 128 channels of vision"):
        convert_clip(path)
    write_config(tmp_path, "silu")
    with pytest.raises(ValueError, match=r"says hidden_act=\['silu'\]"):
        convert_clip(path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(ValueError, match=r"is no config of CLIP \(KeyError: 'vision_config'\)"):
        convert_clip(path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="is no config of CLIP"):
        convert_clip(path)


def without(state: dict[str, Tensor], ending: str) -> dict[str, Tensor]:
    return {name: entry for name, entry in state.items() if not name.endswith(ending)}


def only(state: dict[str, Tensor], *beginnings: str) -> dict[str, Tensor]:
    return {name: entry for name, entry in state.items() if name.startswith(beginnings)}


BLOCK = "visual.transformer.resblocks.1."

WRONG = {
    "it has no image tower, but entries such as backbone.x": lambda s: {
        "backbone.x": torch.zeros(1)
    },
    "it has no text tower, but entries such as visual.": lambda s: only(s, "visual."),
    "but one with a ResNet; take one of ViT-*": lambda s: (
        {"visual.layer1.0.conv1.weight": torch.zeros(1)}
    ),
    "1 entries are missing, such as visual.transformer.resblocks.1.ln_2.bias": lambda s: without(
        s, "visual.transformer.resblocks.1.ln_2.bias"
    ),
    "1 entries are unexpected, such as extra.weight": lambda s: (
        s | {"extra.weight": torch.zeros(2)}
    ),
    "ln_final.bias is [3], not [64]": lambda s: s | {"ln_final.bias": torch.zeros(3)},
    "logit_scale is [1], not []": lambda s: s | {"logit_scale": torch.zeros(1)},
    "text_projection is [64, 8], not [64, 24]": lambda s: (
        s | {"text_projection": torch.zeros(64, 8)}
    ),
    "visual.proj is missing, not [D, E]": lambda s: without(s, "visual.proj"),
    "visual.conv1.weight is [4, 3], not [D, 3, p, p]": lambda s: (
        s | {"visual.conv1.weight": torch.zeros(4, 3)}
    ),
    "its image tower has 96 channels, no multiple of 64": lambda s: (
        s | {"visual.conv1.weight": torch.zeros(96, 3, 4, 4)}
    ),
    "its 10 patches are no square": lambda s: (
        s | {"visual.positional_embedding": torch.zeros(11, 128)}
    ),
    "entries are missing, such as": lambda s: (
        s | {"transformer.resblocks.99999999999.ln_1.bias": torch.zeros(64)}
    ),
    "logit_scale is torch.int64, no weights": lambda s: s | {"logit_scale": torch.tensor(4)},
    "visual.transformer.resblocks.1.attn.in_proj_bias is made of queries, keys and values of one "
    "shape, got": lambda s: without(
        as_hugging_face(s), "vision_model.encoder.layers.1.self_attn.q_proj.bias"
    ),
    "it has no text tower, but entries such as visual": lambda s: only(
        as_hugging_face(s), "vision_model.", "visual_projection."
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_other_weights(message: str, tmp_path: Path) -> None:
    path = save_state_dict(WRONG[message](make_clip()), tmp_path / "a.pt")
    expected = rf"a\.pt' holds no CLIP with a vision transformer.*{re.escape(message)}"
    with pytest.raises(ValueError, match=expected):
        convert_clip(path)


def test_weights_in_an_archive_are_checked_too(tmp_path: Path) -> None:
    path = save_archive(without(make_clip(), "ln_final.bias"), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"1 entries are missing, such as ln_final\.bias"):
        convert_clip(path)


def test_transposed_projections(tmp_path: Path) -> None:
    """A square one passes every check of shapes."""
    state = make_clip() | {
        "text_projection": torch.randn(64, 64),
        "visual.proj": torch.zeros(128, 64),
    }
    converted = convert_clip(save_bin(state, tmp_path / "a.bin"))
    assert torch.equal(converted.state_dict["text.projection"], state["text_projection"])


def test_payload_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save_archive(make_clip(), tmp_path / "a.pt")
    add_payload(path, tmp_path / "ran")
    with pytest.raises(SystemExit) as end:
        main(["convert", "clip", str(path), str(tmp_path / "out.pth")])
    assert end.value.code == 2
    assert "holds more than weights and is refused, as it could run code" in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out.pth").exists()
