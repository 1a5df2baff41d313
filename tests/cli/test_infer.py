import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmsrdl.apis import MultiLabelInferencer
from mmsrdl.cli import main
from mmsrdl.evaluation.thresholds import Thresholds
from tests.apis.tiny_model import make_config, write_checkpoint


@pytest.fixture(scope="module")
def model(tiny_voc: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Config and checkpoint of a small CAR model."""
    folder = tmp_path_factory.mktemp("model")
    cfg = make_config("car", tiny_voc, folder)
    cfg.dump(folder / "config.py")
    text = (folder / "config.py").read_text()
    (folder / "config.py").write_text(f"{text}\nprint('noise')\n")
    return [str(folder / "config.py"), write_checkpoint(cfg, folder / "a.pth")]


@pytest.fixture
def photos(tiny_voc: Path) -> str:
    return str(tiny_voc / "JPEGImages")


ROOT = Path(__file__).resolve().parents[2]


def infer(*arguments: str) -> int:
    return main(["infer", *arguments, "--device", "cpu", "--num-workers", "0"])


def test_table(model: list[str], photos: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert infer(*model, photos, "--topk", "2", "--thr", "0.6") == 0
    out, err = capsys.readouterr()
    assert not [line for line in err.splitlines() if "images" in line]
    lines = [line.split() for line in out.splitlines() if ".jpg" in line]
    assert len(lines) == 4
    found = MultiLabelInferencer(*model, "cpu", 0.6)(photos, topk=2)
    for line, expected in zip(lines, found, strict=True):
        assert line[0] == expected.path
        text = " ".join(line[1:])
        named = [f"{label.name} {label.score:.2f}" for label in expected.labels]
        assert text == f"{', '.join(named)} {', '.join(f'{n} {s:.2f}' for n, s in expected.topk)}"


def test_json_lines(model: list[str], photos: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert infer(*model, photos + "/*.jpg", "--json", "--classes", "dog", "cat") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = MultiLabelInferencer(*model, "cpu")(photos, classes=["dog", "cat"])
    for line, each in zip(found, expected, strict=True):
        assert line["scores"] == pytest.approx(each.to_dict()["scores"], abs=1e-5)
        assert [label["name"] for label in line["labels"]] == [name for name, _ in each.labels]
    assert list(found[0]["scores"]) == ["dog", "cat"]


def test_files_and_thresholds(
    model: list[str], photos: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = MultiLabelInferencer(*model, "cpu").classes
    Thresholds(classes, (0.0,) + (1.0,) * 19).save(tmp_path / "thresholds.json")
    options = ["--thresholds", str(tmp_path / "thresholds.json")]
    out = tmp_path / "new" / "results.csv"
    assert infer(*model, photos, *options, "--out", str(out), "--maps", str(tmp_path / "m")) == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["labels"] for row in rows] == ["aeroplane"] * 4
    pictures = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert pictures == [f"00000{number}.png" for number in range(1, 5)]
    assert (tmp_path / "m" / pictures[0]).read_bytes().startswith(b"\x89PNG")
    assert "aeroplane" in capsys.readouterr().out


def test_broken_images(
    model: list[str], photos: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    out = tmp_path / "results.jsonl"
    given = [*model, photos, str(broken), "nowhere.jpg", "--out", str(out)]
    assert infer(*given, "--skip-broken", "--maps", str(tmp_path / "m")) == 1
    text, error = capsys.readouterr()
    assert text.count(".jpg") == 4
    assert f"skipped {broken}: ValueError: failed to load image" in error
    assert "skipped nowhere.jpg: FileNotFoundError: " in error
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [set(line) for line in lines[4:]] == [{"path", "error"}] * 2
    with pytest.raises(SystemExit) as end:
        infer(*model, str(broken))
    assert end.value.code == 2
    assert "--skip-broken" in capsys.readouterr().err.splitlines()[-1]


def test_mistakes(model: list[str], photos: str, capsys: pytest.CaptureFixture[str]) -> None:
    for options, message in (
        (["nowhere.jpg"], "1 images do not exist: nowhere.jpg"),
        ([photos, "--classes", "dgo"], "did you mean 'dog'?"),
        ([photos, "--out", "a.txt"], "must end with .jsonl or .csv"),
        ([photos, "--thresholds", "nowhere.json"], "does not exist; write it with `mmsrdl"),
        ([photos, "--thr", "2"], "2"),
        ([photos, "--thr", "0.5", "--thresholds", "a.json"], "not allowed with argument --thr"),
    ):
        with pytest.raises(SystemExit) as end:
            infer(*model, *options)
        assert end.value.code == 2
        assert message in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow  # a process of its own
def test_programs_read_nothing_but_json(model: list[str], photos: str) -> None:
    command = [sys.executable, "-m", "mmsrdl", "infer", *model, photos, "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "noise" in result.stderr
    assert [list(json.loads(line)) for line in result.stdout.splitlines()] == [
        ["path", "labels", "scores"]
    ] * 4
