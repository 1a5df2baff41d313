from pathlib import Path

import pytest

from mmsrdl.cli import main
from mmsrdl.datasets import NUSWIDE
from tests.datasets.nuswide.published_files import write_published


def test_file_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = write_published(tmp_path / "published"), tmp_path / "new/labels.npz"
    assert main(["data", "nuswide", str(root), "--out", str(out), "--subset"]) == 0
    text = capsys.readouterr().out
    rows = [line.replace("│", " ").split() for line in text.splitlines()]
    cells = {tuple(row[:2]): row[2:] for row in rows if len(row) == 6}
    assert cells["train", "seen"] == ["3", "2", "3", "1.00"]
    assert cells["train", "unseen"] == ["3", "2", "2", "0.67"]
    assert cells["test", "seen"] == ["2", "1", "1", "0.50"]
    assert cells["test", "unseen"] == ["2", "1", "2", "1.00"]
    assert "train, unseen: no image of ['fire']" in text
    assert f"{out}: 3 seen and 3 unseen classes" in text
    dataset = NUSWIDE(str(out.parent), ann_file="labels.npz")
    assert len(dataset) == 2


def test_beside_the_published_files(tmp_path: Path) -> None:
    assert main(["data", "nuswide", str(write_published(tmp_path)), "--subset"]) == 0
    assert (tmp_path / "nuswide.npz").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "not the whole NUS-WIDE: 5 tags in place of 1,000"),
        (["--out", "a.txt"], "--out a.txt must end in .npz"),
    ],
)
def test_mistakes(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", "nuswide", str(write_published(tmp_path)), *options])
    assert end.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*.npz"))
