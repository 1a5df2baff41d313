"""Checkpoints of which there is always a whole one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmsrdl.atomic_file import remove_parts
from mmsrdl.engine.saving import atomic_arguments, note_newest, whole_or_none
from mmsrdl.registry import HOOKS

__all__ = ["SafeCheckpointHook"]


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook``, with the same arguments, that never lacks a whole checkpoint.

    MMEngine removes the outdated checkpoint, or the former best one, and then writes the new one
    in its place on the disk: a run that is killed meanwhile, or whose disk is full, has lost the
    former and half of the latter. Here a file is written beside, brought to the disk and then
    moved to its name, ``last_checkpoint`` too, and what is outdated is removed last. So there must
    be room for one checkpoint more than ``max_keep_ckpts``. Checkpoints on other storage than
    local folders are written as MMEngine does. Every run of ``mmsrdl`` that has MMEngine's hook
    gets this one.

    Args:
        *args: Passed to :class:`mmengine.hooks.CheckpointHook`.
        **kwargs: Likewise.

    Raises:
        NotWrittenError: Of the main process, when a checkpoint cannot be written; the others
            leave with the exit code 2.
    """

    backend_args: dict | None
    file_backend: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.last_ckpt: str | None = None
        self._good: str | None = None

    def before_train(self, runner: Runner) -> None:
        """Finds the folder, and removes what a killed run left half written there."""
        super().before_train(runner)
        if self.file_client_args is None:
            self.backend_args = atomic_arguments(self.out_dir, self.backend_args)
        remove_parts(self.out_dir, {".pth", Path(self.filename_tmpl).suffix or ".pth"})
        remove_parts(runner.work_dir, ["last_checkpoint"])
        self.file_backend = _LateRemoval(self.file_backend)
        self._good = runner._load_from if runner._resume else None

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        """Writes a checkpoint, then its name, and then removes the outdated one."""
        name = self.filename_tmpl.format(step)
        self._keep(runner, step)
        path = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info("last_ckpt", path)
        with whole_or_none(self.out_dir, self._good):
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
            note_newest(runner.work_dir, path)
            self.last_ckpt = self._good = path
            self.file_backend.settle(kept=self._named())

    def _keep(self, runner: Runner, step: int) -> None:
        """Counts a checkpoint among those that are kept.

        The new one names the outdated one, too: where a run is killed before that is removed,
        MMEngine removes it when the run goes on.
        """
        if self.max_keep_ckpts <= 0:
            return
        outdated = []
        if step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self.keep_ckpt_ids.popleft())
            self.keep_ckpt_ids.append(step)
        runner.message_hub.update_info("keep_ckpt_ids", [*outdated, *self.keep_ckpt_ids])
        for number in outdated if is_main_process() else ():
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(number))
            folder = self.file_backend.isdir(path)  # of DeepSpeed
            (self.file_backend.rmtree if folder else self.file_backend.remove)(path)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Writes the best checkpoint where this is one, and then removes the former."""
        if not hasattr(self, "file_backend"):  # of Runner.val alone, where MMEngine's hook fails
            return
        with whole_or_none(self.out_dir, self._good):
            super()._save_best_checkpoint(runner, metrics)
            self.file_backend.settle(kept=self._named())

    def _named(self) -> set[str]:
        """Returns the checkpoints that the run speaks of: never to be removed."""
        best = getattr(self, "best_ckpt_path_dict", None) or {}
        named = {self.last_ckpt, getattr(self, "best_ckpt_path", None), *best.values()}
        return {path for path in named if path}


class _LateRemoval:
    """A file backend that removes files only once it is told to."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._due: dict[str, Callable[[], None]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        """Notes a file to be removed."""
        self._due[path] = partial(self._backend.remove, path)

    def rmtree(self, path: str) -> None:
        """Notes a folder to be removed."""
        self._due[path] = partial(self._backend.rmtree, path)

    def settle(self, kept: set[str]) -> None:
        """Removes what is due.

        Args:
            kept: What has been written again meanwhile.
        """
        for path, remove in self._due.items():
            if path not in kept and self._backend.exists(path):
                remove()
        self._due.clear()
