"""`make demo`'s tool, on a few scenes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run_demo(tmp_path: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "tools/demo.py"), "--work-dir", str(tmp_path / "demo")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return subprocess.run(
        [*command, *options], env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.slow
def test_demo_trains_reports_and_draws(tmp_path: Path) -> None:
    result = run_demo(tmp_path, "--train", "64", "--val", "60")
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    for word in ("srdl", "gmp", "AP small", "AP occluded", "written:"):
        assert word in result.stdout
    figures = sorted((tmp_path / "demo" / "attention_maps").glob("*.png"))
    assert len(figures) == 6
    for path in figures:
        assert path.name in result.stdout
    assert (tmp_path / "demo" / "srdl_demo" / "epoch_8.pth").is_file()


@pytest.mark.slow
def test_demo_says_why_it_failed(tmp_path: Path) -> None:
    # A file where a training's folder should be.
    folder = tmp_path / "demo" / "srdl_demo"
    folder.mkdir(parents=True)
    (folder / "scores.npz").mkdir()
    result = run_demo(tmp_path, "--train", "8", "--val", "40")
    assert result.returncode == 1
    assert "srdl failed; the end of" in result.stdout
