import json
from pathlib import Path

import pytest

from benchmarks import pipeline


def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pipeline.json"
    monkeypatch.setattr("sys.argv", ["x", "--images", "16", "--rounds", "1", "--json", str(path)])
    pipeline.main()
    tables = {table["heading"]: table["rows"] for table in json.loads(path.read_text())["tables"]}
    assert len(tables) == 4
    for heading, rows in tables.items():
        if "stages" in heading:
            assert sum(row["share in %"] for row in rows) == pytest.approx(100)
            assert {"collate", "data preprocessor"} <= {row["stage"] for row in rows}
        else:
            assert {row["candidate"] for row in rows} >= {"mmsrdl: Pillow", "mmsrdl: PyTorch"}
            assert all(row["images/s"] == pytest.approx(16 / row["seconds"]) for row in rows)


def test_pipelines_are_the_configs_with_either_resize() -> None:
    for phase, resizes in (("train", 2), ("test", 1)):
        found = pipeline.pipelines(phase)
        assert pipeline.our_pipeline(phase) in (found["mmsrdl: Pillow"], found["mmsrdl: PyTorch"])
        kinds = [step["type"] for step in found["mmsrdl: PyTorch"]]
        assert kinds.count("mmsrdl.TorchResize") == resizes
        assert len(found["mmsrdl: Pillow"]) == len(kinds)


def test_number_of_images_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.argv", ["x", "--images", "20"])
    with pytest.raises(SystemExit):
        pipeline.main()
    assert "--images 20 must be a multiple of 16" in capsys.readouterr().err
