"""A guard between unknown labels and losses that would compute with them."""

from collections.abc import Sequence

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.models.losses import check_known
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class UnknownLabelGuardHook(Hook):
    """Refuses to train on -1 labels with a loss that does not leave them out.

    MMPretrain's own multi-label losses take -1 (unknown or difficult) for a
    value. A loss that leaves unknown labels out says so by an attribute
    ``ignores_unknown = True``, as :class:`MultiLabelBCELoss` does.

    Raises:
        ValueError: In ``before_train_iter``, when such a label meets such a loss.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Sequence[dict] | dict | None = None
    ) -> None:
        """Looks at the labels of the batch, which are still on the CPU."""
        loss = getattr(getattr(bare_model(runner), "head", None), "loss_module", None)
        if loss is None or not isinstance(data_batch, dict):
            return
        samples = data_batch.get("data_samples") or []
        scores = [sample.gt_score for sample in samples if "gt_score" in sample]
        if scores:
            check_known(loss, torch.stack(scores))
