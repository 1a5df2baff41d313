"""Gives the numbers of the training labels to metrics that ask for them."""

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsrdl.datasets.statistics import LabelStatistics, config_statistics, dataset_statistics
from mmsrdl.engine.hooks.built_loops import built_loops
from mmsrdl.evaluation.metrics import ContextMetric
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class LabelStatisticsHook(Hook):
    """Gives every :class:`ContextMetric` without a file the labels of the run's training set.

    They are those that the run trains on, hidden ones unknown. In a test, the training set of
    the config is built without a pipeline. Labels alone are looked at, once, by every process
    alike; without such a metric nothing is. Every run of ``mmsrdl`` has this hook.
    """

    def __init__(self) -> None:
        self._statistics: LabelStatistics | None = None

    def before_val(self, runner: Runner) -> None:
        """Gives the numbers to the metrics of the validation."""
        self._give(runner, runner.val_evaluator)

    def before_test(self, runner: Runner) -> None:
        """Gives the numbers to the metrics of the test."""
        self._give(runner, runner.test_evaluator)

    def _give(self, runner: Runner, evaluator: Evaluator) -> None:
        for metric in evaluator.metrics:
            if isinstance(metric, ContextMetric) and metric.wants_statistics:
                if self._statistics is None:
                    self._statistics = _count(runner)
                metric.statistics = self._statistics


def _count(runner: Runner) -> LabelStatistics | None:
    """Returns the numbers of the training labels, None without a training set."""
    for stage, loop in built_loops(runner):
        if stage == "train":
            return dataset_statistics(loop.dataloader.dataset)
    loader = runner.cfg.get("train_dataloader")
    return config_statistics(loader.dataset) if loader else None
