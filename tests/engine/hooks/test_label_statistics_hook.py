from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsrdl.apis import test as evaluate
from mmsrdl.apis import train
from mmsrdl.datasets import MultiLabelDataset
from mmsrdl.datasets.statistics import LabelStatistics, dataset_statistics
from mmsrdl.evaluation import ContextMetric
from tests.small_run import BY_EPOCH, EPOCHS, make_config

CONTEXT = dict(type="mmsrdl.ContextMetric", min_positives=1, min_probability=0.1, bootstrap=5)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[LabelStatistics | None]:
    """What every evaluation was given."""
    found: list[LabelStatistics | None] = []
    compute = ContextMetric.compute_metrics

    def spy(self: ContextMetric, results: Any) -> dict[str, float]:
        found.append(self.statistics)
        return compute(self, results)

    monkeypatch.setattr(ContextMetric, "compute_metrics", spy)
    return found


def test_the_training_set_of_the_run_is_counted_once(
    seven: Path, tmp_path: Path, given: list[LabelStatistics | None]
) -> None:
    expected = dataset_statistics(MultiLabelDataset(data_root=str(seven), ann_file="ann.json"))
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 2}, BY_EPOCH)
    cfg.val_evaluator = [dict(type="mmsrdl.MultiLabelMetric", topk=None), CONTEXT]
    train(cfg)
    assert len(given) == 2
    assert given[0] is given[1]
    # A test has no training loop: the config's training set is counted.
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 2}, BY_EPOCH)
    cfg.test_dataloader, cfg.test_cfg, cfg.test_evaluator = cfg.val_dataloader, dict(), [CONTEXT]
    figures = evaluate(cfg, str(tmp_path / "epoch_2.pth"))
    assert "ctx/all" in figures
    for statistics in (given[0], given[2]):
        assert statistics is not None
        assert statistics.classes == expected.classes
        assert statistics.num_images == 7
        np.testing.assert_array_equal(statistics.cooccurrence, expected.cooccurrence)


def test_a_run_without_training_images_says_so(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    train(cfg)
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.test_dataloader, cfg.test_cfg, cfg.test_evaluator = cfg.val_dataloader, dict(), [CONTEXT]
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    with pytest.raises(ValueError, match="knows no training labels"):
        evaluate(cfg, str(tmp_path / "epoch_1.pth"))
