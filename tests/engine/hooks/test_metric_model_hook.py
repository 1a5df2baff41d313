from types import SimpleNamespace
from typing import Any

import pytest
from mmengine.evaluator import Evaluator
from torch import nn

from mmsrdl.engine import MetricModelHook
from mmsrdl.evaluation import MultiLabelMetric, PointingGameMetric


@pytest.mark.parametrize("phase", ["val", "test"])
def test_gives_the_model_for_the_time_of_an_evaluation(phase: str) -> None:
    metric, other = PointingGameMetric(["cam"]), MultiLabelMetric()
    runner: Any = SimpleNamespace(model=nn.Linear(2, 2))
    setattr(runner, f"{phase}_evaluator", Evaluator([other, metric]))
    hook = MetricModelHook()
    getattr(hook, f"before_{phase}")(runner)
    assert metric.model is runner.model
    assert not hasattr(other, "model")
    getattr(hook, f"after_{phase}")(runner)
    assert metric.model is None
