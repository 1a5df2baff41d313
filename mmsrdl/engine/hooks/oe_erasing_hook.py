"""Object erasing as a hook: fills the head's slot, schedules it, and empties it."""

import math
from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models.heads import CSRAClsHead

from mmsrdl.arguments import check_integer, check_number
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.models.attention import ClassAttention
from mmsrdl.models.erasing import ObjectErasing
from mmsrdl.models.erasing.csra import bind_csra, unbind_csra
from mmsrdl.models.heads import ClassFeatureHead
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class OEErasingHook(Hook):
    """Mixes SRDL's object erasing into training with one line.

    ``default_hooks = dict(oe=dict(type='mmsrdl.OEErasingHook'))`` gives any
    config whose head is a :class:`CARHead`, or another :class:`ClassFeatureHead` with spatial
    attention that can be erased, or MMPretrain's ``CSRAClsHead``, a second loss ``loss_era``
    (SRDL, Sec. 3.3, Eqs. 7-13). The hook computes nothing: the head's ``loss()`` does, while its
    ``erasing`` slot is filled. The state dict is the same with and without it.

    Args:
        topk: K, how many classes of an image are erased; 1 to C.
        alpha: Threshold of the marginals, in (0, 1).
        begin: First epoch (or iteration) that erases, counted from 0.
        end: First epoch (or iteration) that no longer does. None: never ends.
        by_epoch: Whether ``begin`` and ``end`` count epochs or iterations.
        region: ``'rectangle'`` or ``'cross'``, see :func:`erased_region`.
        erase_channel: See :class:`ObjectErasing`.
        era_classes: ``'all'`` or ``'selected'``, see :class:`ObjectErasing`.

    Raises:
        ValueError: If an argument is out of range; in ``before_train`` if
            ``topk`` exceeds the number of classes.
        TypeError: In ``before_train``, if the model's head cannot be erased.
    """

    priority = "NORMAL"

    def __init__(
        self,
        topk: int = 3,
        alpha: float = 0.5,
        begin: int = 0,
        end: int | None = None,
        by_epoch: bool = True,
        region: str = "rectangle",
        erase_channel: bool = False,
        era_classes: str = "all",
    ) -> None:
        check_number("alpha", alpha, low=-math.inf)
        check_integer("begin", begin, low=0, example=0)
        if end is not None:
            check_integer("end", end, low=1, example=10)
        if not 0 < alpha < 1:
            raise ValueError(f"alpha={alpha!r} must lie inside (0, 1), such as 0.5")
        if begin < 0 or (end is not None and end <= begin):
            raise ValueError(f"begin={begin!r}, end={end!r}: use 0 <= begin < end, or end=None")
        self.erasing = ObjectErasing(topk, alpha, region, erase_channel, era_classes)
        self.begin, self.end, self.by_epoch = begin, end, by_epoch

    def before_train(self, runner: Runner) -> None:
        """Checks the head and gives a CSRA head its slot."""
        if sum(isinstance(hook, OEErasingHook) for hook in runner.hooks) > 1:
            raise ValueError(
                "the config has several OEErasingHooks and a head has one slot; keep one"
            )
        head = _head_of(runner)
        if isinstance(head, CSRAClsHead):
            if self.erasing.erase_channel:
                raise ValueError("erase_channel=True: CSRAClsHead has no channel branch; drop it")
            num_classes = head.csra_heads[0].head.out_channels
            bind_csra(head)
        elif isinstance(head, ClassFeatureHead):
            self._check_attention(head.attention)
            num_classes = head.num_classes
        else:
            raise TypeError(
                f"OEErasingHook cannot erase in a {type(head).__name__}: it takes an "
                "mmsrdl.CARHead, another mmsrdl.ClassFeatureHead or MMPretrain's CSRAClsHead as "
                "model.head"
            )
        self._check_loss(head.loss_module)
        if self.erasing.topk > num_classes:
            raise ValueError(
                f"topk={self.erasing.topk} exceeds the {num_classes} classes of the head; use "
                f"1 to {num_classes}"
            )

    def _check_loss(self, loss: Any) -> None:
        leaves_out = getattr(loss, "ignores_unknown", False)
        leaves_out = leaves_out and not getattr(loss, "uses_unknown", False)
        if self.erasing.era_classes == "selected" and not leaves_out:
            raise ValueError(
                f"era_classes='selected' leaves labels out, which loss={type(loss).__name__} "
                "cannot; use loss=dict(type='mmsrdl.MultiLabelBCELoss'), or era_classes='all'"
            )

    def _check_attention(self, attention: ClassAttention) -> None:
        name = type(attention).__name__
        if not attention.erasable:
            raise TypeError(
                f"OEErasingHook erases spatial attention, but the head's attention has none that "
                f"can be erased ({name}); use one that has, such as CARAttention with "
                "use_spatial=True, or take the hook out of the config"
            )
        if self.erasing.erase_channel and not attention.has_channel_branch:
            raise ValueError(f"erase_channel=True: {name} has no channel branch; drop it")

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Sequence[dict] | dict | None = None
    ) -> None:
        """Fills the slot inside [begin, end) and empties it outside."""
        now = runner.epoch if self.by_epoch else runner.iter
        active = self.begin <= now and (self.end is None or now < self.end)
        _head_of(runner).erasing = self.erasing if active else None

    def after_train(self, runner: Runner) -> None:
        """Leaves the head as it was found."""
        head = _head_of(runner)
        head.erasing = None
        if isinstance(head, CSRAClsHead):
            unbind_csra(head)


def _head_of(runner: Runner) -> Any:
    return getattr(bare_model(runner), "head", None)
