import platform
import subprocess
import sys

import pytest

from mmsrdl.allocator import OWN

FAULTS = """
import resource, sys
import torch
from mmsrdl.allocator import keep_freed_memory

print(sys.argv[1] == "keep" and keep_freed_memory())
faults = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(8 << 20).sum()  # 32 MiB, cleared pages of the system or our own of before
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


def run(monkeypatch: pytest.MonkeyPatch, mode: str, **environment: str) -> tuple[bool, int]:
    """Returns whether the allocator was told, and how often a page was new to the process."""
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    shown = subprocess.run(
        [sys.executable, "-c", FAULTS, mode],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    told, faults = shown.split()[-2:]
    return told == "True", int(faults)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_freed_blocks_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told, faults = run(monkeypatch, "keep")
    assert told
    assert faults < 100
    assert run(monkeypatch, "default")[1] > 1000


def test_settings_of_the_environment_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = run(monkeypatch, "keep", MALLOC_MMAP_MAX_="65536")
    assert not told
