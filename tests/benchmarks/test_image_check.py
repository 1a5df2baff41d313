import json
from pathlib import Path

import pytest

from benchmarks import image_check


def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "check.json"
    monkeypatch.setattr("sys.argv", ["x", "--images", "3", "--rounds", "1", "--json", str(path)])
    image_check.main()
    (table,) = json.loads(path.read_text())["tables"]
    times = {row["candidate"]: row["microseconds an image"] for row in table["rows"]}
    assert times["the check alone"] < times[image_check.THEIRS]
    assert len(times) == 3


def test_too_few_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds 0 \.jpg files; lower images=5"):
        image_check.find_images(str(tmp_path), "", 5)
