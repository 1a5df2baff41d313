import copy
import io
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmsrdl.datasets.npz import name_array, read_npy, read_npz, write_npz


@pytest.fixture
def memory() -> Iterator[Callable[[], int]]:
    """Bytes that Python and NumPy held at most since it was last asked."""

    def peak() -> int:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        return most

    tracemalloc.start()
    yield peak
    tracemalloc.stop()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_is_written_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    path = tmp_path / "new" / "file"  # numpy would append .npz
    write_npz(path, dict(names=np.array(["a", "b"]), counts=np.arange(3)), compressed)
    names, counts = read_npz(path, ("names", "counts"), "file")
    assert (names.tolist(), counts.tolist()) == (["a", "b"], [0, 1, 2])

    def stop(file, **arrays: np.ndarray) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed" if compressed else "savez", stop)
    with pytest.raises(KeyboardInterrupt):
        write_npz(path, dict(names=np.zeros(1)), compressed)
    assert [each.name for each in path.parent.iterdir()] == ["file"]
    assert read_npz(path, ("counts",), "file")[0].tolist() == [0, 1, 2]


def write_npy(file: Any, header: str, content: bytes = b"") -> None:
    """An npy file of version 1.0 with any header."""
    text = header.ljust(64 - 11).encode() + b"\n"
    file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + content)


def header_of(shape: object, kind: str = "<f4") -> str:
    return str({"descr": kind, "fortran_order": False, "shape": shape})


def write_lie(path: Path, header: str) -> None:
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.npy", "w") as file:
        write_npy(file, header, bytes(16))


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(
    "header",
    [
        header_of((2**40,)),
        header_of((2**31, 2**31, 2**31)),
        header_of((4,), "<f8"),
        header_of((3,)),
        header_of((-1,)),
        "(" * 5000,
        "-" * 9000 + "1",
        header_of((4,), "O"),
    ],
)
def test_headers_that_lie(header: str, tmp_path: Path, memory: Callable[[], int]) -> None:
    write_lie(tmp_path / "a.npz", header)
    with pytest.raises(ValueError, match=r"file='.*a.npz' is not an npz file of plain arrays"):
        read_npz(tmp_path / "a.npz", ("a",), "file")
    with (tmp_path / "a.npy").open("wb") as file:
        write_npy(file, header, bytes(16))
    if header != header_of((3,)):  # what follows the array does no harm
        with pytest.raises(ValueError, match=r"file='.*a.npy' is no npy file of a plain array"):
            read_npy(tmp_path / "a.npy", "file", "write it again")
    assert memory() < 2**24


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_bomb_is_not_unpacked(
    method: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: Callable[[], int]
) -> None:
    if method == zipfile.ZIP_DEFLATED:
        monkeypatch.setattr("mmsrdl.datasets.npz.MIN_BOUND", 2**20)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        with archive.open("a.npy", "w") as file:
            write_npy(file, header_of((2**24,)))
            for _ in range(64):
                file.write(bytes(2**20))
        small = io.BytesIO()
        np.save(small, np.arange(3))
        archive.writestr("b.npy", small.getvalue())
    del file  # of the encoder, which takes more than the reader may
    memory()
    reason = "would become 67,108," if method == zipfile.ZIP_DEFLATED else "in another way"
    with pytest.raises(ValueError, match=reason):
        read_npz(tmp_path / "a.npz", ("a",), "file")
    assert memory() < 2**24
    if method == zipfile.ZIP_DEFLATED:  # what is not asked for is not unpacked
        assert read_npz(tmp_path / "a.npz", ("b",), "file")[0].tolist() == [0, 1, 2]


def test_arrays_on_top_of_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries of a zip may share their bytes, so that a small file gives much."""
    monkeypatch.setattr("mmsrdl.datasets.npz.MIN_BOUND", 2**10)
    path = tmp_path / "a.npz"
    names = [f"a{number:02}" for number in range(20)]
    np.savez(path, **{names[0]: np.zeros(1000)})
    with zipfile.ZipFile(path, "a") as archive:
        first = archive.filelist[0]
        for name in names[1:]:
            info = copy.copy(first)
            info.filename = f"{name}.npy"
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
        archive._didModify = True
    with pytest.raises(ValueError, match="would become 162,560"):
        read_npz(path, names, "file")


def test_arrays_of_other_machines(tmp_path: Path) -> None:
    """Torch takes none in another byte order."""
    path = tmp_path / "a.npz"
    np.savez(path, a=np.array([1, 2], ">i8"), b=np.array(["x"], ">U1"), c=np.eye(2, 3, order="F"))
    numbers, names, table = read_npz(path, ("a", "b", "c"), "file")
    assert torch.from_numpy(numbers).tolist() == [1, 2]
    assert names.tolist() == ["x"]
    assert (table == np.eye(2, 3)).all()


def test_npy(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(3))
    array = read_npy(tmp_path / "a.npy", "file", "write it again")
    assert array.tolist() == [0, 1, 2]
    assert not array.flags.writeable
    with pytest.raises(FileNotFoundError, match=r"file='.*b.npy' does not exist; write it again"):
        read_npy(tmp_path / "b.npy", "file", "write it again")


def test_a_name_that_no_array_keeps_is_refused() -> None:
    assert name_array(["a\0b", ""], "class").tolist() == ["a\0b", ""]
    with pytest.raises(ValueError, match=r"class 'a\\x00' ends with NUL, which no array keeps"):
        name_array(["b", "a\0"], "class")
