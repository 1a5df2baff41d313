"""Trainings of a study, each in a process of its own, with results that are not made twice."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub

from mmsrdl.apis import train

__all__ = [
    "ERROR", "Training", "best_lr", "figures_of_run", "make_ready", "read_result", "read_training",
    "run_all", "run_training", "train_and_evaluate", "write_result",
]  # fmt: skip

VALIDATION = "val/"
MULTI_LABEL = "val/mlr/"
"""Beginning of the figures' names in the log, and of those of ``MultiLabelMetric``."""
CHECKPOINTS = ("*.pth", "last_checkpoint")
DESCRIPTION, ERROR = "training.json", "error.txt"


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
    def resumes(self) -> bool:
        """Whether the training keeps checkpoints, from which it goes on if it was stopped."""
        return False

    @property
    def command(self) -> list[str] | None:
        """Command line that runs it, in several processes; None runs it in one of ours."""
        return None

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


def run_training(training: Training, device: str | None = None) -> None:
    """Trains and evaluates, and writes ``result.json``; ends the process with 1 on an error.

    What is printed goes to ``output.txt`` in the training's folder, the traceback of an error to
    ``error.txt``.

    Args:
        training: See :class:`Training`.
        device: The GPU that it takes, as ``CUDA_VISIBLE_DEVICES`` has it; None leaves that as it
            is.
    """
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = device
    torch.set_num_threads(1)
    with (training.folder / "output.txt").open("a", encoding="utf-8") as output:
        try:
            with redirect_stdout(output), redirect_stderr(output):
                result = train_and_evaluate(training)
        except Exception:
            (training.folder / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
            sys.exit(1)
    write_result(training, result)


def write_result(training: Training, result: dict[str, Any]) -> None:
    """Writes ``result.json``, as a whole or not at all."""
    partial = training.folder / "result.json.part"
    partial.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    partial.replace(training.folder / "result.json")
    if training.resumes and training.stage == "search":
        _remove_checkpoints(training.folder)


def make_ready(training: Training) -> None:
    """Makes the folder, without what is of another training or of an attempt that failed.

    Checkpoints of the same training, which was stopped, stay, and its output with them.
    """
    folder, key = training.folder, training.folder / "key.txt"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("result.json", ERROR):
        (folder / name).unlink(missing_ok=True)
    if training.resumes:
        if key.is_file() and key.read_text(encoding="utf-8") == training.key:
            return
        _remove_checkpoints(folder)
        key.write_text(training.key, encoding="utf-8")
    (folder / "output.txt").unlink(missing_ok=True)


def read_training(folder: str | os.PathLike[str]) -> Training:
    """Reads the training whose :attr:`Training.command` was started with a folder."""
    content = json.loads(Path(folder, DESCRIPTION).read_text(encoding="utf-8"))
    module, name = content["class"]
    return getattr(import_module(module), name)(**content["fields"])


def _remove_checkpoints(folder: Path) -> None:
    for pattern in CHECKPOINTS:
        for path in folder.glob(pattern):
            path.unlink()


def train_and_evaluate(training: Training) -> dict[str, Any]:
    """Trains, or goes on, and returns what ``result.json`` holds.

    ``seconds`` are those of this process; of a training that was resumed they are a part
    (``resumed``).
    """
    cfg, key, facts = training.resolved, training.key, training.facts  # the runner changes cfg
    evaluators = cfg.val_evaluator
    first = evaluators[0] if isinstance(evaluators, list) else evaluators
    first.out_file = str(training.folder / "scores.npz")
    start, cpu_start = time.perf_counter(), time.process_time()
    model = train(cfg, "auto" if training.resumes else None)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    return {
        **facts,
        "metrics": figures_of_run(),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        **({"resumed": bool(cfg.resume)} if training.resumes else {}),
        "parameters": sum(each.numel() for each in model.parameters() if each.requires_grad),
        "epochs": cfg.train_cfg.max_epochs,
        "batch_size": cfg.train_dataloader.batch_size,
        "key": key,
    }


def figures_of_run() -> dict[str, float]:
    """Returns the figures of the last run of this process, by name."""
    scalars = MessageHub.get_current_instance().log_scalars
    return {
        name.removeprefix(MULTI_LABEL).removeprefix(VALIDATION): float(history.current())
        for name, history in scalars.items()
        if name.startswith(VALIDATION) and name.count("/") > 1  # val/time is none
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
    free: SimpleQueue[str | None] = SimpleQueue()
    for device in _devices(processes):
        free.put(device)
    pool = ThreadPoolExecutor(processes)
    try:
        futures = {pool.submit(_run_one, context, training, free): training for training in missing}
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


def _devices(processes: int) -> list[str | None]:
    """Deals the GPUs out to as many trainings as run at a time; None where there is one at most."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        devices = [str(number) for number in range(torch.cuda.device_count())]
    else:
        devices = [name for name in visible.split(",") if name]
    if len(devices) < 2:
        return [None] * processes
    return list(islice(cycle(devices), processes))


def _run_one(context: Any, training: Training, free: "SimpleQueue[str | None]") -> str:
    """Runs a training in a process, on a free device, and returns why it failed, or ''."""
    device = free.get()
    try:
        make_ready(training)
        code = _run_command(training) if training.command else _fork(context, training, device)
    finally:
        free.put(device)
    path = training.folder / ERROR
    if path.is_file():
        return path.read_text(encoding="utf-8").strip().splitlines()[-1]
    return f"ended with exit code {code}, without a message" if code else ""


def _fork(context: Any, training: Training, device: str | None) -> int:
    # A copy, without anything that was read.
    process = context.Process(target=run_training, args=(replace(training), device))
    process.start()
    process.join()
    return process.exitcode


def _run_command(training: Training) -> int:
    assert training.command is not None
    kind = type(training)
    content = {"class": [kind.__module__, kind.__qualname__], "fields": asdict(training)}
    (training.folder / DESCRIPTION).write_text(json.dumps(content), encoding="utf-8")
    with (training.folder / "output.txt").open("a", encoding="utf-8") as output:
        return subprocess.run(
            training.command, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode
