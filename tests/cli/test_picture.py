"""Actions on scores and labels; tests/apis/test_run.py runs those that need a model."""

from pathlib import Path

import pytest
import torch

from mmsrdl.cli import main
from mmsrdl.cli.picture import ACTIONS, compare
from mmsrdl.evaluation import ScoresFile, Thresholds
from tests.conftest import write_photos


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photographs, their labels, scores and thresholds."""
    monkeypatch.chdir(tmp_path)
    write_photos(tmp_path, ["1.jpg", "2.jpg"])
    (tmp_path / "labels.csv").write_text("path,labels\n1.jpg,dog;cat\n2.jpg,dog\n")
    scores = torch.tensor([[0.9, 0.8], [0.2, 0.7]])
    targets = torch.tensor([[1, 1], [1, 0]], dtype=torch.int8)
    file = ScoresFile(("dog", "cat"), scores, targets, torch.arange(2), ("1.jpg", "2.jpg"))
    file.save(tmp_path / "scores.npz")
    Thresholds(("cat", "dog"), (0.75, 0.1)).save(tmp_path / "thresholds.json")
    return tmp_path


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help_with_examples(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["picture", action, "--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: mmsrdl picture {action}" in text
    assert text.count(f"  mmsrdl picture {action} ") >= 2


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["ap", "scores.npz", "scores.npz", "--names", "a", "b"], "ap.png"),
        (["curves", "scores.npz", "--classes", "cat", "--out", "x/c.png"], "x/c.png"),
        (["curves", "scores.npz", "--thresholds", "thresholds.json"], "curves.png"),
        (["reliability", "scores.npz"], "reliability.png"),
        (["reliability", "scores.npz", "--thresholds", "thresholds.json"], "reliability.png"),
        (["graph", "1.jpg", "--ann", "labels.csv"], "graph.png"),
        (["graph", "2.jpg", "--ann", "labels.csv", "--labels", "cat", "dog"], "graph.png"),
    ],
)
def test_pictures_are_written_and_named(
    arguments: list[str], written: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["picture", *arguments]) == 0
    assert capsys.readouterr().out == f"{written}\n"
    assert (folder / written).read_bytes().startswith(b"\x89PNG")


def test_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["scores.npz", "--thresholds", "thresholds.json", "--title", "Mine"]
    assert main(["picture", "report", *arguments]) == 0
    assert capsys.readouterr().out == "report/index.html\n"
    page = (folder / "report" / "index.html").read_text()
    assert "<h1>Mine</h1>" in page
    assert "0 of 2 images have a wrong entry" in page  # with the thresholds of the file
    assert main(["picture", "report", "scores.npz", "--top", "1"]) == 0
    page = (folder / "report" / "index.html").read_text()
    assert "1 of 2 images have a wrong entry; 1 are shown" in page
    assert 'src="thumbnails/000001.jpg"' in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ap", "none.npz"], "ap: error: scores='none.npz' does not exist"),
        (["ap", "scores.npz", "--names", "a", "b"], "ap: error: --names has 2 names for 1 files"),
        (["curves", "scores.npz", "--out", "c"], "curves: error: out_file='c' must end with"),
        (["curves", "scores.npz", "--classes", "ox"], "curves: error: chosen holds 'ox', unknown"),
        (["graph", "9.jpg", "--ann", "labels.csv"], "graph: error: 'labels.csv' has no labels of"),
        (["graph", "9.jpg", "--ann", "labels.csv", "--labels", "cat"], "image='9.jpg' does not"),
        (["report", "scores.npz", "--top", "-1"], "report: error: top=-1 must be at least 0"),
        (["attention", "nothing.py", "a.pth", "1.jpg"], "attention: error: config='nothing.py'"),
    ],
)
def test_mistakes_end_without_a_traceback(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["picture", *arguments])
    assert end.value.code == 2
    error = capsys.readouterr().err.splitlines()
    assert "mmsrdl picture " in error[-1]
    assert message in error[-1]


def test_unknown_action(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["picture", "selfie"])
    assert end.value.code == 2
    assert "invalid choice: 'selfie'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (("/long/way/car.py", "1.pth", "/long/way/srdl.py", "1.pth"), ("car", "srdl")),
        (("a/car.py", "1.pth", "b/car.py", "2.pth"), ("a/car.py", "b/car.py")),
        (("car.py", "w/epoch_1.pth", "car.py", "w/epoch_2.pth"), ("epoch_1", "epoch_2")),
        (("car.py", "a/best.pth", "car.py", "b/best.pth"), ("a/best.pth", "b/best.pth")),
        (("car.py", "1.pth", "car.py", "1.pth"), ("car.py", "car.py")),
    ],
)
def test_compared_models_are_called_by_what_differs(
    models: tuple[str, ...], names: tuple[str, str]
) -> None:
    args = compare.make_parser("compare").parse_args([*models, "photo.jpg"])
    assert compare.default_names(args) == names
