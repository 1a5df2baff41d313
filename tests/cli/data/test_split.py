import json
from pathlib import Path

import pytest

from mmsrdl.cli import main

ROWS = "".join(f"{i}.jpg,{'x;y' if i % 2 else 'x'}\n" for i in range(9)) + "9.jpg,rare\n"


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "all.csv").write_text(ROWS)
    return str(tmp_path / "all.csv")


def test_table(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "split", file, "--parts", "train=0.6", "val=0.2", "test=0.2"]) == 0
    out, err = capsys.readouterr()
    rows = {cells[0]: cells[1:] for cells in map(str.split, out.splitlines()) if cells}
    assert rows["images"] == ["6", "2", "2"]
    assert sum(map(int, rows["rare"])) == 1
    assert f"val: {Path(file).parent}/val.csv" in out
    assert "no image is in" in err
    assert "give --images" in err
    assert "1 of 3 classes have fewer positive images than there are parts" in err
    assert "['rare']" in err


def test_json_is_all_of_stdout(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(file).parent
    for i in range(10):
        (folder / f"{i}.jpg").write_bytes(bytes([i // 5]) * (i % 5))
    out_dir = str(folder / "new" / "parts")
    command = ["data", "split", file, "--parts", "a=0.5", "b=0.5", "--out-dir", out_dir, "--json"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["parts"]["a"]["images"] == 5
    assert found["parts"]["a"]["file"] == f"{out_dir}/a.csv"
    assert found["parts"]["a"]["positives"]["y"] == 2
    assert found["images_of_the_same_content"] == 2  # the two empty ones
    assert found["classes_with_fewer_positives_than_parts"] == ["rare"]
    assert "2 images have the content of another one, and are kept together" in err


@pytest.mark.parametrize("parts", [["a"], ["a=x", "b=1"], ["=0.5"], ["a=0.5", "a=0.5"], ["a=nan"]])
def test_parts_that_are_none(
    parts: list[str], file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["data", "split", file, "--parts", *parts])
    assert end.value.code == 2
    assert "mmsrdl data split: error: --parts takes NAME=SHARE" in capsys.readouterr().err
