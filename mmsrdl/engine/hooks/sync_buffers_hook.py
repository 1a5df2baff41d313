"""The same buffers in all processes, after every iteration."""

from collections.abc import Sequence

from mmengine.dist import all_reduce_params
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class SyncBuffersHook(Hook):
    """Averages the model's buffers, such as BN statistics, over the processes.

    MMEngine's hook of this name does so once an epoch, after EMAHook has copied the buffers of its
    own process and a by-iteration checkpoint has been written: the checkpoint then differs from
    the model that was validated, and its figure on one process from that on several. Running means
    are linear, so averaging them in every iteration gives the same values. It costs one all-reduce
    of some hundred kilobytes beside that of the gradients.
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
            buffers = (b for b in runner.model.buffers() if b.is_floating_point())
            all_reduce_params(list(buffers), op="mean")
