"""Whatever goes wrong with a run: it goes on, and ends like one in which nothing did, bit for bit.

`make faults` runs all of it and prints a table; the quick tests keep a kill in each config.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmsrdl.apis.resume import newest_checkpoint
from mmsrdl.engine.hooks.stop_signal_hook import STOPPED
from tests.faults.conftest import SEED
from tests.faults.runs import KILLS, Fault, Run, same, wait

NAMES = ("SRDL", "CSRA")
Record = Callable[[str, Any], None]


@pytest.mark.parametrize(
    ("name", "kill"),
    [
        pytest.param(name, kill, marks=[pytest.mark.slow] if kill else [], id=f"{name}-{kill}")
        for kill in range(10)
        for name in NAMES
    ],
)
def test_killed(name: str, kill: int, whole: Any, tmp_path: Path, record_property: Record) -> None:
    undisturbed, end, counts = whole(name)
    times = [(place, number + 1) for place in KILLS for number in range(counts[place])]
    place, number = random.Random(f"{SEED} {name}").sample(times, 10)[kill]
    fault = Fault(place, number)
    run = Run(name, undisturbed.data, tmp_path)
    assert run.run(fault) == -signal.SIGKILL, run.said()
    newest, lines = newest_checkpoint(str(run.work_dir))
    assert not lines  # none is torn
    assert run.run() == 0, run.said()
    same(run.end(), end)
    assert not list(run.work_dir.glob("*.part"))
    assert len(list(run.work_dir.glob("iter_*.pth"))) == 2
    what = f"SIGKILL at {place} {fault.number} of {counts[place]}"
    record_property("fault", (name, what, "killed", _name(newest), "bit-identical"))


def _name(path: str | None) -> str:
    return Path(path).name if path else "the beginning"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["end", "validation"])
def test_stopped_by_a_signal(
    name: str, place: str, whole: Any, draw: random.Random, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, counts = whole(name)
    does = draw.choice(["SIGTERM", "SIGUSR1"])
    fault = Fault(place, draw.randint(1, counts[place]), does)
    run = Run(name, undisturbed.data, tmp_path)
    assert run.run(fault) == STOPPED, run.said()
    newest, _ = newest_checkpoint(str(run.work_dir))
    assert _name(newest) == "stopped.pth"
    assert run.run() == 0, run.said()
    same(run.end(), end)
    what = f"{does} at {place} {fault.number} of {counts[place]}"
    record_property("fault", (name, what, f"code {STOPPED}", _name(newest), "bit-identical"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_nan(
    name: str, whole: Any, draw: random.Random, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, counts = whole(name)
    fault = Fault("nan", draw.randint(1, counts["nan"]), "nothing")
    run = Run(name, undisturbed.data, tmp_path)
    assert run.run(fault) == 2
    saved = run.work_dir / f"nonfinite_iter_{fault.number - 1}.pth"
    assert str(saved) in run.said()
    assert ".jpg" in run.said()
    newest, _ = newest_checkpoint(str(run.work_dir))
    assert newest is None or Path(newest) != saved
    assert run.run(resume=str(saved)) == 0, run.said()
    same(run.end(), end)
    what = f"NaN in batch {fault.number} of {counts['nan']}"
    record_property("fault", (name, what, "code 2", saved.name, "bit-identical"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_torn_newest_checkpoint(
    name: str, whole: Any, draw: random.Random, tmp_path: Path, record_property: Record
) -> None:
    """As a disk leaves it that says it has written what it has not."""
    undisturbed, end, _ = whole(name)
    run = Run(name, undisturbed.data, tmp_path)
    assert run.run(Fault("end", 9)) == -signal.SIGKILL
    newest, _ = newest_checkpoint(str(run.work_dir))
    assert newest is not None
    os.truncate(newest, draw.randrange(os.path.getsize(newest)))
    before, lines = newest_checkpoint(str(run.work_dir))
    assert before not in (newest, None)
    assert "is torn" in lines[0]
    assert run.run() == 0, run.said()
    same(run.end(), end)
    what = f"{_name(newest)} cut short"
    record_property("fault", (name, what, "killed", _name(before), "bit-identical"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A small disk: a tmpfs, mounted with the options given, again to change them."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        again = time.monotonic() + 20 * options.startswith("remount")
        while os.geteuid() or subprocess.run(command, capture_output=True).returncode:
            if time.monotonic() >= again:  # workers of a killed run notice it within five seconds
                assert not options.startswith("remount")
                pytest.skip("mounting a small disk needs root")
            time.sleep(0.5)
        return folder

    yield mount
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(
    name: str, disk: Callable[[str], Path], whole: Any, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, _ = whole(name)
    size = max(path.stat().st_size for path in undisturbed.work_dir.glob("*.pth"))
    run = Run(name, undisturbed.data, tmp_path, disk(f"size={int(2.7 * size)}") / "work")
    assert run.run() == 2, run.said()
    last = run.said().splitlines()[-1]
    newest, lines = newest_checkpoint(str(run.work_dir))
    assert not lines
    assert newest is not None
    assert f"cannot write to '{run.work_dir}' (No space left on device)" in last
    assert f"The last good checkpoint: {newest}." in last
    assert not list(run.work_dir.glob("*.part"))
    disk("remount,size=64m")
    assert run.run() == 0, run.said()
    same(run.end(), end)
    record_property("fault", (name, "disk full", "code 2", _name(newest), "bit-identical"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_read_only_folder(
    name: str, disk: Callable[[str], Path], whole: Any, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, _ = whole(name)
    run = Run(name, undisturbed.data, tmp_path, disk("size=64m") / "work")
    assert run.run(Fault("end", 8)) == -signal.SIGKILL
    newest, _ = newest_checkpoint(str(run.work_dir))
    files = sorted(run.work_dir.rglob("*"))
    disk("remount,ro")
    assert newest is not None
    assert run.run() == 2, run.said()
    assert f"cannot write to '{run.work_dir}' (Read-only file system)" in run.said()
    assert f"The last good checkpoint: {newest}." in run.said()
    assert sorted(run.work_dir.rglob("*")) == files
    disk("remount,rw")
    assert run.run() == 0, run.said()
    same(run.end(), end)
    record_property("fault", (name, "folder read-only", "code 2", _name(newest), "bit-identical"))


@pytest.mark.slow
def test_a_process_that_dies(
    whole: Any, draw: random.Random, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, counts = whole("SRDL", 2)
    fault = Fault("end", draw.randint(3, counts["end"] - 1), rank=draw.randrange(2))
    run = Run("SRDL", undisturbed.data, tmp_path, world=2)
    processes = run.start(fault)
    processes[fault.rank].join()
    begin = time.monotonic()
    codes = wait(processes)
    seconds = time.monotonic() - begin
    assert codes[fault.rank] == -signal.SIGKILL
    assert codes[1 - fault.rank] not in (0, None)
    assert seconds < 60
    newest, _ = newest_checkpoint(str(run.work_dir))
    assert run.run() == 0, run.said()
    same(run.end(), end)
    what = f"process {fault.rank} of 2 killed after iteration {fault.number}"
    ended = f"the other after {seconds:.1f} s"
    record_property("fault", ("SRDL", what, ended, _name(newest), "bit-identical"))
