"""Files that are written whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend

__all__ = ["ATOMIC", "AtomicBackend", "remove_parts", "write_atomically"]

ATOMIC = "mmsrdl_atomic"
"""Name of :class:`AtomicBackend` in MMEngine's ``backend_args=dict(backend=...)``."""

PART = ".part"
"""Ending of a file while it is written."""


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file beside its place and moves it there once it is on the disk.

    Whatever happens meanwhile, a file that was there before stays as it was.

    Args:
        path: The file; its folder must be there.
        content: What it is to hold.

    Raises:
        OSError: If it cannot be written; what was written of it is removed.
    """
    path = Path(path)
    part = path.with_name(path.name + PART)
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Has the disk keep the new name, too; some file systems know no such thing."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def remove_parts(folder: str | os.PathLike[str], endings: Iterable[str] = (".pth",)) -> None:
    """Removes what a killed run left half written; the main process does.

    Args:
        folder: Where to look, not below it.
        endings: Of the files that were being written.
    """
    if is_main_process():
        for ending in endings:
            for part in Path(folder).glob(f"*{ending}{PART}"):
                part.unlink(missing_ok=True)


@register_backend(ATOMIC, force=True)
class AtomicBackend(LocalBackend):
    """MMEngine's backend of local files, which writes by :func:`write_atomically`."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Writes a file.

        Args:
            obj: Its content.
            filepath: Where to; folders that are missing are made.
        """
        os.makedirs(os.path.dirname(os.path.abspath(filepath)), exist_ok=True)
        write_atomically(filepath, obj)
