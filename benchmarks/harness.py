"""What the benchmarks share: timing in alternating rounds, peak memory, reports.

Machines are noisy, and seconds of two runs do not compare. So candidates are timed in rounds, each
candidate's time is divided by the baseline's time of the same round, and the median of these
ratios is the result.
"""

import argparse
import datetime
import gc
import json
import math
import os
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mmsrdl.arguments import check_integer
from mmsrdl.version import __version__

__all__ = [
    "Timing",
    "compare",
    "make_parser",
    "peak_memory",
    "prepare",
    "print_result",
    "report",
    "run_child",
    "timing_rows",
]

ROOT = Path(__file__).resolve().parents[1]
SHORTEST = 0.02
PACKAGES = (
    "torch", "torchvision", "triton", "numpy", "cv2", "PIL",
    "mmengine", "mmcv", "mmpretrain", "timm", "torchmetrics", "sklearn",
)  # fmt: skip

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Timing:
    """Time of one candidate.

    Attributes:
        seconds: Median time of a call.
        ratio: Median over the rounds of this time over the baseline's time of the same round:
            below 1 is faster than the baseline.
        low: First quartile of these ratios.
        high: Third quartile of these ratios.
    """

    seconds: float
    ratio: float
    low: float
    high: float


def compare(
    candidates: Mapping[str, Callable[[], object]],
    baseline: str,
    rounds: int = 10,
    warmup: int = 2,
    device: str | torch.device = "cpu",
) -> dict[str, Timing]:
    """Times candidates side by side.

    Every round runs every candidate once, and every other round in reverse order, so that what
    slows the machine for a while slows all. A call too short to be timed is repeated within its
    turn, as often as 20 ms need.

    Args:
        candidates: What is timed, by name.
        baseline: Name of the candidate whose time is 1.
        rounds: Number of rounds, at least 1.
        warmup: Number of untimed calls of each candidate.
        device: On CUDA, the clock is read when the device has done its work.

    Returns:
        The time of every candidate, in the order given.

    Raises:
        ValueError: If the baseline is none of the candidates, or a number is too small.
    """
    if baseline not in candidates:
        raise ValueError(f"baseline={baseline!r} must be one of the candidates {list(candidates)}")
    check_integer("rounds", rounds, low=1, example=10)
    check_integer("warmup", warmup, low=0, example=2)
    device = torch.device(device)
    repeats = {}
    for name, call in candidates.items():
        for _ in range(warmup):
            call()
        repeats[name] = count_repeats(call, device)
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    order = list(candidates)
    for _ in range(rounds):
        for name in order:
            seconds[name].append(time_call(candidates[name], repeats[name], device))
        order.reverse()
    return {name: summarise(times, seconds[baseline]) for name, times in seconds.items()}


def count_repeats(call: Callable[[], object], device: torch.device) -> int:
    """Number of calls that take about 20 ms, at least 1."""
    repeats = 1
    while (seconds := time_call(call, repeats, device)) * repeats < SHORTEST:
        # What a first call costs more must not end the search with too few.
        wanted = math.ceil(SHORTEST / max(seconds, 1e-9))
        repeats = min(max(wanted, 2 * repeats), 10 * repeats)
    return repeats


def time_call(call: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Seconds of one call, the mean of ``repeats`` in a row."""
    gc.collect()  # nobody pays for the garbage of the one before
    synchronise(device)
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    synchronise(device)
    return (time.perf_counter() - start) / repeats


def synchronise(device: torch.device) -> None:
    """Waits for what the device still has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def summarise(seconds: Sequence[float], baseline: Sequence[float]) -> Timing:
    """Median time, and median and quartiles of the ratios of the rounds."""
    ratios = np.asarray(seconds) / np.asarray(baseline)
    low, ratio, high = np.quantile(ratios, (0.25, 0.5, 0.75)).tolist()
    return Timing(float(np.median(seconds)), ratio, low, high)


def timing_rows(timings: Mapping[str, Timing]) -> list[dict[str, Any]]:
    """Rows of :func:`report`, one for each candidate of :func:`compare`."""
    return [{"candidate": name, **asdict(timing)} for name, timing in timings.items()]


def peak_memory(device: str | torch.device = "cpu") -> int:
    """Most memory that this process has held, in bytes.

    On the CPU it is the peak of the resident memory (``VmHWM``): interpreter, libraries,
    parameters and optimiser included. It never falls, so each setup needs a fresh process, see
    :func:`run_child`. ``resource.getrusage`` would not do: a child's ``ru_maxrss`` begins with the
    memory of the parent that started it.

    Args:
        device: On CUDA, what PyTorch's allocator handed out at most.

    Returns:
        Bytes.
    """
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def run_child(module: str, args: Iterable[str] = ()) -> dict[str, Any]:
    """Runs ``python -m MODULE ARGS`` in a process of its own and reads what it measured.

    A benchmark that is to know the peak memory of its setups has an option ``--child SETUP``. With
    it, it runs this setup alone and ends with ``print_result(peak=peak_memory())``; without it, it
    calls this function for each of them. All children have one arena of glibc's allocator, as the
    number of arenas moves the peak by tens of megabytes.

    Args:
        module: Name of the module, usually ``__spec__.name``.
        args: Its command line.

    Returns:
        What the child gave to :func:`print_result`.

    Raises:
        RuntimeError: If it failed, with the end of what it wrote, or printed no result.
    """
    command = ["-m", module, *args]
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "1"}
    child = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True
    )
    shown = " ".join(("python", *command))
    if child.returncode:
        raise RuntimeError(f"{shown} ended with {child.returncode}:\n{child.stderr[-3000:]}")
    last = child.stdout.strip().rpartition("\n")[2]
    try:
        result = json.loads(last)
    except json.JSONDecodeError:
        result = None
    if not isinstance(result, dict):
        raise RuntimeError(f"{shown} must end with print_result(...), its last line was {last!r}")
    return result


def print_result(**values: Any) -> None:
    """Hands numbers to the parent of a child, see :func:`run_child`."""
    print(json.dumps(values), flush=True)


def make_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Makes a parser of the options that all benchmarks have.

    Args:
        name: Last part of the module's name.
        description: What it measures.

    Returns:
        The parser, for the options of one benchmark to be added.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--json", metavar="FILE", help="also write the report there, in full")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch (default 1)")
    parser.add_argument("--rounds", type=int, default=10, help="alternating rounds (default 10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is drawn (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1 ...")
    return parser


def prepare(args: argparse.Namespace) -> torch.device:
    """Sets threads and seeds as the options of :func:`make_parser` say.

    Args:
        args: The parsed command line.

    Returns:
        The device.

    Raises:
        ValueError: If a number is too small, or there is no such device.
    """
    check_integer("threads", args.threads, low=1, example=1)
    check_integer("rounds", args.rounds, low=1, example=10)
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={args.device!r} needs a GPU, and there is none: use 'cpu'")
    torch.set_num_threads(args.threads)
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    return device


def report(
    title: str,
    rows: Sequence[Row] | Mapping[str, Sequence[Row]],
    json_path: str | Path | None = None,
    seed: int = 0,
    device: str | torch.device = "cpu",
) -> None:
    """Prints results below a description of the machine, and writes both to a file.

    Args:
        title: What was measured.
        rows: Rows of a table, each of values by column, or such rows by the heading of a table.
        json_path: File of the same in JSON, with all digits, or None.
        seed: Seed of the run.
        device: Device of the run; a GPU is named.
    """
    tables = dict(rows) if isinstance(rows, Mapping) else {"": rows}
    setting = describe_setting(seed, torch.device(device))
    print(f"{title}\n")
    print(draw_table([{"": key, " ": value} for key, value in setting.items()], header=False))
    for heading, lines in tables.items():
        print("\n" + (f"{heading}\n\n" if heading else "") + draw_table(lines))
    if json_path is not None:
        listed = [{"heading": heading, "rows": list(lines)} for heading, lines in tables.items()]
        content = {"title": title, "setting": setting, "tables": listed}
        Path(json_path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def describe_setting(seed: int, device: torch.device) -> dict[str, str]:
    """What a figure depends on, without names of machines, users or folders."""
    setting = {
        "command": command_line(),
        "date": datetime.date.today().isoformat(),
        "seed": str(seed),
        "cpu": f"{cpu_model()}, {len(os.sched_getaffinity(0))} cores",
        "threads": str(torch.get_num_threads()),
        "load": f"{os.getloadavg()[0]:.1f} in the last minute",
    }
    if device.type == "cuda":
        setting["gpu"] = torch.cuda.get_device_name(device)
    loaded = {name: sys.modules[name] for name in PACKAGES if name in sys.modules}
    versions = {name: str(getattr(module, "__version__", "?")) for name, module in loaded.items()}
    versions = {"python": platform.python_version(), "mmsrdl": __version__, **versions}
    setting["versions"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return setting


def command_line() -> str:
    """The command, with nothing of an absolute path but its last part."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = f"-m {spec.name}" if spec else Path(sys.argv[0]).name
    return " ".join(("python", program, *map(without_folder, sys.argv[1:])))


def without_folder(argument: str) -> str:
    """``--json=/some/folder/x.json`` as ``--json=x.json``."""
    option, equals, value = argument.rpartition("=")
    return option + equals + (Path(value).name if Path(value).is_absolute() else value)


def cpu_model() -> str:
    """Name of the processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def draw_table(rows: Sequence[Row], header: bool = True) -> str:
    """Aligned columns as plain text, numbers to the right with about four digits."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(box=None, show_header=header, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        numeric = all(isinstance(row.get(column), int | float | None) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(show(row.get(column)) for column in columns))
    text = StringIO()
    # Wide enough for any line: a report is read in files as well as in terminals.
    Console(
        file=text, width=1000, force_terminal=False, no_color=True, markup=False, emoji=False,
        highlight=False,
    ).print(table)  # fmt: skip
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n"))


def show(value: object) -> str:
    """A number with four digits or all of its integer part; nothing as a dash."""
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
