import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmsrdl.cli import main
from mmsrdl.evaluation import PROTOCOLS, ScoresFile
from tests.evaluation.test_tuning import drawn

FIVE = ["paper", "mlgcn", "ssgrl", "mcar", "asl"]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Scores with difficult, unknown and all-negative rows."""
    file = drawn(60)
    targets = file.targets.clone()
    targets[7] = 0
    difficult = targets == -1
    difficult[:, 3] = False
    replace(file, targets=targets, difficult=difficult).save(tmp_path / "scores.npz")
    return str(tmp_path / "scores.npz")


def rows_of(text: str) -> dict[str, list[str]]:
    return {words[0]: words[1:] for words in map(str.split, text.splitlines()) if len(words) > 1}


def test_table_of_all_presets(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", path]) == 0
    text = capsys.readouterr().out
    file = ScoresFile.load(path)
    found = rows_of(text)
    for name, protocol in PROTOCOLS.items():
        figures = protocol.figures(file.scores, file.targets, file.difficult)
        assert found[name] == [f"{value:.2f}" for value in figures.values()]
        assert protocol.describe() in text
    unknown = int((file.targets[:, 3] == -1).sum())
    marked = int(file.difficult.sum())
    empty = int((file.targets == 0).all(1).sum())
    assert f"60 images, {empty} of them without a label; 4 classes, 4 with positives" in text
    assert f"{marked} difficult and {unknown} unknown entries" in text
    assert f"but {unknown} labels of -1 are not said to be difficult" in text
    assert "filter_empty" not in text


def test_one_preset(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", path, "--protocol", "asl", "--topk", "0"]) == 0
    text = capsys.readouterr().out
    assert len(rows_of(text)["asl"]) == 7
    assert "mlgcn" not in text
    assert "are not said to be difficult" not in text


def test_document(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", path, "--protocol", *FIVE, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    file = ScoresFile.load(path)
    assert document["images"] == 60
    assert document["difficult_entries"] == int(file.difficult.sum())
    assert list(document["protocols"]) == FIVE
    for name, entry in document["protocols"].items():
        protocol = PROTOCOLS[name]
        assert entry["figures"] == protocol.figures(file.scores, file.targets, file.difficult)
        assert entry["settings"]["thr"] == protocol.thr
        assert entry["source"] == protocol.source
    assert len({entry["figures"]["CF1"] for entry in document["protocols"].values()}) == 5
    assert len(document["remarks"]) == 3  # of mlgcn, ssgrl and mcar


def test_classes_whose_negatives_are_unknown_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = drawn(60)
    file.targets[:, 1] = torch.where(file.targets[:, 1] == 1, 1, -1)
    path = str(tmp_path / "positives.npz")
    replace(file, difficult=None).save(path)
    assert main(["evaluate", path, "--protocol", "paper", "--json"]) == 0
    (remark,) = json.loads(capsys.readouterr().out)["remarks"]
    assert remark.startswith(f"1 of {len(file.names)} classes have no known negative")
    assert f"['{file.names[1]}']" in remark
    # Taken for difficult, which the protocol counts as negative, they are known.
    assert main(["evaluate", path, "--protocol", "ssgrl", "--difficult", "--json"]) == 0
    assert "no known negative" not in capsys.readouterr().out


def test_files_without_the_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-1 is unknown, and left out under every protocol, unless the user says it is difficult."""
    file = drawn(60)
    file = replace(file, targets=torch.where((file.targets == 0).all(1, True), 1, file.targets))
    path = str(tmp_path / "old.npz")
    file.save(path)
    marked = file.targets == -1
    assert main(["evaluate", path, "--protocol", "ssgrl"]) == 0
    text = capsys.readouterr().out
    assert rows_of(text)["ssgrl"][0] == f"{PROTOCOLS['ssgrl'].figures(*file_of(file))['mAP']:.2f}"
    assert f"{int(marked.sum())} labels of -1 are not said to be difficult" in text
    assert "protocol ssgrl counts images without a label, and the file has none" in text
    assert main(["evaluate", path, "--protocol", "ssgrl", "--difficult"]) == 0
    text = capsys.readouterr().out
    counted = PROTOCOLS["ssgrl"].figures(*file_of(file), marked)
    assert rows_of(text)["ssgrl"] == [f"{value:.2f}" for value in counted.values()]
    assert "not said to be" not in text


def file_of(file: ScoresFile) -> tuple[torch.Tensor, torch.Tensor]:
    return file.scores, file.targets


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["none.npz"], "scores='none.npz' does not exist"),
        (["SCORES", "--protocol", "voc"], "invalid choice: 'voc'"),
        (["SCORES", "--topk", "9"], "topk must lie in 1, ..., 4"),
    ],
)
def test_mistakes(
    options: list[str], message: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *(path if word == "SCORES" else word for word in options)])
    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_no_positive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = drawn(60)
    replace(file, targets=file.targets.clamp(max=0)).save(tmp_path / "a.npz")
    with pytest.raises(SystemExit):
        main(["evaluate", str(tmp_path / "a.npz")])
    assert "a.npz' has no positive label" in capsys.readouterr().err
