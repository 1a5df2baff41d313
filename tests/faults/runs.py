"""Small runs in processes of their own, with something that goes wrong at one place.

The processes are forked from one that has imported everything, so that a run takes a second or
two. They call the command line, and so end with its exit codes.
"""

import errno
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.cli import main
from tests.small_run import EPOCHS, ITERS, LENGTH, make_config

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.faults.runs", "mmsrdl.cli.train", "mmsrdl.engine"])

PATIENCE = 120
"""Seconds after which a run counts as one that hangs."""

KILLS = ("begin", "end", "validation", "half", "written", "named")
"""Where a run is killed: before or after an iteration, in a validation, with a file half written,
written but without its name, and with its name but the outdated one still there."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong, at which place, the how manyth time, and in which process."""

    place: str
    number: int
    does: str = "SIGKILL"
    rank: int = 0


@dataclass(frozen=True)
class Run:
    """A run: which config, on which data, and where its files go, by default ``logs / "work"``."""

    name: str
    data: Path
    logs: Path
    place: Path | None = None
    world: int = 1

    @property
    def work_dir(self) -> Path:
        """Its work directory."""
        return self.place or self.logs / "work"

    def config(self) -> Config:
        """Returns SRDL with EMA, erasing and two workers, or CSRA counted in iterations."""
        loop, checkpoint = (EPOCHS, 2) if self.name == "SRDL" else (ITERS, 3)
        cfg = make_config(
            self.data, self.work_dir, loop, dict(by_epoch=False, interval=checkpoint),
            batch_size=max(1, 2 // self.world),
        )  # fmt: skip
        cfg.default_hooks.checkpoint.max_keep_ckpts = 2
        cfg.default_hooks.logger = dict(type="LoggerHook", interval=1)
        cfg.custom_hooks.append(dict(type="FaultHook", priority="LOWEST"))
        cfg.custom_imports = dict(imports=["tests.faults.runs"])
        if self.name == "SRDL":
            cfg.train_dataloader.update(num_workers=2, persistent_workers=True)
            return cfg
        cfg.model.head = dict(
            type="CSRAClsHead", num_classes=3, in_channels=8, num_heads=1, lam=0.1,
            loss=dict(type="AsymmetricLoss", use_sigmoid=True),
        )  # fmt: skip
        cfg.default_hooks.pop("oe")
        cfg.optim_wrapper.optimizer = dict(type="SGD", lr=0.1, momentum=0.9)
        cfg.custom_hooks[0] = dict(type="mmpretrain.EMAHook", momentum=0.1)
        return cfg

    def start(self, fault: Fault | None = None, resume: str | None = "auto") -> list[Any]:
        """Starts its processes.

        Args:
            fault: What is to go wrong.
            resume: A checkpoint, ``"auto"``, or None to begin anew.
        """
        config = self.logs / "config.py"
        self.config().dump(config)
        words = ["train", str(config), "--work-dir", str(self.work_dir)]
        words += ["--resume", resume] if resume else []
        words += ["--launcher", "pytorch"] if self.world > 1 else []
        port = _free_port()
        processes = [
            CONTEXT.Process(target=_work, args=(self, words, fault, rank, port))
            for rank in range(self.world)
        ]
        for process in processes:
            process.start()
        return processes

    def run(self, fault: Fault | None = None, resume: str | None = "auto") -> int:
        """Runs to its end, and returns the exit code of its first process."""
        return wait(self.start(fault, resume))[0]

    def log(self, name: str) -> Path:
        """Returns a file beside the work directory, which may be full."""
        return self.logs / f"{name}.txt"

    def said(self) -> str:
        """Returns what the first process of the last run wrote to stderr."""
        return self.log("stderr 0").read_text()

    def counts(self) -> dict[str, int]:
        """Returns how often the last run came to every place."""
        return json.loads(self.log("counts").read_text())

    def end(self) -> dict[str, Any]:
        """Returns what a run ends with, to be compared: weights, averages, figures, best ones."""
        content = read_checkpoint(self.work_dir / f"iter_{3 * LENGTH}.pth")
        names = ("state_dict", "ema_state_dict", "optimizer", "param_schedulers")
        info = content["message_hub"]["runtime_info"]
        return {
            **{name: content[name] for name in names},
            "meta": {name: content["meta"][name] for name in ("epoch", "iter", "seed")},
            "best": (info["best_score"], Path(info["best_ckpt"]).name),
            "files": sorted(
                path.name for path in self.work_dir.glob("*.pth*") if path.name.startswith("best")
            ),
            "figures": self.figures(),
        }

    def figures(self) -> dict[str, dict[str, float]]:
        """Returns losses and validation figures by step; later runs' replace earlier ones'."""
        steps: dict[str, dict[str, float]] = {}
        for log in sorted(self.work_dir.glob("*/vis_data/scalars.json")):
            for line in map(json.loads, log.read_text().splitlines()):
                kind = "val" if "mlr/mAP" in line else "train"
                chosen = {key: line[key] for key in line if key.startswith(("mlr/", "loss"))}
                steps[f"{kind} {line['step']}"] = chosen
        return steps


def same(one: Any, other: Any) -> None:
    """Raises AssertionError unless two ends of runs are equal, bit for bit."""
    assert one.keys() == other.keys()
    for key in ("state_dict", "ema_state_dict", "optimizer"):
        torch.testing.assert_close(one[key], other[key], rtol=0, atol=0)
    for key in one:
        assert str(one[key]) == str(other[key]), key


def wait(processes: list[Any]) -> list[int]:
    """Waits for processes, and returns their exit codes; ends them where they hang."""
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    hanging = [process for process in processes if process.is_alive()]
    for process in hanging:
        process.kill()
    assert not hanging, f"{len(hanging)} of {len(processes)} processes hang"
    return [process.exitcode for process in processes]


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


def _work(run: Run, words: list[str], fault: Fault | None, rank: int, port: int) -> None:
    """What a process does."""
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        os.dup2(os.open(run.log(f"{name} {rank}"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
                stream.fileno())  # fmt: skip
    torch.set_num_threads(1)
    if run.world > 1:
        os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(run.world),
            MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port),
        )  # fmt: skip
    happens.expected = fault if fault is not None and fault.rank == rank else None
    _watch_writes()
    code = main(words)
    if rank == 0:
        run.log("counts").write_text(json.dumps(happens.counts))
    sys.exit(code)


class _Happens:
    """Counts how often a place is come to, and lets the fault happen there."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.expected: Fault | None = None

    def at(self, place: str) -> bool:
        """Returns whether the fault is here, now."""
        self.counts[place] += 1
        fault = self.expected
        return fault is not None and (fault.place, fault.number) == (place, self.counts[place])

    def __call__(self, place: str) -> None:
        if self.at(place):
            assert self.expected is not None
            if self.expected.does == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            number = getattr(signal, self.expected.does)
            if number != signal.SIGKILL:  # schedulers tell workers of data loaders, too
                for worker in multiprocessing.active_children():
                    os.kill(worker.pid, number)
            os.kill(os.getpid(), number)


happens = _Happens()


@HOOKS.register_module(force=True)
class FaultHook(Hook):
    """Lets the fault happen in training and validation."""

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        happens("begin")
        if happens.at("nan"):
            data_batch["inputs"] = data_batch["inputs"] * float("nan")

    def after_train_iter(self, *args: Any, **kwargs: Any) -> None:
        happens("end")

    def before_val_iter(self, *args: Any, **kwargs: Any) -> None:
        happens("validation")


def _watch_writes() -> None:
    """Lets the fault happen while files are written."""
    sync, rename = os.fsync, os.replace

    def fsync(handle: int) -> None:
        if os.path.isfile(f"/proc/self/fd/{handle}"):
            if happens.expected and happens.expected.place == "half":
                _cut_if_next(handle)
            happens("half")
        sync(handle)

    def replace_(source: Any, target: Any) -> None:
        happens("written")
        rename(source, target)
        happens("named")

    os.fsync, os.replace = fsync, replace_


def _cut_if_next(handle: int) -> None:
    assert happens.expected is not None
    if happens.counts["half"] + 1 == happens.expected.number:
        os.ftruncate(handle, os.fstat(handle).st_size // 2)
