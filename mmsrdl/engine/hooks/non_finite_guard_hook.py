"""A guard that ends a training whose loss or gradients are no numbers."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, ApexOptimWrapper, OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn

from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.saving import end_all, highest, save_now
from mmsrdl.models.losses import ImageStateLoss
from mmsrdl.registry import HOOKS

__all__ = ["NonFiniteError", "NonFiniteGuardHook"]

SHOWN = 64
"""How many files of a batch are named."""


class NonFiniteError(RuntimeError):
    """A training whose loss or gradients became NaN or infinite."""


@HOOKS.register_module()
class NonFiniteGuardHook(Hook):
    """Ends a training at the first NaN or infinite loss or gradient, before the weights take it.

    The check stands between the backward pass and the optimizer's step, for every head and loop.
    All processes end together. The state of before the batch, BN statistics included, is written
    to ``nonfinite_iter_N.pth``, and the error names the files of the batch in the processes that
    met it, of all batches that the step sums up with ``accumulative_counts``. Under mixed precision
    the loss scale skips steps whose scaled gradients overflow, which is no failure: there, only the
    loss is looked at. A model with several optimizers is left alone.

    Raises:
        NonFiniteError: Of the main process; the others leave with the exit code 2.
    """

    priority = "VERY_LOW"  # the last before the model sees the batch

    def __init__(self) -> None:
        self._files: deque[list[str]] = deque(maxlen=1)
        self._kept: list[Tensor] = []

    def before_train(self, runner: Runner) -> None:
        """Puts the check behind the backward pass."""
        wrapper = runner.optim_wrapper
        if not isinstance(wrapper, OptimWrapper) or isinstance(wrapper, OptimWrapperDict):
            return
        self._files = deque(maxlen=wrapper._accumulative_counts)
        former = wrapper.backward

        def backward(loss: Tensor, **kwargs: Any) -> None:
            former(loss, **kwargs)
            self._check(runner, loss)

        wrapper.backward = backward

    def after_train(self, runner: Runner) -> None:
        """Takes the check off."""
        vars(runner.optim_wrapper).pop("backward", None)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Sequence[dict] | dict | None = None
    ) -> None:
        """Keeps what the forward pass changes, and the names of its images."""
        self._kept = [buffer.clone() for buffer in _running(bare_model(runner))]
        self._files.append(_files(data_batch))

    def _check(self, runner: Runner, loss: Tensor) -> None:
        wrapper = runner.optim_wrapper
        gradients: list[Tensor] = []
        if not isinstance(wrapper, AmpOptimWrapper | ApexOptimWrapper) and wrapper.should_update():
            gradients = list(_gradients(wrapper))
        if highest(not _all_finite([loss.detach(), *gradients])):
            self._end(runner, bool(loss.isfinite().all()))

    def _end(self, runner: Runner, finite_loss: bool) -> None:
        """Saves what was before the batch, and ends."""
        for buffer, kept in zip(_running(bare_model(runner)), self._kept, strict=True):
            buffer.copy_(kept)
        losses = all_gather_object((finite_loss, list(self._files)))
        # Gradients are the processes' and the summed batches' together, a loss is one batch's.
        by_loss = [batches[-1:] for finite, batches in losses if not finite]
        by_gradient = [batches for _, batches in losses]
        files = [file for part in by_loss or by_gradient for batch in part for file in batch]
        saved = save_now(runner, f"nonfinite_iter_{runner.iter}.pth", runner.iter)
        what = "loss" if by_loss else "gradients"
        end_all(NonFiniteError(_explain(runner.iter, what, files, saved)))


def _running(model: nn.Module) -> list[Tensor]:
    """Returns the buffers that a forward pass may change, such as BN statistics."""
    parts = (part for part in model.modules() if not isinstance(part, ImageStateLoss))
    return [buffer for part in parts for buffer in part.buffers(recurse=False)]


def _gradients(wrapper: OptimWrapper) -> Iterator[Tensor]:
    for group in wrapper.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                gradient = parameter.grad
                yield gradient.coalesce().values() if gradient.is_sparse else gradient


def _all_finite(tensors: list[Tensor]) -> bool:
    """Looks at norms, a tenth of the time; where one is none, it may have overflowed itself."""
    norms = torch.stack([norm.float() for norm in torch._foreach_norm(tensors)])
    return bool(norms.isfinite().all()) or all(bool(t.isfinite().all()) for t in tensors)


def _files(batch: Any) -> list[str]:
    samples = batch.get("data_samples") if isinstance(batch, dict) else None
    samples = samples if isinstance(samples, Sequence) else []
    return [str(path) for sample in samples if (path := getattr(sample, "img_path", None))]


def _explain(iteration: int, what: str, files: list[str], saved: str) -> str:
    shown = ", ".join(files[:SHOWN]) + (f" and {len(files) - SHOWN} more" * (len(files) > SHOWN))
    return (
        f"the {what} of iteration {iteration + 1} became NaN or infinite, and the training ends "
        f"before the weights do. Images of the batch: "
        f"{shown or 'not named (let PackInputs keep img_path in meta_keys)'}. The state of before "
        f"it is {saved}, which --resume alone does not take, as the same batch comes next. Mend "
        f"the images, or train in float32 or with optim_wrapper.clip_grad.max_norm=1, and go on "
        f"with --resume {saved}; for another learning rate, or with images left out, begin from "
        f"its weights with --cfg-options load_from={saved}"
    )
