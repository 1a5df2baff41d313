"""Which checkpoint of a work directory a stopped run goes on from."""

import os
from pathlib import Path

from mmengine.runner import find_latest_checkpoint

from mmsrdl.checkpoint import TRAINING_STATE, TornCheckpointError, read_checkpoint

__all__ = ["newest_checkpoint"]

NOT_TAKEN = ("best_", "nonfinite_")
"""How checkpoints begin that are no place to go on from unasked."""


def newest_checkpoint(work_dir: str) -> tuple[str | None, list[str]]:
    """Finds the newest checkpoint that can be resumed.

    The one that MMEngine wrote last comes first, then the others by age. MMEngine notes its whole
    path: where the work directory was copied or moved, the file of that name in it is meant, and
    the folder of the path is looked into only where there is none (``CheckpointHook.out_dir``). A
    torn one, as a power cut may leave it, is passed over; a checkpoint that is refused for another
    reason is not. One of before a batch that made the loss NaN is for those who name it.

    Args:
        work_dir: Folder of the stopped run.

    Returns:
        The checkpoint, None where there is none at all, and lines for the log: one for each that
        is torn, and one where the checkpoint lies in another folder.

    Raises:
        ValueError: If all are torn, or the newest whole one cannot be read.
    """
    named = find_latest_checkpoint(work_dir) if os.path.isdir(work_dir) else None
    last = _own(work_dir, Path(named)) if named else None
    folders = {Path(work_dir), *([last.parent] if last else [])}
    named_so = {"*.pth", f"*{last.suffix or '.pth'}"} if last else {"*.pth"}  # by filename_tmpl
    candidates = {path for folder in folders for name in named_so for path in folder.glob(name)}
    candidates |= {last} if last else set()
    candidates = {
        path for path in candidates if path.is_file() and not path.name.startswith(NOT_TAKEN)
    }
    lines = []
    for path in sorted(candidates, key=lambda path: (path == last, _age(path)), reverse=True):
        try:
            content = read_checkpoint(path)
        except TornCheckpointError as error:
            lines.append(f"passed over: {error}")
        else:
            # Weights alone may lie there, too; what MMEngine names is its own, whatever it lacks.
            if path == last or (isinstance(content, dict) and content.keys() >= TRAINING_STATE):
                if not path.parent.samefile(work_dir):
                    lines.append(
                        f"{path} lies outside of {work_dir!r}, whose last_checkpoint led there"
                    )
                return str(path), lines
    if lines:
        raise ValueError(
            f"no checkpoint of {work_dir!r} can be resumed; all are torn: " + "; ".join(lines)
        )
    return None, lines


def _own(work_dir: str, named: Path) -> Path:
    """Returns a checkpoint's file in the work directory, where there is one."""
    here = Path(work_dir) / named.name
    return here if here.is_file() else named


def _age(path: Path) -> tuple[float, int]:
    """Sort key: when it was written; the number in the name settles what a clock cannot."""
    digits = "".join(filter(str.isdigit, path.stem))
    return path.stat().st_mtime, int(digits or 0)
