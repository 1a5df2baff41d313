"""Arrays in npz files, without pickles."""

import os
import zipfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import numpy as np

__all__ = ["name_array", "read_npz", "write_npz"]


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
        ValueError: If it is no npz file, lacks an array, or holds Python objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found = sorted(file.files)
            arrays = [file[key] for key in keys if key in found]
            further = [file[key] if key in found else np.empty(0) for key in optional]
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
