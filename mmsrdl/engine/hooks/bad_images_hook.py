"""Counts and lists the images that a run left out."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner

from mmsrdl.datasets import MultiLabelDataset, inner_datasets
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.evaluation.gather import gather_rows
from mmsrdl.registry import HOOKS

EFFECTS = {
    "train": "others take their place",
    "val": "they are in no figure",
    "test": "they are in no figure",
}


@HOOKS.register_module()
class BadImagesHook(Hook):
    """Says which images ``on_bad_image='skip'`` left out.

    After every training epoch, validation and test, and in training by iterations before every
    validation and at the end: the number of images that could not be loaded since the last such
    line, the first ten of them, and what is wrong with each. All are in ``bad_images.csv`` in the
    folder of the log (columns ``stage``, ``epoch`` from 1, ``image`` and ``reason``), each once for
    each stage. Images are those of all processes. Every run of ``mmsrdl`` has this hook; it does
    nothing where images are not skipped.
    """

    def __init__(self) -> None:
        self._listed: dict[tuple[str, int], set[int]] = {}

    def after_train_epoch(self, runner: Runner) -> None:
        """Reports the epoch; an iteration-based loop ends its only one with the run."""
        self._report(runner, "train")

    def before_val_epoch(self, runner: Runner) -> None:
        """Reports what an iteration-based loop has met since the last validation."""
        if isinstance(getattr(runner, "_train_loop", None), BaseLoop):
            self._report(runner, "train")

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Reports the validation."""
        self._report(runner, "val")

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Reports the test."""
        self._report(runner, "test")

    def after_train(self, runner: Runner) -> None:
        """Sums up the run."""
        for place, dataset in enumerate(_skipping_datasets(runner, "train")):
            if listed := self._listed.get(("train", place)):
                runner.logger.warning(
                    f"train: in this run {len(listed)} of {len(dataset)} images of "
                    f"{type(dataset).__name__} could not be loaded: see {_file_of(runner)}"
                )

    def _report(self, runner: Runner, stage: str) -> None:
        for place, dataset in enumerate(_skipping_datasets(runner, stage)):
            mine = torch.tensor(dataset.bad_images.take(), dtype=torch.int64)
            found = sorted(set(torch.cat(gather_rows(mine)).tolist()))
            if found and is_main_process():
                self._write(runner, stage, place, dataset, found)

    def _write(
        self, runner: Runner, stage: str, place: int, dataset: MultiLabelDataset, found: list[int]
    ) -> None:
        listed = self._listed.setdefault((stage, place), set())
        new = [index for index in found if index not in listed]
        listed.update(new)
        line = (
            f"{stage}: {len(found)} of {len(dataset)} images of {type(dataset).__name__} could not "
            f"be loaded, and {EFFECTS[stage]} (on_bad_image='skip')"
        )
        if new:
            rows = [
                (dataset.get_data_info(index)["img_path"], dataset.bad_image_reason(index))
                for index in new
            ]
            _append(_file_of(runner), [(stage, runner.epoch + 1, *row) for row in rows])
            line += f"; {len(new)} of them not listed before, all in {_file_of(runner)}: "
            line += first_of([f"{path} ({reason})" for path, reason in rows])
        runner.logger.warning(line)


def _skipping_datasets(runner: Runner, stage: str) -> Iterator[MultiLabelDataset]:
    """Yields the data sets of a loop that skip images."""
    loader: Any = getattr(runner, f"{stage}_loop").dataloader
    for dataset in inner_datasets(loader.dataset):
        if isinstance(dataset, MultiLabelDataset) and dataset.on_bad_image == "skip":
            yield dataset


def _file_of(runner: Runner) -> Path:
    return Path(runner.log_dir, "bad_images.csv")


def _append(path: Path, rows: list[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    # Names that are no UTF-8 are written as Python escapes them.
    with path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(("stage", "epoch", "image", "reason"))
        writer.writerows(rows)
