"""Files are there whole, or as they were."""

import errno
import os
from pathlib import Path

import pytest
from mmengine.fileio import get_file_backend, put

from mmsrdl.atomic_file import ATOMIC, AtomicBackend, remove_parts, write_atomically


def fail(*args: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_what_was_there_stays(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pth"
    write_atomically(path, b"first")
    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(OSError, match="No space left"):
            write_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"


def test_a_file_gets_its_name_when_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "a.pth", []
    sync, rename = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (seen.append("synced"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append("named"), rename(a, b)))
    write_atomically(path, b"whole")
    assert seen == ["synced", "named", "synced"]  # the last is the folder


def test_mmengine_writes_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, arguments = tmp_path / "new" / "a.pth", dict(backend=ATOMIC)
    assert type(get_file_backend(str(path), backend_args=arguments)) is AtomicBackend
    put(b"first", str(path), backend_args=arguments)
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        put(b"second", str(path), backend_args=arguments)
    assert path.read_bytes() == b"first"


def test_only_parts_are_removed(tmp_path: Path) -> None:
    names = ["epoch_1.pth", "epoch_2.pth.part", "notes.part", "last_checkpoint.part"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    remove_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({*names} - {names[1]})
