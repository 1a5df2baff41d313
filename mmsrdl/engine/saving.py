"""Saving in the middle of a run, so that all processes know whether it went well."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import torch
from mmengine.dist import all_reduce, is_main_process
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmsrdl.atomic_file import ATOMIC, write_atomically

__all__ = [
    "FAILED",
    "NotWrittenError",
    "atomic_arguments",
    "end_all",
    "highest",
    "note_newest",
    "save_now",
    "whole_or_none",
]

FAILED = 2
"""Exit code of the other processes where the main one says what went wrong."""


class NotWrittenError(OSError):
    """A checkpoint or another file of a run that cannot be written."""


def highest(value: int) -> int:
    """Returns the highest of the processes' values; all of them call it."""
    number = torch.tensor(value)
    all_reduce(number, op="max")
    return int(number)


def end_all(error: Exception) -> NoReturn:
    """Ends all processes together: the main one with the error, the others without a word."""
    if is_main_process():
        raise error
    raise SystemExit(FAILED)


def atomic_arguments(folder: str, arguments: dict | None) -> dict | None:
    """Returns the ``backend_args`` that write whole files, where a folder is a local one."""
    local = type(get_file_backend(folder, backend_args=arguments)) is LocalBackend
    return dict(backend=ATOMIC) if local else arguments


def note_newest(work_dir: str, checkpoint: str) -> None:
    """Writes where the newest checkpoint is, as MMEngine does; the main process does."""
    if is_main_process():
        write_atomically(Path(work_dir) / "last_checkpoint", checkpoint.encode())


@contextmanager
def whole_or_none(folder: str, good: str | None) -> Iterator[None]:
    """Ends all processes where the main one cannot write; all of them enter it.

    Args:
        folder: What is written to.
        good: The newest checkpoint that is whole, for the error.

    Raises:
        NotWrittenError: Of the main process; the others leave with the exit code 2.
    """
    failure: OSError | None = None
    try:
        yield
    except NotWrittenError:  # all know of it
        raise
    except OSError as error:
        failure = error
    if highest(failure is not None):
        end_all(not_written(failure, folder, good))


def not_written(failure: OSError | None, folder: str, good: str | None) -> NotWrittenError:
    """Makes the one line on what cannot be written, and how to go on."""
    reason = (failure.strerror or str(failure)) if failure is not None else "another process failed"
    how = f"go on from {good} with --resume" if good else "begin anew"
    return NotWrittenError(
        f"cannot write to {os.path.abspath(folder)!r} ({reason}): the training ends here, and "
        f"nothing that was written before is lost. The last good checkpoint: {good or 'none'}. "
        f"Make room, or let the folder be written to, and {how}"
    )


def save_now(runner: Runner, filename: str, iterations: int) -> str:
    """Writes all that a run needs to go on; all processes call it, the main one writes.

    Args:
        runner: A runner that trains.
        filename: Name of the file, in the checkpoints' folder.
        iterations: How many were done.

    Returns:
        Path of the checkpoint.

    Raises:
        NotWrittenError: If it cannot be written.
    """
    hook = next((hook for hook in runner.hooks if isinstance(hook, CheckpointHook)), None)
    folder = str(hook.out_dir) if hook is not None else runner.work_dir
    good = hook.last_ckpt if hook is not None else None
    with whole_or_none(folder, good or (runner._load_from if runner._resume else None)):
        runner.save_checkpoint(
            folder,
            filename,
            meta=dict(epoch=runner.epoch, iter=iterations),
            by_epoch=False,
            backend_args=atomic_arguments(folder, hook.backend_args if hook else None),
        )
    return os.path.join(folder, filename)
