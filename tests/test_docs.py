"""What the documents show, run."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mmsrdl.apis import get_model, load_config
from mmsrdl.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
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
    """Every command of mmsrdl's and of the studies has options that there are."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "..." in words or not words:
            continue
        if words[:2] == ["python", "tools/train.py"] or words[:2] == ["python", "tools/test.py"]:
            words = ["mmsrdl", words[1][6:-3], *words[2:]]
        if "torchrun" in words:
            words = words[words.index("-m") + 1 :]
        if words[:2] == ["python", "-m"] and words[2].startswith("experiments."):
            module = importlib.import_module(f"{words[2]}.__main__")
            module.make_parser().parse_args(words[3:])
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
