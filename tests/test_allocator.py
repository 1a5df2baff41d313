import platform
import subprocess
import sys

import pytest

from mmsrdl.allocator import OWN

FAULTS = """
import resource, sys
import torch
from mmsrdl.allocator import keep_freed_memory

if sys.argv[1] == "keep":
    assert keep_freed_memory()
faults = []
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(8 << 20).sum()  # 32 MiB, cleared pages of the system or our own of before
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


def run(monkeypatch: pytest.MonkeyPatch, mode: str, **environment: str) -> str:
    for name in OWN:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return subprocess.run(
        [sys.executable, "-c", FAULTS, mode], capture_output=True, text=True, timeout=120
    ).stdout.strip()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")
def test_freed_blocks_are_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert int(run(monkeypatch, "keep")) < 100
    assert int(run(monkeypatch, "default")) > 1000


def test_settings_of_the_environment_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "keep", MALLOC_MMAP_MAX_="65536") == ""  # it returned False
