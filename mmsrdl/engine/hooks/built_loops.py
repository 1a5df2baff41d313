"""The loops of a run, and the classes of their data."""

from collections.abc import Iterator
from typing import Any

from mmengine.runner import BaseLoop, Runner

Classes = tuple[str, ...]


def built_loops(runner: Runner) -> Iterator[tuple[str, Any]]:
    """Yields the loops of a run that are built, and whether they train, validate or test."""
    for stage in ("train", "val", "test"):
        loop = getattr(runner, f"_{stage}_loop")
        if isinstance(loop, BaseLoop):
            yield stage, loop


def classes_of(loop: Any) -> Classes:
    """Returns the class names of a loop's data set, () where it has none."""
    meta = getattr(loop.dataloader.dataset, "metainfo", None) or {}
    return tuple(meta.get("classes") or ())
