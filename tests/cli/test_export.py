import json
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from mmsrdl.cli import main
from mmsrdl.evaluation.thresholds import Thresholds
from tests.apis.test_export import CLASSES, car, make_config

pytest.importorskip("onnxruntime", reason="the extra export is not installed")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A config and its checkpoint."""
    cfg = make_config(car(), size=32)
    cfg.dump(str(tmp_path / "small.py"))
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        state = MODELS.build(cfg.model).state_dict()
    torch.save({"state_dict": state, "meta": {}}, tmp_path / "small.pth")
    return [str(tmp_path / "small.py"), str(tmp_path / "small.pth")]


def test_report(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thresholds, out = str(tmp_path / "thr.json"), str(tmp_path / "model.onnx")
    Thresholds(tuple(CLASSES), (0.5,) * 3).save(thresholds)
    assert main(["export", *files, "--out", out, "--thresholds", thresholds]) == 0
    text = capsys.readouterr().out
    for line in (
        "input   images: uint8 [N, 3, H, W]",
        "output  scores: float [N, 3]",
        "output  predictions: bool [N, 3]",
        "resize  to 32 x 32, Pillow's bicubic filter",
        "on images 1x3x32x32, 3x3x32x32, 1x3x64x32, 3x3x64x32",
    ):
        assert line in text


def test_json(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "model.onnx")
    options = ["--logits", "--size", "48", "--static", "--no-verify", "--opset", "18", "--json"]
    assert main(["export", *files, "--out", out, *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["file"] == out
    assert report["opset"] == 18
    assert report["inputs"] == {"images": "uint8 [N, 3, 48, 48]"}
    assert report["outputs"] == {"logits": "float [N, 3]"}
    assert report["error"] is None
    assert report["metadata"]["classes"] == CLASSES


def test_mistakes(files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, message in (
        (["--thresholds", "nowhere.json"], "thresholds='nowhere.json' does not exist"),
        (["--opset", "9"], "opset=9 must be in 17 to 20"),
    ):
        with pytest.raises(SystemExit) as end:
            main(["export", *files, "--out", str(tmp_path / "model.onnx"), *options])
        assert end.value.code == 2
        assert message in capsys.readouterr().err
