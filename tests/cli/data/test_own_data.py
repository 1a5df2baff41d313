"""The actions check, stats, vectors and init, from the command line's arguments to its answers."""

import json
from pathlib import Path

import numpy as np
import pytest

from mmsrdl.cli import main
from tests.conftest import write_photos

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of six photographs, three of them to train, and vectors of its classes."""
    write_photos(tmp_path / "photos", [f"{i}.jpg" for i in range(6)])
    (tmp_path / "train.csv").write_text("path,labels\n0.jpg,cat;dog\n1.jpg,dog\n2.jpg,cat;dog\n")
    (tmp_path / "val.csv").write_text("path,labels\n3.jpg,cat\n4.jpg,dog\n")
    vectors = np.eye(2, 3, dtype=np.float32)
    np.savez(tmp_path / "words.npz", names=["cat", "dog"], vectors=vectors)
    return tmp_path


def files(project: Path) -> list[str]:
    train, val = (str(project / f"{name}.csv") for name in ("train", "val"))
    return ["--train", train, "--val", val, "--images", str(project / "photos")]


def fails(arguments: list[str], capsys: Capture) -> str:
    """The message of a mistake, one line on stderr with exit code 2."""
    with pytest.raises(SystemExit) as end:
        main(["data", *arguments])
    assert end.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mmsrdl data {arguments[0]}: error: ")
    return line


@pytest.mark.parametrize("action", ["check", "stats", "vectors", "init"])
def test_help_has_examples(action: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", action, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.count(f"  mmsrdl data {action} ") >= 2


def test_check_of_sound_data(project: Path, capsys: Capture) -> None:
    assert main(["data", "check", *files(project)]) == 0
    out = capsys.readouterr().out
    assert out == "3 of train, 2 of val; 2 classes: 0 errors, 0 warnings, 0 notes\n"


def test_check_names_faults_and_fails(project: Path, capsys: Capture) -> None:
    rows = "".join(f"gone{i}.jpg,cat\n" for i in range(12))
    with open(project / "train.csv", "a") as file:
        file.write(rows)
    (project / "val.csv").write_text("path,labels\n3.jpg,cat\n0.jpg,bird\n")
    (project / "photos" / "3.jpg").write_bytes((project / "photos" / "3.jpg").read_bytes()[:500])
    assert main(["data", "check", *files(project)]) == 1
    out = capsys.readouterr().out
    assert f"error [missing-file] train: {project / 'train.csv'}:5: 'gone0.jpg': " in out
    assert out.count("[missing-file]") == 11  # ten, and how many more
    assert "error [missing-file] and 2 more: --all" in out
    assert f"error [truncated-image] val: {project / 'val.csv'}:2: '3.jpg'" in out
    assert "'bird' is none of the classes" in out
    assert "[image-in-two-splits]" in out
    assert main(["data", "check", *files(project), "--all"]) == 1
    assert capsys.readouterr().out.count("[missing-file]") == 12
    assert main(["data", "check", *files(project), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["errors"] == sum(f["level"] == "error" for f in report["findings"]) == 15


def test_stderr_that_is_no_terminal_has_no_empty_line(project: Path, capsys: Capture) -> None:
    main(["data", "check", *files(project)])
    assert capsys.readouterr().err == ""


def test_check_with_class_names(project: Path, capsys: Capture) -> None:
    (project / "classes.txt").write_text("cat\ndog\nkite\n")
    assert main(["data", "check", *files(project), "--classes", str(project / "classes.txt")]) == 1
    assert "no image of train shows 'kite'" in capsys.readouterr().out


def test_init_writes_what_check_and_stats_take(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    arguments = ["data", "init", *files(project), "--base", "srdl_scratch", "--epochs", "2"]
    assert main([*arguments, "--vectors", "words.npz"]) == 0
    out = capsys.readouterr().out
    assert f"label vectors: {project / 'label_vectors.npz'}, made anew" in out
    assert "my_config.py: 2 classes, images: 3 of train, 2 of val" in out
    assert "backbone: from scratch" in out
    assert "  mmsrdl data check my_config.py\n  mmsrdl train my_config.py\n" in out
    assert main([*arguments, "--out", "my config.py"]) == 0
    assert "  mmsrdl train 'my config.py'\n" in capsys.readouterr().out
    text = Path("my_config.py").read_text()
    assert 'word_vectors="{{ fileDirname }}/label_vectors.npz"' in text
    assert len(text.splitlines()) <= 25
    assert "my_config.py exists" in fails(arguments[1:], capsys)
    assert main([*arguments, "--vectors", "words.npz", "--force"]) == 0
    assert "label_vectors.npz, as before" in capsys.readouterr().out
    root = Path(__file__).resolve().parents[3] / "configs"
    Path("my_config.py").write_text(text.replace("mmsrdl::", f"{root}/"))
    assert main(["data", "check", "my_config.py"]) == 0
    assert "3 of train, 2 of val" in capsys.readouterr().out
    assert main(["data", "stats", "my_config.py", "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats["train"]["positives"] == [2, 3]
    assert stats["val"]["labels_per_image"] == [0, 2]


def test_stats_and_pictures(project: Path, capsys: Capture) -> None:
    arguments = ["data", "stats", str(project / "train.csv"), "--images", str(project / "photos")]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "all: 3 images, 2 classes" in out
    assert "labels an image: 1.67 on average, density 0.833" in out
    assert "most frequent class over rarest: 1.5" in out
    folder = project / "pictures"
    assert main([*arguments, "--out-dir", str(folder), "--image", "0.jpg"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["graph_0.png", "labels_all.png"]


def test_vectors(project: Path, capsys: Capture) -> None:
    (project / "classes.txt").write_text("dog\ncat\n")
    words, out = str(project / "words.npz"), project / "own.npz"
    arguments = ["data", "vectors", str(project / "classes.txt"), "--from", words]
    assert main([*arguments, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert f"{out}: 2 classes, 3 numbers each, made anew" in text
    assert f'embedder=dict(word_vectors="{out}", embed_dims=3)' in text
    with np.load(out) as content:
        assert content["names"].tolist() == ["dog", "cat"]
        assert content["vectors"].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "as before" in capsys.readouterr().out
    assert main(["data", "vectors", str(project / "train.csv"), "--from", words]) == 0
    assert (project / "label_vectors.npz").is_file()


def test_mistakes(project: Path, capsys: Capture) -> None:
    train, words = str(project / "train.csv"), str(project / "words.npz")
    for arguments, message in (
        (["check"], "give a config, or annotation files"),
        (["check", "a.py", "--train", train], "and not both"),
        (["check", "a.py", "--images", "photos"], "a config says where its images are"),
        (["check", "--train", "nowhere.csv"], "'nowhere.csv' does not exist"),
        (["stats", train, "--image", "0.jpg"], "needs --out-dir"),
        (["stats", train, "--out-dir", str(project / "o"), "--image", "9.jpg"], "is no image of"),
        (["vectors", "voc", "--from", words], "with --out"),
        (["vectors", train, "--from", words, "--out", "a.pkl"], "must end in .npz"),
        (["vectors", train, "--from", "nowhere"], "is neither a file nor a folder"),
        (["init", *files(project), "--out", "my_config.txt"], "must end in .py"),
    ):
        assert message in fails(arguments, capsys)


def test_stats_of_files_with_problems(project: Path, capsys: Capture) -> None:
    (project / "train.csv").write_text("path,labels\n0.jpg,cat,dog\n1.jpg\n")
    message = fails(["stats", str(project / "train.csv")], capsys)
    assert "line 2" in message
    assert "problem 1 of 2; `mmsrdl data check` names all" in message
