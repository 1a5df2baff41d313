"""The same buffers in all processes, after every iteration."""

from collections.abc import Sequence

from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from mmsrdl.models.losses import ImageStateLoss
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class SyncBuffersHook(Hook):
    """Averages the model's buffers, such as BN statistics, over the processes.

    MMEngine's hook of this name does so once an epoch, after EMAHook has copied the buffers of its
    own process and a by-iteration checkpoint has been written: the checkpoint then differs from
    the model that was validated, and its figure on one process from that on several. Running means
    are linear, so averaging them in every iteration gives the same values. It costs one all-reduce
    of some hundred kilobytes beside that of the gradients. What an :class:`ImageStateLoss` keeps of
    every image is the same in all processes and is left alone.
    """

    priority = "ABOVE_NORMAL"  # before EMAHook copies the buffers

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Sequence[dict] | dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Averages the buffers."""
        if runner.distributed:
            all_reduce_params(synchronized_buffers(runner.model), op="mean")


def synchronized_buffers(model: nn.Module) -> list[Tensor]:
    """Returns the buffers that are averaged: numbers that are no state of training images."""
    parts = (part for part in model.modules() if not isinstance(part, ImageStateLoss))
    buffers = (buffer for part in parts for buffer in part.buffers(recurse=False))
    return [buffer for buffer in buffers if buffer.is_floating_point()]
