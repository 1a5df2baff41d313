"""``mmsrdl doctor`` as a user calls it, where nothing else of mmsrdl answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmsrdl._stack import is_doctor
from mmsrdl.cli import main
from tests.apis.tiny_model import make_config

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs Python with this mmsrdl, and a folder before all installed packages."""
    folders = [str(ROOT)] if path is None else [str(path), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=300
    )


def test_this_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["system"]["executable"] == sys.executable
    assert content["operators"]["cpu"].startswith("cpu")
    assert content["stack"]["kind"] in ("OneDL", "official OpenMMLab")
    assert not [each for each in content["findings"] if each["level"] == "breakage"]
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "nothing is known to be broken"
    for section in ("mmsrdl", "system", "packages", "stack", "torch", "operators"):
        assert f"{section}\n  " in out
    assert f"torch {content['packages']['torch']}" in " ".join(out.split())


def test_broken_stack(tmp_path: Path) -> None:
    """The guard stops all else, and the doctor still answers, by both of its names."""
    for name in ("mmengine", "onedl-mmengine"):
        folder = tmp_path / f"{name.replace('-', '_')}-0.10.7.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.10.7\n")
    for module, code in (
        ("torch", ""),
        ("cv2", 'raise ImportError("libGL.so.1: cannot open shared object file")'),
        ("torchvision", 'raise RuntimeError("operator torchvision::nms does not exist")'),
    ):
        (tmp_path / f"{module}.py").write_text(f"print('noise')\n{code}\n")
    assert "overwrite each other's files" in run("-c", "import mmsrdl", path=tmp_path).stderr
    script = tmp_path / "bin" / "mmsrdl"
    script.parent.mkdir()
    script.write_text("import sys\nfrom mmsrdl.cli import main\nsys.exit(main())\n")
    for command in (["-m", "mmsrdl"], [str(script)]):
        result = run(*command, "doctor", "srdl_r101_voc07", path=tmp_path)
        assert result.returncode == 1, result.stderr
        for text in (
            "breakage: mmsrdl found distributions that overwrite", "\n    pip uninstall -y ",
            "breakage: OpenCV misses a library of the system: ImportError: libGL.so.1",
            "is not built for torch", "note: 'srdl_r101_voc07' was not looked at",
        ):  # fmt: skip
            assert text in result.stdout
        assert "noise" not in result.stdout
        refused = run(*command, "train", "--help", path=tmp_path)
        assert "overwrite each other's files" in refused.stderr


def test_nothing_installed() -> None:
    """Without any package the doctor runs on Python alone."""
    result = run("-S", "-m", "mmsrdl", "--debug", "doctor", "--json")
    assert result.returncode == 1, result.stderr
    content = json.loads(result.stdout)
    assert content["stack"] == {"kind": "none"}
    whats = [each["what"] for each in content["findings"]]
    assert "mmsrdl needs mmengine, mmcv, mmpretrain, not installed here" in whats


def test_files_of_a_config(
    tiny_voc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cfg = make_config("car", tiny_voc, tmp_path)
    cfg.model.backbone.init_cfg = dict(type="Pretrained", checkpoint="torchvision://resnet18")
    cfg.test_dataloader.dataset.data_prefix = dict(img_path="JPEGImages", ann_path="Labels")
    cfg.dump(tmp_path / "config.py")
    assert main(["doctor", str(tmp_path / "config.py")]) == 1
    out = capsys.readouterr().out
    assert f"  {tiny_voc}  " in out
    assert "exists (test_dataloader.dataset.data_root)" in out
    assert "torchvision://resnet18" in out
    assert out.count("breakage: ") == 1
    assert f"ann_path of the config does not exist: '{tiny_voc}/Labels'" in out
    cfg.test_dataloader.dataset.pop("data_prefix")
    cfg.model.head.embedder.word_vectors = "nowhere.txt"
    cfg.dump(tmp_path / "config.py")
    assert main(["doctor", str(tmp_path / "config.py"), "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["config"]["nowhere.txt"] == "missing (model.head.embedder.word_vectors)"
    (missing,) = [each for each in content["findings"] if each["level"] == "breakage"]
    assert "--word-vectors FILE" in missing["mend"]
    cfg.model.head.embedder.word_vectors = None
    cfg.test_dataloader.dataset = dict(
        type="mmsrdl.ObservedDataset", file="known.npz", dataset=cfg.test_dataloader.dataset
    )
    cfg.model.head.loss = dict(type="mmsrdl.VLPLLoss", scores="nowhere.npz")
    cfg.dump(tmp_path / "config.py")
    assert main(["doctor", str(tmp_path / "config.py")]) == 1
    out = capsys.readouterr().out
    for place in ("model.head.loss.scores", "test_dataloader.dataset.file"):
        assert f"give its place with --cfg-options {place}=FILE" in out
    with pytest.raises(SystemExit) as end:
        main(["doctor", "srdl_r101_vox"])
    assert end.value.code == 2


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["python", "-m", "mmsrdl", "doctor"], True),
        (["/usr/bin/python3", "/venv/bin/mmsrdl", "--debug", "doctor", "--json"], True),
        (["python", "-m", "mmsrdl", "train", "doctor"], False),
        (["python", "-m", "other", "doctor"], False),
        (["python", "-c", "import mmsrdl"], False),
    ],
)
def test_only_the_doctor_passes_the_guard(command: list[str], expected: bool) -> None:
    assert is_doctor(command) is expected


def test_json_on_a_config_is_all_that_is_on_stdout() -> None:
    """In a process of its own: MMPretrain speaks when it is imported first."""
    result = run("-m", "mmsrdl", "doctor", "--json", str(ROOT / "configs/srdl_r101_voc07.py"))
    assert "config" in json.loads(result.stdout)
