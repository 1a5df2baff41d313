"""The channels-last memory format as a hook."""

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lays the model's convolutions out channels-last.

    Convolutions then hand channels-last maps on, whatever the input's format.
    The values of a state dict are the same; only the speed differs.
    """

    def before_train(self, runner: Runner) -> None:
        """Converts the model; not earlier, as random weights are drawn in memory order."""
        runner.model.to(memory_format=torch.channels_last)

    def before_test(self, runner: Runner) -> None:
        """Converts the model."""
        runner.model.to(memory_format=torch.channels_last)
