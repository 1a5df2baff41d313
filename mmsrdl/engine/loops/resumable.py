"""Training loops that go on, also inside an epoch, where a run was stopped."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, cast

from mmengine.dist import get_world_size
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmsrdl.datasets.samplers import SeededSampler
from mmsrdl.registry import LOOPS

_SAMPLING = "sampling"
VALIDATED = "validated"
"""Entries of MMEngine's message hub, and so of every checkpoint: where the epoch began, or how
large its batches are, and with which seed; and at which iteration the last validation was begun."""


class _Resumable(BaseLoop):
    """What both loops need: the sampler of the data loader, and validations that are not lost."""

    runner: Runner
    dataloader: DataLoader
    _iter: int
    _sampler: SeededSampler
    _decide_current_val_interval: Callable[[], None]

    def _find_sampler(self) -> SeededSampler:
        sampler = self.dataloader.sampler
        if not isinstance(sampler, SeededSampler) or self.dataloader.batch_size is None:
            raise TypeError(
                f"{type(self).__name__} resumes by (seed, epoch, index), which the sampler "
                f"{type(sampler).__name__} does not; use train_dataloader.sampler="
                "dict(type='mmsrdl.SeededSampler', shuffle=True) and no batch_sampler, or "
                "MMEngine's own loop (train_cfg=dict(_delete_=True, by_epoch=True, max_epochs=...))"
            )
        return sampler

    def _skip(self, batches: int) -> None:
        """Leaves the first batches out of the next pass over the data."""
        self._sampler.begin_at(batches * cast(int, self.dataloader.batch_size))

    def _due(self) -> bool:
        """Returns whether a validation is due now."""
        raise NotImplementedError

    def _validate(self) -> None:
        # Noted first, as a checkpoint of the best figure is written at the end of it.
        self.runner.message_hub.update_info(VALIDATED, self._iter)
        self.runner.val_loop.run()

    def _validate_if_missed(self) -> None:
        """Validates where the checkpoint was written before the validation that was due."""
        validated = self.runner.message_hub.get_info(VALIDATED, None)
        self._decide_current_val_interval()
        if self._iter and self._due() and validated != self._iter:
            self.runner.logger.info("validating first: the checkpoint is of before its end")
            self._validate()


@LOOPS.register_module()
class ResumableEpochLoop(_Resumable, EpochBasedTrainLoop):
    """``EpochBasedTrainLoop`` that resumes exactly, from by-epoch and by-iteration checkpoints.

    MMEngine's loop begins the epoch of a by-iteration checkpoint anew, samples with the seed of
    the config where the checkpoint has another, and leaves out a validation that was interrupted.
    This one takes all of that from the checkpoint, and steps over the samples that were already
    seen without loading them.

    Args:
        *args: Passed to :class:`mmengine.runner.EpochBasedTrainLoop`.
        **kwargs: Likewise: ``max_epochs``, ``val_begin``, ``val_interval``, ``dynamic_intervals``.

    Raises:
        TypeError: If the data loader's sampler is no :class:`mmsrdl.datasets.SeededSampler`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sampler = self._find_sampler()

    def run(self) -> nn.Module:
        """Trains from where the loop stands to the last epoch."""
        done = self._batches_done()
        self.runner.call_hook("before_train")
        if not done:
            self._validate_if_missed()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch(done)
            done = 0
            self._decide_current_val_interval()
            if self._due():
                self._validate()
        self.runner.call_hook("after_train")
        return self.runner.model

    def run_epoch(self, done: int = 0) -> None:
        """Trains one epoch.

        Args:
            done: How many of its batches were seen before the run was stopped.
        """
        place = dict(
            epoch=self._epoch,
            iter=self._iter - done,
            length=len(self.dataloader),
            seed=self._sampler.seed,
        )
        self.runner.message_hub.update_info(_SAMPLING, place)
        self.runner.call_hook("before_train_epoch")
        self.runner.model.train()
        self._skip(done)
        for index, batch in enumerate(self.dataloader, start=done):
            self.run_iter(index, batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _due(self) -> bool:
        return (
            self.runner.val_loop is not None
            and self._epoch >= self.val_begin
            and (self._epoch % self.val_interval == 0 or self._epoch == self._max_epochs)
        )

    def _batches_done(self) -> int:
        """Returns how many batches of the current epoch the stopped run has seen."""
        record = self.runner.message_hub.get_info(_SAMPLING, None) if self._iter else None
        if record is None:
            return 0
        self._sampler.seed = record["seed"]
        done = self._iter - record["iter"] if record["epoch"] == self._epoch else 0
        if done and record["length"] != len(self.dataloader):
            self.runner.logger.warning(
                f"epoch {self._epoch + 1} was stopped after {done} of {record['length']} batches, "
                f"and has {len(self.dataloader)} now (batch size or number of processes changed): "
                "it is begun anew",
            )
            done = 0
        return done


@LOOPS.register_module()
class ResumableIterLoop(_Resumable, IterBasedTrainLoop):
    """``IterBasedTrainLoop`` that resumes exactly, and without reading the data again.

    MMEngine's loop loads what was already seen, to throw it away, and waits two seconds an epoch.
    With batches of another size it goes on at the same number of iterations, and says so.

    Args:
        *args: Passed to :class:`mmengine.runner.IterBasedTrainLoop`.
        **kwargs: Likewise: ``max_iters``, ``val_begin``, ``val_interval``, ``dynamic_intervals``.

    Raises:
        TypeError: If the data loader's sampler is no :class:`mmsrdl.datasets.SeededSampler`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sampler = self._find_sampler()

    def run(self) -> nn.Module:
        """Trains from where the loop stands to the last iteration."""
        self._note_sampling()
        self.runner.call_hook("before_train")
        self.runner.call_hook("before_train_epoch")
        self._validate_if_missed()
        self.dataloader_iterator = self._batches()
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._decide_current_val_interval()
            if self._due():
                self._validate()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")
        return self.runner.model

    def _note_sampling(self) -> None:
        """Takes the seed of the stopped run, and says where its batches were of another size."""
        hub = self.runner.message_hub
        place = dict(
            length=len(self.dataloader),
            batch_size=cast(int, self.dataloader.batch_size) * get_world_size(),
        )
        record = hub.get_info(_SAMPLING, None) if self._iter else None
        if record is not None:
            self._sampler.seed = record["seed"]
            before = {key: record.get(key, value) for key, value in place.items()}
            if before != place:
                self.runner.logger.warning(
                    f"stopped with {before['length']} batches of {before['batch_size']} images an "
                    f"epoch, going on with {place['length']} of {place['batch_size']} (batch size, "
                    "number of processes or data changed): the position counts in iterations, so "
                    f"that training goes on at iteration {self._iter} with other images",
                )
        hub.update_info(_SAMPLING, dict(seed=self._sampler.seed, **place))

    def _batches(self) -> Iterator[Any]:
        """Yields batches for ever, from the current iteration on."""
        first, done = divmod(self._iter, len(self.dataloader))
        for epoch in itertools.count(first):
            self._sampler.set_epoch(epoch)
            self._skip(done)
            yield from self.dataloader
            done = 0

    def _due(self) -> bool:
        return (
            self.runner.val_loop is not None
            and self._iter >= self.val_begin
            and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)
        )
