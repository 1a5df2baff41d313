"""What ``mmsrdl train`` and ``mmsrdl test`` leave in a work directory, read again."""

import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmsrdl.apis.run import metric_config

__all__ = ["Evaluation", "RunFolder", "find_run_folders"]

STAMP = re.compile(r"\d{8}_\d{6}")
"""MMEngine names the folder of every run by the time it began."""


@dataclass(frozen=True)
class Evaluation:
    """The figures of one evaluation.

    Attributes:
        figures: Names without prefix, such as ``mAP``, to percents.
        images: How many were evaluated; None where the log does not say.
        cfg: Config that it ran with.
        loader: ``'val'`` or ``'test'``: which of the config's loaders and evaluators it had.
        step: Epoch, or iteration, after which it took place; None in a test run.
    """

    figures: dict[str, float]
    images: int | None
    cfg: Config
    loader: str
    step: int | None


@dataclass(frozen=True)
class RunFolder:
    """One model's work directory.

    Attributes:
        folder: The work directory.
        training: Config of its newest training; None where it was only tested.
        evaluations: In the order of time: the last validation of every training, and every test.
    """

    folder: Path
    training: Config | None
    evaluations: tuple[Evaluation, ...]


def find_run_folders(roots: Sequence[str | os.PathLike[str]]) -> list[RunFolder]:
    """Finds and reads all work directories in some folders and below them.

    A work directory below another one in which nothing was trained, such as the ``--work-dir`` of a
    test, belongs to that other one.

    Args:
        roots: Work directories, or folders of them.

    Returns:
        In the order of their names.

    Raises:
        FileNotFoundError: If a folder does not exist, or holds no run.
        ValueError: If a log or a config is damaged.
    """
    owners: dict[Path, tuple[Path, list[Path]]] = {}
    for root in map(Path, roots):
        if not root.is_dir():
            raise FileNotFoundError(f"work_dirs: '{root}' is no folder")
        owned = _owners(root)
        if not owned:
            raise FileNotFoundError(
                f"work_dirs: '{root}' holds no run. A work directory of `mmsrdl train` or `mmsrdl "
                "test` has a folder such as 20260131_120000 with vis_data/config.py, which the "
                "visualizer's LocalVisBackend writes"
            )
        for folder, runs in owned.items():
            owners.setdefault(folder.resolve(), (folder, runs))
    return [_read_folder(*owner) for _, owner in sorted(owners.items())]


def _owners(root: Path) -> dict[Path, list[Path]]:
    """Returns work directories and the folders of their runs, in the order of time."""
    runs: dict[Path, list[Path]] = {}
    for place, below, _ in os.walk(root):
        stamps = sorted(name for name in below if STAMP.fullmatch(name))
        below[:] = sorted(set(below) - set(stamps))
        found = [Path(place, name) for name in stamps if _config_of(Path(place, name)).is_file()]
        if found:
            runs[Path(place)] = found
    owners: dict[Path, list[Path]] = {}
    for folder, found in runs.items():
        parents = [] if any(map(_is_training, found)) else [p for p in folder.parents if p in runs]
        owners.setdefault(parents[0] if parents else folder, []).extend(found)
    return {folder: sorted(found, key=lambda run: run.name) for folder, found in owners.items()}


def _config_of(run: Path) -> Path:
    return run / "vis_data" / "config.py"


def _is_training(run: Path) -> bool:
    return (run / "vis_data" / "scalars.json").is_file()


def _read_folder(folder: Path, runs: list[Path]) -> RunFolder:
    training, evaluations = None, []
    for run in runs:
        cfg = _read_config(_config_of(run))
        if _is_training(run):
            training = cfg
        evaluations += [found for found in (_evaluation(run, cfg),) if found is not None]
    return RunFolder(folder, training, tuple(evaluations))


def _read_config(file: Path) -> Config:
    """Reads the config that a run left."""
    try:
        return Config.fromfile(file, import_custom_modules=False)
    except Exception as error:
        raise ValueError(
            f"'{file}' cannot be read as a config ({type(error).__name__}: {error}): the run was "
            "stopped while it began, or the file is damaged. Leave out the folder"
        ) from error


def _evaluation(run: Path, cfg: Config) -> Evaluation | None:
    """Reads the last evaluation of a run by our metric; None where there is none."""
    loader = "val" if _is_training(run) else "test"
    file = run / "vis_data" / "scalars.json" if loader == "val" else run / f"{run.name}.json"
    metric = metric_config(cfg, cfg.get(f"{loader}_evaluator"))
    if metric is None or not file.is_file():
        return None
    prefix = metric.get("prefix") or "mlr"
    last = None
    for record in _records(file):
        last = record if f"{prefix}/mAP" in record else last
    if last is None:
        return None
    figures = {
        name.removeprefix(f"{prefix}/"): _number(file, name, value)
        for name, value in last.items()
        if name.startswith(f"{prefix}/")
    }
    step = int(last["step"]) if loader == "val" and "step" in last else None
    return Evaluation(figures, _count_images(run / f"{run.name}.log", prefix), cfg, loader, step)


def _records(file: Path) -> Iterator[dict[str, Any]]:
    """Yields the objects of a file of JSON lines."""
    for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            record = json.loads(line) if line.strip() else {}
        except json.JSONDecodeError as error:
            record = error
        if not isinstance(record, dict):
            raise ValueError(
                f"'{file}', line {number + 1}, is no JSON object ({record}): the file is damaged, "
                "or the run was stopped while it wrote. Take the line out, or leave out the folder"
            )
        yield record


def _number(file: Path, name: str, value: Any) -> float:
    """Returns a figure."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"'{file}' has {name}={value!r}, which is no number: leave out the folder")
    return float(value)


def _count_images(log: Path, prefix: str) -> int | None:
    """Reads from a log how many images the last evaluation had."""
    if not log.is_file():
        return None
    text = log.read_text(encoding="utf-8", errors="replace")
    protocol = r"(?:protocol ([^:\s]+): )?"
    found = re.findall(rf" {re.escape(prefix)}: {protocol}[^\n]*?\b(\d+) images", text)
    # Of several protocols the first gives the keys without suffix, and is logged first.
    counts = [int(count) for name, count in found if name == found[0][0]]
    return counts[-1] if counts else None
