import json
from pathlib import Path

import cv2
import pytest
import torch

from mmsrdl.cli import main
from mmsrdl.evaluation import ScoresFile, Thresholds, ThresholdTuner, figures_at
from tests.evaluation.test_tuning import APART, drawn


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    """Scores to tune on and to judge on, and where to write."""
    for seed, name in enumerate(("val", "test")):
        drawn(200, seed=seed, offset=APART).save(tmp_path / f"{name}.npz")
    return str(tmp_path / "val.npz"), str(tmp_path / "test.npz"), str(tmp_path / "out" / "t.json")


def test_tune_and_judge(files, capsys: pytest.CaptureFixture[str]) -> None:
    val, test, out = files
    assert main(["thresholds", val, "--out", out, "--judge", test]) == 0
    thresholds, judged = Thresholds.load(out), ScoresFile.load(test)
    assert thresholds == ThresholdTuner().tune(ScoresFile.load(val))
    assert thresholds.protocol["scores"] == val
    text = capsys.readouterr().out
    assert "tuned on these images, so optimistic" in text
    assert "cross-validated, 5 folds" in text
    assert "Tuned and judged on different images." in text
    section = text[text.index("judged only") :].splitlines()
    row = next(line for line in section if "one a class" in line).split()
    figures = figures_at(thresholds, judged)
    assert row[-6:] == [f"{100 * value:.2f}" for value in figures]


def test_alone(files, capsys: pytest.CaptureFixture[str]) -> None:
    val, _, out = files
    assert main(["thresholds", val, "--out", out, "--scope", "global", "--folds", "0"]) == 0
    text = capsys.readouterr().out
    assert "so optimistic" in text
    assert "cross-validated" not in text
    assert "--judge SCORES" in text
    assert len(set(Thresholds.load(out).values)) == 1


def test_document(files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    val, test, out = files
    options = ["--judge", test, "--calibrate", "--objective", "recall=0.9", "--json"]
    plot = tmp_path / "new" / "reliability.png"
    assert main(["thresholds", val, "--out", out, *options, "--plot", str(plot)]) == 0
    document = json.loads(capsys.readouterr().out)
    thresholds = Thresholds.load(out)
    assert document["temperature"] == thresholds.temperature != 1
    assert document["different_images"] is True
    named = {name: entry["threshold"] for name, entry in document["classes"].items()}
    assert named == dict(zip(thresholds.classes, thresholds.values, strict=True))
    tuning = ScoresFile.load(val)
    assert document["classes"]["dog"]["positives"] == int((tuning.targets[:, 2] == 1).sum())
    assert list(document["figures"]) == ["tuning", "cross_validated", "judged"]
    assert document["figures"]["tuning"]["per_class"]["CR"] >= 90
    judged = 100 * figures_at(thresholds, ScoresFile.load(test)).OF1
    assert document["figures"]["judged"]["per_class"]["OF1"] == pytest.approx(judged)
    assert set(document["ece"]["judged"]) == {"before", "after"}
    assert cv2.imread(str(plot)).shape[1] == 800  # two diagrams


def test_what_was_out_of_reach_is_named(files, capsys: pytest.CaptureFixture[str]) -> None:
    val, _, out = files
    file = ScoresFile.load(val)
    file.targets[:, 1] = 0
    file.targets[:, 3] = (file.scores[:, 3] < 0.3).to(torch.int8)
    file.save(val)
    arguments = ["--objective", "precision=0.9", "--folds", "0"]
    assert main(["thresholds", val, "--out", out, *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("no positive") and line.endswith(": car") for line in lines)
    assert any(line.startswith("precision=0.9 is out") and "owl" in line for line in lines)


def test_without_paths(files, capsys: pytest.CaptureFixture[str]) -> None:
    val, test, out = files
    drawn(200, seed=1, paths="").save(test)
    assert main(["thresholds", val, "--out", out, "--judge", test, "--folds", "0"]) == 0
    text = capsys.readouterr().out
    assert "has no image paths: whether they share images cannot be seen" in text
    assert "different images" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.npz"], "scores='none.npz' does not exist"),
        (["VAL", "--judge", "VAL"], "200 of 200 judged images are among those tuned on"),
        (["VAL", "--objective", "f3"], "objective must be f1, precision=P or recall=R"),
        (["VAL", "--folds", "1"], "folds must lie in 2, ..., 200"),
        (["VAL", "--shrinkage", "-2"], "shrinkage must be 0 or above, got -2"),
    ],
)
def test_mistakes(files, arguments, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    val, _, out = files
    arguments = [val if argument == "VAL" else argument for argument in arguments]
    with pytest.raises(SystemExit) as end:
        main(["thresholds", *arguments, "--out", out])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"mmsrdl thresholds: error: {message}")
    assert not Path(out).exists()


def test_file_that_the_metric_would_not_know(files, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["thresholds", files[0], "--out", "thresholds.txt"])
    assert end.value.code == 2
    assert "argument --out: must end with .json, got thresholds.txt" in capsys.readouterr().err
