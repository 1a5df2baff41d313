"""Every bad annotation file is refused with its name and the place, within bounded memory."""

import logging
from pathlib import Path

import pytest

from mmsrdl.cli import main
from tests.dirty.annotations import BAD, coco, outcome_of, text, without_classes

LARGE = {name for name in BAD if "a million" in name}
CHECKED = ("COCO json", "OpenMMLab json", "CSV", "JSON lines", "VOC")


@pytest.mark.parametrize("name", sorted(BAD.keys() - LARGE))
def test_bad_file(name: str, tmp_path: Path) -> None:
    path, found = outcome_of(BAD[name], tmp_path)
    assert found.is_documented(BAD[name], path), repr(found.error)
    assert len(str(found.error)) < 3000
    assert found.megabytes < 20


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LARGE))
def test_large_file(name: str, tmp_path: Path) -> None:
    path, found = outcome_of(BAD[name], tmp_path)
    assert found.is_documented(BAD[name], path), repr(found.error)
    assert len(str(found.error)) < 3000
    # A CSV row of 17 bytes is a list, its strings and a record: 400 bytes.
    assert found.megabytes < 30 * found.size / 2**20


def test_number_of_files() -> None:
    assert len(BAD) >= 30
    formats = {bad.format for bad in BAD.values()}
    assert formats >= {*CHECKED, "NUS-WIDE", "observation file", "word vectors", "class names"}
    assert formats >= {"thresholds", "scores", "co-occurrence", "feature maps"}


def test_the_sound_files_are_read(tmp_path: Path) -> None:
    """What the bad files are made of has no other fault."""
    assert len(without_classes(text("a.json", coco())(tmp_path))) == 2


@pytest.mark.parametrize(
    "name", sorted(name for name in BAD.keys() - LARGE if BAD[name].format in CHECKED)
)
def test_data_check_says_it(
    name: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a finding or as a mistake in one line, and never as a traceback."""
    # MMEngine's logger may write to the captured, now closed stderr of an earlier test.
    monkeypatch.setattr(logging, "raiseExceptions", False)
    path = BAD[name].write(tmp_path)
    listed = tmp_path / "ImageSets" / "Main" / "train.txt"
    argument = str(listed if listed.exists() else path)
    try:
        code = main(["data", "check", "--train", argument, "--json"])
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    assert code in (1, 2)
    assert "Traceback" not in printed.err
    assert path.name in printed.out + printed.err
