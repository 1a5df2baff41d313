import json
from pathlib import Path

import pytest
import torch

from benchmarks import metric
from mmsrdl.evaluation import average_precision


def test_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metric.json"
    sizes = ["--images", "200", "--classes", "4", "--rounds", "1"]
    monkeypatch.setattr("sys.argv", ["metric", *sizes, "--json", str(path)])
    metric.main()
    functions, evaluations = json.loads(path.read_text())["tables"]
    for table in (functions, evaluations):
        ratios = {row["candidate"]: row["ratio"] for row in table["rows"]}
        assert ratios["MMPretrain: AP"] == 1
        assert ratios["mmsrdl: all"] > 0


def test_candidates_agree() -> None:
    torch.manual_seed(0)
    scores, targets = metric.draw(2000, 3)
    expected = average_precision(scores, targets)
    assert 0.5 < expected.mean() < 0.9
    calls = metric.functions(scores, targets)
    theirs = torch.tensor(float(calls[metric.THEIRS]()) / 100, dtype=torch.float64)
    torch.testing.assert_close(theirs, expected.mean(), rtol=0, atol=1e-5)
    if "scikit-learn: AP" in calls:
        assert calls["scikit-learn: AP"]() == pytest.approx(expected.mean().item())
