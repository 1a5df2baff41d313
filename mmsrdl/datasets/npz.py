"""Arrays in npz and npy files, without pickles, within bounded memory."""

import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

__all__ = ["name_array", "read_npy", "read_npz", "write_npz"]

MAX_GROWTH, MIN_BOUND = 8, 2**30
"""Arrays may be as many times the size of their file, or as many bytes; scores are half of it."""


def read_npz(
    path: str | PathLike[str], keys: Sequence[str], argument: str, optional: Sequence[str] = ()
) -> list[np.ndarray]:
    """Read arrays of numbers and strings from an npz file.

    Args:
        path: The npz file.
        keys: Names of the arrays wanted.
        argument: What the user calls the file, for the messages.
        optional: Names of further arrays; one without entries stands for those that are missing.

    Returns:
        One array a key, then one an optional key.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no npz file, lacks an array, holds Python objects, or its arrays would
            take more than 1 GiB and 8 times the size of the file.
    """
    try:
        if os.path.exists(path) and not zipfile.is_zipfile(path):
            raise ValueError("no archive")  # a lone array would be read as a whole
        with np.load(path, allow_pickle=False) as file:
            found = sorted(file.files)
            _check_sizes(file.zip, [key for key in (*keys, *optional) if key in found], path)
            arrays = [_native(file[key]) for key in keys if key in found]
            further = [_native(file[key]) if key in found else np.empty(0) for key in optional]
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{argument}='{path}' does not exist") from error
    except Exception as error:
        # A damaged file makes zip, its decompressors and NumPy's parser raise errors of any kind.
        # NumPy takes any other file for a pickle, and tells how to run it.
        reason = error if zipfile.is_zipfile(path) else "it is another kind of file, or cut short"
        raise ValueError(
            f"{argument}='{path}' is not an npz file of plain arrays: {reason}. Pickles, object "
            "arrays among them, can run code and are never read; write it with np.savez(FILE, "
            + ", ".join(f"{key}=..." for key in keys)
            + ") from arrays of numbers and strings"
        ) from error
    if len(arrays) < len(keys):
        raise ValueError(
            f"{argument}='{path}' must hold {' and '.join(map(repr, keys))}, got {found}"
        )
    return arrays + further


def _native(array: np.ndarray) -> np.ndarray:
    """Returns an array in the byte order of this machine, which torch asks for."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_npy(path: str | PathLike[str], argument: str, write_it: str) -> np.ndarray:
    """Opens an array of numbers or strings in an npy file, read-only and mapped into memory.

    Args:
        path: The npy file.
        argument: What the user calls the file, for the messages.
        write_it: How such a file is made, likewise.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no npy file of a plain array, or shorter than the array.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(array, np.ndarray):
            raise ValueError("it is an archive of several")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{argument}='{path}' does not exist; {write_it}") from error
    except Exception as error:
        # As above.
        raise ValueError(
            f"{argument}='{path}' is no npy file of a plain array, or cut short; pickles can run "
            f"code and are never read; {write_it}"
        ) from error
    return array


def _check_sizes(archive: zipfile.ZipFile, keys: Sequence[str], path: str | PathLike[str]) -> None:
    """Raises unless arrays are as large as their headers say, and not too large together.

    NumPy allots what a header asks for before it looks whether the numbers are there.
    """
    names = set(archive.namelist())
    entries = [archive.getinfo(key if key in names else f"{key}.npy") for key in keys]
    total = sum(entry.file_size for entry in entries)
    if total > max(MIN_BOUND, MAX_GROWTH * os.path.getsize(path)):
        raise ValueError(f"{os.path.getsize(path):,} bytes would become {total:,}")
    for entry in entries:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{entry.filename} is compressed in another way than NumPy's")
        with archive.open(entry) as file:
            wanted = _array_bytes(file)
        if wanted is not None and wanted != entry.file_size:
            raise ValueError(f"{entry.filename} has {entry.file_size:,} bytes and needs {wanted:,}")


def _array_bytes(file: IO[bytes]) -> int | None:
    """Returns the size of an npy file by its header; None of one that holds Python objects."""
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        return None
    return file.tell() + math.prod(shape) * dtype.itemsize


def name_array(names: Sequence[str], what: str) -> np.ndarray:
    """Returns names as an array of strings.

    Args:
        names: n names.
        what: What they name, for the message.

    Raises:
        ValueError: If one ends with NUL, which NumPy takes for a filling and drops.
    """
    array = np.array(names, dtype=np.str_)
    if array.tolist() != list(names):
        odd = next(name for name in names if name.endswith("\0"))
        raise ValueError(f"{what} {odd!r} ends with NUL, which no array keeps; rename it")
    return array


def write_npz(
    path: str | PathLike[str], arrays: Mapping[str, np.ndarray], compressed: bool = False
) -> None:
    """Write arrays to an npz file, as a whole or not at all.

    Args:
        path: File of any ending; its folder is made.
        arrays: Arrays of numbers and strings by name.
        compressed: Whether to compress them.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    write = np.savez_compressed if compressed else np.savez
    try:
        # An open file, as numpy appends ".npz" to a path without it.
        with part.open("wb") as file:
            write(file, **arrays)  # type: ignore[arg-type]
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
