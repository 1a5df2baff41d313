import json
from pathlib import Path

import pytest
import torch

from experiments.scarce.job import Job
from experiments.scarce.other_scenes import OnePositiveSoftmaxLoss, prepare_demo
from experiments.scarce.prepared import SCORES
from experiments.trainings import read_result, run_all
from mmsrdl.evaluation.scores_file import ScoresFile


def test_the_loss_is_cross_entropy_of_the_positive() -> None:
    logits = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    label = torch.full((4, 5), -1)
    label[torch.arange(4), torch.tensor([2, 0, 4, 1])] = 1
    wanted = torch.nn.functional.cross_entropy(logits, torch.tensor([2, 0, 4, 1]))
    torch.testing.assert_close(OnePositiveSoftmaxLoss()(logits, label), wanted)


@pytest.mark.slow
def test_scenes_are_prepared_and_trained_from_the_start_weights(tmp_path: Path) -> None:
    prepared = prepare_demo(tmp_path / "data", scenes=32, val=16, other=32)
    assert (prepared.train, prepared.val, prepared.classes) == (32, 16, 14)
    scores = ScoresFile.load(tmp_path / "data" / SCORES)
    torch.testing.assert_close(scores.scores.sum(1), torch.ones(32))
    assert all("/" not in name for name in scores.img_path)
    job = Job("vlpl", "one_positive", "final", 1e-3, 0, str(tmp_path), str(tmp_path / "data"))
    assert run_all([job], 1) == []
    assert read_result(job)["metrics"]["mAP"] > 0
    config = json.dumps(job.resolved.to_dict()["model"]["backbone"]["init_cfg"])
    assert "start.pth" in config
