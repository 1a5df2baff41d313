"""Which checkpoint of a work directory a stopped run goes on from."""

import os
from pathlib import Path

from mmengine.runner import find_latest_checkpoint

from mmsrdl.checkpoint import TRAINING_STATE, TornCheckpointError, read_checkpoint

__all__ = ["newest_checkpoint"]


def newest_checkpoint(work_dir: str) -> tuple[str | None, list[str]]:
    """Finds the newest checkpoint that can be resumed.

    The one that MMEngine wrote last comes first, then the others of its folder and of the work
    directory by age. A torn one, as a full disk or a power cut leaves it, is passed over; a
    checkpoint that is refused for another reason is not.

    Args:
        work_dir: Folder of the stopped run.

    Returns:
        The checkpoint, None where there is none at all, and a line for each that is torn.

    Raises:
        ValueError: If all are torn, or the newest whole one cannot be read.
    """
    named = find_latest_checkpoint(work_dir) if os.path.isdir(work_dir) else None
    folders = {Path(work_dir), *([Path(named).parent] if named else [])}
    candidates = {path for folder in folders for path in folder.glob("*.pth")}
    candidates = {
        path for path in candidates if path.is_file() and not path.name.startswith("best_")
    }
    last = Path(named) if named and Path(named).is_file() else None
    torn = []
    for path in sorted(candidates, key=lambda path: (path == last, _age(path)), reverse=True):
        try:
            content = read_checkpoint(path)
        except TornCheckpointError as error:
            torn.append(f"passed over: {error}")
        else:
            # Weights alone may lie there, too; what MMEngine names is its own, whatever it lacks.
            if path == last or (isinstance(content, dict) and content.keys() >= TRAINING_STATE):
                return str(path), torn
    if torn:
        raise ValueError(
            f"no checkpoint of {work_dir!r} can be resumed; all are torn: " + "; ".join(torn)
        )
    return None, torn


def _age(path: Path) -> tuple[float, int]:
    """Sort key: when it was written; the number in the name settles what a clock cannot."""
    digits = "".join(filter(str.isdigit, path.stem))
    return path.stat().st_mtime, int(digits or 0)
