"""Saves and ends a training where a scheduler asks for it."""

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawValue
from types import FrameType
from typing import Any

from mmengine.dist import barrier
from mmengine.hooks import EMAHook, Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner

from mmsrdl.engine.hooks.built_loops import built_loops
from mmsrdl.engine.hooks.vocabulary_hook import VocabularyHook
from mmsrdl.engine.loops.resumable import VALIDATED
from mmsrdl.engine.saving import highest, note_newest, save_now
from mmsrdl.registry import HOOKS

__all__ = ["STOPPED", "StopSignalHook", "TrainingStopped"]

STOPPED = 75
"""Exit code of a training that a signal ended after it had saved (EX_TEMPFAIL: try again)."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""What schedulers send some time before they kill."""

SAME = 3.0
"""Seconds within which a further signal counts as the first: launchers pass theirs on, too."""


class TrainingStopped(SystemExit):
    """Leaves the program with the exit code 75, after a checkpoint was written."""

    def __init__(self) -> None:
        super().__init__(STOPPED)


@HOOKS.register_module()
class StopSignalHook(Hook):
    """Saves after the running iteration and leaves with code 75, at SIGTERM or SIGUSR1.

    With ``accumulative_counts`` it is the iteration that steps, as no checkpoint holds gradients.
    One process that is told is enough: all agree after every iteration, of the training and of a
    validation within it, and end at the same one. The checkpoint is ``stopped.pth``, which takes
    the place of a former one of that name, and ``--resume`` goes on from it; a validation is begun
    anew. A second signal, after three seconds or later, ends the process at once. Worker processes
    of the data loaders ignore both signals while the training lasts. Outside of the program's main
    thread, where Python hears no signals, the hook only listens to the other processes.

    Raises:
        TrainingStopped: After the checkpoint was written.
    """

    priority = "LOWEST"  # after the weights' averages, the schedule and the checkpoint's turn

    def __init__(self) -> None:
        self._signal = 0
        self._first = 0.0
        self._former: dict[int, Any] = {}
        self._training = RawValue("b", 0)  # which worker processes read, too
        self._common = 0

    def before_train(self, runner: Runner) -> None:
        """Begins to listen."""
        for _, loop in built_loops(runner):
            loop.dataloader.worker_init_fn = _Deaf(loop.dataloader.worker_init_fn, self._training)
        self._signal, self._training.value = 0, 1
        atexit.register(self.leave)  # before Python ends worker processes by a signal
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._hear) for number in SIGNALS}

    def after_train(self, runner: Runner) -> None:
        """Leaves the signals to whom they belonged."""
        self.leave()

    def leave(self) -> None:
        """Leaves the signals to whom they belonged; also for a training that failed."""
        for number, handler in self._former.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        self._former, self._training.value = {}, 0
        atexit.unregister(self.leave)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Sequence[dict] | dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Saves and ends if a process was told to."""
        if not _holds_gradients(runner) and highest(self._signal):
            self._stop(runner, runner.iter + 1)

    def before_val_epoch(self, runner: Runner) -> None:
        """Counts the iterations that all processes have."""
        if self._training.value:
            self._common = -highest(-len(runner.val_loop.dataloader))

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Sequence[dict] | dict | None = None,
        outputs: Sequence | None = None,
    ) -> None:
        """Saves what was before the validation, and ends, if a process was told to."""
        if not self._training.value or batch_idx >= self._common or _validates_twice(runner):
            return
        if not _holds_gradients(runner) and highest(self._signal):
            _leave_validation(runner)
            self._stop(runner, runner.iter)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._signal:
            self._signal, self._first = number, now
        elif now - self._first >= SAME:
            _die_of(number)

    def _stop(self, runner: Runner, iterations: int) -> None:
        saved = save_now(runner, "stopped.pth", iterations)
        note_newest(runner.work_dir, saved)
        runner.logger.warning(
            f"stopped by a signal after {iterations} iterations and saved to {saved}; --resume "
            f"goes on from there. Leaving with code {STOPPED}"
        )
        barrier()  # launchers end the others as soon as one has left
        raise TrainingStopped


@dataclass
class _Deaf:
    """What a worker process of a data loader begins with: it leaves the end to its parent.

    Launchers send their signals to all processes, and a worker that ends takes the training along.
    """

    init: Callable[[int], Any] | None
    training: Any

    def __call__(self, worker: int) -> None:
        for number in SIGNALS:
            signal.signal(number, self._hear)
        if self.init is not None:
            self.init(worker)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if not self.training.value:  # it is the parent that asks; torch's workers end so, too
            os._exit(0)


def _die_of(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _holds_gradients(runner: Runner) -> bool:
    """Whether gradients of several iterations are being summed up, with no step so far."""
    wrapper = runner.optim_wrapper
    several = isinstance(wrapper, OptimWrapperDict) or not isinstance(wrapper, OptimWrapper)
    return not several and not wrapper.should_update()


def _validates_twice(runner: Runner) -> bool:
    """Whether MMPretrain's EMAHook validates a second time, within the first one's end."""
    return any(
        getattr(hook, "evaluate_on_origin", False) and getattr(hook, "evaluate_on_ema", False)
        for hook in runner.hooks
    )


def _leave_validation(runner: Runner) -> None:
    """Gives the model back what it trains with; the validation is left undone."""
    for hook in runner.hooks:
        if isinstance(hook, EMAHook) and getattr(hook, "evaluate_on_ema", True):
            EMAHook.after_val_epoch(hook, runner)
        elif isinstance(hook, VocabularyHook):
            hook.after_val_epoch(runner)
    runner.message_hub.update_info(VALIDATED, None)
