import json
from pathlib import Path

import pytest
import torch

from benchmarks import svfr_memory
from mmsrdl.ops import use_backend

SIZES = ["--batch", "2", "--side", "4", "--classes", "7", "--channels", "8"]


def test_forms_take_the_same_step() -> None:
    args, losses = svfr_memory.parse(SIZES), []
    for form in svfr_memory.FORMS.values():
        torch.manual_seed(0)
        with use_backend(form):
            losses.append(svfr_memory.train_step(args, torch.device("cpu")))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert losses[0] > 0


@pytest.mark.slow
def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memory.json"
    monkeypatch.setattr("sys.argv", ["svfr_memory", *SIZES, "--json", str(path)])
    svfr_memory.main()
    (table,) = json.loads(path.read_text())["tables"]
    (row,) = table["rows"]
    assert row["form"] == "mmsrdl"
    assert 0 <= row["of that the step's GB"] < row["peak GB"] < 6


def test_the_limit_holds_for_our_form_alone() -> None:
    svfr_memory.check([{"form": "mmsrdl", "peak GB": 5.9}, {"form": "plain", "peak GB": 80.0}])
    with pytest.raises(SystemExit, match=r"6\.10 GB exceed the limit of 6 GB"):
        svfr_memory.check([{"form": "mmsrdl", "peak GB": 6.1}])


def test_too_few_positions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        svfr_memory.parse(["--side", "3"])
    assert "--side 3: a score is the mean of 16 positions" in capsys.readouterr().err
