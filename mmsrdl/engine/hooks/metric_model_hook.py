"""Gives the model to metrics that look into it."""

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.evaluation.metrics import PointingGameMetric
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class MetricModelHook(Hook):
    """Gives the model to every :class:`PointingGameMetric` for the time of an evaluation.

    MMEngine shows metrics what a model predicts, not the model. Every run of ``mmsrdl`` has this
    hook.
    """

    def before_val(self, runner: Runner) -> None:
        """Gives the model to the metrics of the validation."""
        _give(runner.val_evaluator, bare_model(runner))

    def after_val(self, runner: Runner) -> None:
        """Takes it back."""
        _give(runner.val_evaluator, None)

    def before_test(self, runner: Runner) -> None:
        """Gives the model to the metrics of the test."""
        _give(runner.test_evaluator, bare_model(runner))

    def after_test(self, runner: Runner) -> None:
        """Takes it back."""
        _give(runner.test_evaluator, None)


def _give(evaluator: Evaluator, model: nn.Module | None) -> None:
    for metric in evaluator.metrics:
        if isinstance(metric, PointingGameMetric):
            metric.model = model
