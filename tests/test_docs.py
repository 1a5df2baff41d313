"""What the documents show, run."""

import importlib
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmsrdl.apis import get_model, load_config, train
from mmsrdl.cli import COMMANDS
from tests.conftest import write_photos

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCKS = [
    pytest.param(language, block, id=f"{page.name}-{number}")
    for page in PAGES
    for number, (language, block) in enumerate(
        re.findall(r"```(python|bash)\n(.*?)```", page.read_text(), re.S)
    )
]


def is_config(block: str) -> bool:
    return "_base_" in block or "\nmodel = dict(" in f"\n{block}"


@pytest.mark.parametrize(("language", "block"), [b for b in BLOCKS if b.values[0] == "python"])
def test_python_runs(
    language: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configs are read with all that they inherit, other code is run, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    if is_config(block):
        (tmp_path / "config.py").write_text(block.replace("mmsrdl::", f"{ROOT}/configs/"))
        assert load_config("config.py").to_dict()
        return
    for name in re.findall(r'get_model\("(\w+)", checkpoint="best.pth"', block):
        model = get_model(name)
        meta = {"dataset_meta": {"classes": model.head.embedder.classes}}
        torch.save({"state_dict": model.state_dict(), "meta": meta}, "best.pth")
    exec(block, {"__name__": "docs"})


@pytest.mark.parametrize(("language", "block"), [b for b in BLOCKS if b.values[0] == "bash"])
def test_commands_are_understood(language: str, block: str) -> None:
    """Every command of mmsrdl's in the documents has options that there are."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "..." in words or not words:
            continue
        if words[:2] == ["python", "tools/train.py"] or words[:2] == ["python", "tools/test.py"]:
            words = ["mmsrdl", words[1][6:-3], *words[2:]]
        if "torchrun" in words:
            words = words[words.index("-m") + 1 :]
        if words[0] == "mmsrdl" and words[1] in COMMANDS:
            module = importlib.import_module(f"mmsrdl.cli.{words[1]}")
            module.make_parser(f"mmsrdl {words[1]}").parse_args(words[2:])


def test_pages_build_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="needs the extra [docs]")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    result = subprocess.run(
        [*command, str(ROOT / "docs"), str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    for page in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / f"{page.stem}.html").exists()


def test_config_for_own_data(tmp_path: Path) -> None:
    """docs/data.md's config trains and validates, but for the size of network and images."""
    (block,) = re.findall(
        r"```python\n(# own.py\n.*?)```", (ROOT / "docs/data.md").read_text(), re.S
    )
    (tmp_path / "own.py").write_text(block.replace("mmsrdl::", f"{ROOT}/configs/"))
    write_photos(tmp_path / "images", ["a.jpg", "b.jpg"])
    data = [{"img_path": "a.jpg", "gt_label": [0, 3]}, {"img_path": "b.jpg", "gt_label": [1, 2]}]
    content = {"metainfo": {"classes": ["boat", "car", "dog", "tree"]}, "data_list": data}
    for split in ("train", "val"):
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    small = {
        "model.backbone.depth": 18, "model.backbone.init_cfg": None,
        "model.head.in_channels": 512, "train_cfg.max_epochs": 1, "log_level": "ERROR",
    }  # fmt: skip
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        small |= {f"{loader}.num_workers": 0, f"{loader}.persistent_workers": False}
    for loader, resize in (("train_dataloader", 3), ("val_dataloader", 1), ("test_dataloader", 1)):
        small[f"{loader}.dataset.pipeline.{resize}.scale"] = (64, 64)
    cfg = load_config(
        str(tmp_path / "own.py"), work_dir=str(tmp_path / "work"), data_root=str(tmp_path),
        cfg_options=small,
    )  # fmt: skip
    train(cfg)
    assert (tmp_path / "work" / "epoch_1.pth").exists()
    assert list((tmp_path / "work").glob("best_mlr_mAP_*.pth"))
