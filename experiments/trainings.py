"""Trainings of a study, each in a process of its own, with results that are not made twice."""

import json
import multiprocessing
import os
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmsrdl.apis import train

__all__ = ["Training", "best_lr", "figures_of_run", "read_result", "run_all", "run_training"]

METRICS = ("val/mlr/", "val/ov/")
"""Beginnings of what evaluations are called; the first is not a part of the figures' names."""


@dataclass(frozen=True, kw_only=True)
class Training(ABC):
    """One training of a study and its evaluation; dataclasses derive from it.

    An instance is sent to another process, so it must pickle; what it reads it may keep, but not
    before it is sent.

    Attributes:
        stage: ``'search'`` trains on a part of the training images and is evaluated on the rest of
            them; ``'final'`` trains on all and is evaluated on the validation images.
        lr: Learning rate.
        seed: Seed of the training.
        out: Folder of the study.
    """

    stage: str
    lr: float
    seed: int
    out: str

    @property
    @abstractmethod
    def cell(self) -> dict[str, str]:
        """What is trained, by names: of folders, and in the result."""

    @property
    @abstractmethod
    def resolved(self) -> Config:
        """The config of the training."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What a result depends on, wherever data and results lie."""

    @property
    def folder(self) -> Path:
        """Folder of logs, resolved config, scores and result."""
        name = f"{self.stage}_lr{self.lr:g}_seed{self.seed}"
        return Path(self.out, *self.cell.values(), name)

    def __str__(self) -> str:
        return ", ".join((*self.cell.values(), self.stage, f"lr {self.lr:g}", f"seed {self.seed}"))

    @property
    def facts(self) -> dict[str, Any]:
        """What the result says of the training beside its figures."""
        return {**self.cell, "stage": self.stage, "lr": self.lr, "seed": self.seed}


def read_result(training: Training) -> dict[str, Any] | None:
    """Returns the result of a training that was done as it is now described, or None."""
    path = training.folder / "result.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    return result if result is not None and result["key"] == training.key else None


def best_lr(results: Iterable[dict[str, Any]]) -> float | None:
    """Returns the learning rate of the highest mAP, of equals the lowest; None without a result."""
    found = list(results)
    if not found:
        return None
    return max(found, key=lambda result: (result["metrics"]["mAP"], -result["lr"]))["lr"]


def run_training(training: Training) -> None:
    """Trains and evaluates, and writes ``result.json``; ends the process with 1 on an error.

    What is printed goes to ``output.txt`` in the training's folder, the traceback of an error to
    ``error.txt``.
    """
    torch.set_num_threads(1)
    folder = training.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("result.json", "error.txt"):
        (folder / name).unlink(missing_ok=True)
    with (folder / "output.txt").open("w", encoding="utf-8") as output:
        try:
            with redirect_stdout(output), redirect_stderr(output):
                result = _train(training)
        except Exception:
            (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
            sys.exit(1)
    partial = folder / "result.json.part"
    partial.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / "result.json")


def _train(training: Training) -> dict[str, Any]:
    cfg, key, facts = training.resolved, training.key, training.facts  # the runner changes cfg
    evaluators = cfg.val_evaluator
    first = evaluators[0] if isinstance(evaluators, list) else evaluators
    first.out_file = str(training.folder / "scores.npz")
    start, cpu_start = time.perf_counter(), time.process_time()
    model = train(cfg)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return {
        **facts,
        "metrics": figures_of_run(),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "parameters": sum(each.numel() for each in model.parameters() if each.requires_grad),
        "epochs": cfg.train_cfg.max_epochs,
        "batch_size": cfg.train_dataloader.batch_size,
        "key": key,
    }


def figures_of_run() -> dict[str, float]:
    """Returns the figures of the last run of this process, by name."""
    scalars = MessageHub.get_current_instance().log_scalars
    return {
        name.removeprefix(METRICS[0]).removeprefix("val/"): float(history.current())
        for name, history in scalars.items()
        if name.startswith(METRICS)
    }


def run_all(trainings: Iterable[Training], processes: int) -> list[str]:
    """Runs the trainings that have no result yet.

    Args:
        trainings: Of one class.
        processes: How many run at a time, with a thread each.

    Returns:
        What failed.
    """
    missing = [training for training in trainings if read_result(training) is None]
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch counts the threads of the processes
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(sorted({type(each).__module__ for each in missing}))
    failed = []
    pool = ThreadPoolExecutor(processes)
    try:
        futures = {pool.submit(_run_one, context, training): training for training in missing}
        for number, future in enumerate(as_completed(futures), start=1):
            training, error = futures[future], future.result()
            result = read_result(training)
            if error or result is None:
                failed.append(f"{training}: {error or 'wrote no result'} (see {training.folder})")
                outcome = failed[-1]
            else:
                outcome = (
                    f"{training}: mAP {result['metrics']['mAP']:.2f}, {result['seconds']:.0f} s"
                )
            print(f"[{number}/{len(missing)}] {outcome}", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
    return failed


def _run_one(context: Any, training: Training) -> str:
    """Runs a training in a process, and returns why it failed, or ''."""
    # A copy, without anything that was read.
    process = context.Process(target=run_training, args=(replace(training),))
    process.start()
    process.join()
    if process.exitcode == 0:
        return ""
    path = training.folder / "error.txt"
    if not path.is_file():
        return f"ended with exit code {process.exitcode}, without a message"
    return path.read_text(encoding="utf-8").strip().splitlines()[-1]
