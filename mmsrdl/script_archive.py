"""Tensors from TorchScript archives, without running what the archives hold.

``torch.jit.load`` runs code of the archive while it loads, and so does ``torch.load`` of torch 2.5
in spite of ``weights_only=True``. OpenAI publishes CLIP in this format.
"""

import io
import math
import os
import pickle
import pickletools
import sys
import zipfile
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["read_archive"]

DTYPES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
}

MAX_STRUCTURE = 4 << 20
"""Bytes of ``data.pkl``; CLIP ViT-L/14 has less than a tenth of it."""

MAX_DIMS = 64
"""Dimensions of a tensor, as in torch."""

MAX_NAME = 500
"""Characters of a tensor's dotted name, which bounds the depth of the modules, too."""


class _Storage(NamedTuple):
    """Says where numbers lie; reading them is left for later."""

    dtype: torch.dtype
    key: str
    numel: int


class _View(NamedTuple):
    """Says which numbers of a storage a tensor has."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Module:
    """Stands for every class of the archive, and keeps the attributes alone."""

    __slots__ = ("attributes",)

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}

    def __setstate__(self, state: Any) -> None:
        if type(state) is not dict or not all(type(name) is str for name in state):
            raise pickle.UnpicklingError("a module whose state is none of attributes")
        self.attributes = state


# The stand-ins of functions have no attributes, which a pickle could set.
class _Rebuild:
    """Stands for ``torch._utils._rebuild_tensor_v2``."""

    __slots__ = ()

    def __call__(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> _View:
        return _View(storage, offset, size, stride)


class _Ordered:
    """Stands for ``collections.OrderedDict``: a tensor's hooks, of which there are none."""

    __slots__ = ()

    def __call__(self) -> dict:
        return {}


class _Unpickler(pickle.Unpickler):
    """Makes descriptions of modules and tensors; no object of the archive's choice is made."""

    def find_class(self, module: str, name: str) -> Any:
        """Returns what stands for a class or function."""
        if module == "__torch__" or module.startswith("__torch__."):
            return _Module
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Rebuild()
        if (module, name) == ("collections", "OrderedDict"):
            return _Ordered()
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        """Returns the description of a storage."""
        if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage":
            # Not what it is: tuples in tuples would be a text of any length.
            raise pickle.UnpicklingError("it names what is no storage")
        return _Storage(pid[1], pid[2], pid[4])


def read_archive(archive: zipfile.ZipFile) -> dict[str, Tensor]:
    """Reads the tensors among the attributes of a saved TorchScript module.

    Only the archive's structure (``data.pkl``) and numbers (``data/*``) are opened, never its
    code. The structure is unpickled with stand-ins for the few names that a saved module
    needs; tensors are made afterwards, and checked against the bytes that are there. Memory stays
    within the size of the archive, whatever it claims.

    Args:
        archive: The archive, opened by its path.

    Returns:
        Dotted names of parameters, buffers and other tensor attributes to tensors, which may
        share memory. These three kinds are told apart only by the code, which is not read.

    Raises:
        ValueError: If it is no such archive, or holds something else than modules, tensors and
            plain values.
    """
    try:
        root = _root(archive)
        content = archive.read(f"{root}/data.pkl")
        _check_memo(content)
        top = _Unpickler(io.BytesIO(content)).load()
        if not isinstance(top, _Module):
            raise pickle.UnpicklingError("it is no module")
        return _Tensors(archive, root).of(_views(top))
    except Exception as error:  # a crafted pickle can make its reader raise anything
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _root(archive: zipfile.ZipFile) -> str:
    """Returns the folder that all lies in, and checks what the reading relies on."""
    names = archive.namelist()
    roots = [name.split("/")[0] for name in names if name.split("/")[1:] == ["data.pkl"]]
    if len(roots) != 1:
        raise pickle.UnpicklingError(f"it has {len(roots)} entries FOLDER/data.pkl in place of one")
    if archive.getinfo(f"{roots[0]}/data.pkl").file_size > MAX_STRUCTURE:
        raise pickle.UnpicklingError(f"its data.pkl has more than {MAX_STRUCTURE} bytes")
    order = f"{roots[0]}/byteorder"
    native = sys.byteorder.encode()
    if order in names and (
        archive.getinfo(order).file_size != len(native) or archive.read(order) != native
    ):
        raise pickle.UnpicklingError(f"its numbers are not {sys.byteorder}-endian")
    return roots[0]


def _check_memo(content: bytes) -> None:
    """Raises where an index would make Python's unpickler take gigabytes for its memo."""
    for code, index, _ in pickletools.genops(content):
        if code.name in ("PUT", "LONG_BINPUT") and int(index or 0) > len(content):
            raise pickle.UnpicklingError(f"its data.pkl numbers an object {index}")


def _views(top: _Module) -> dict[str, _View]:
    """Returns the tensors' descriptions by dotted name."""
    views: dict[str, _View] = {}
    seen = {id(top)}
    pending = [("", top)]
    while pending:
        prefix, module = pending.pop()
        for attribute, value in module.attributes.items():
            name = f"{prefix}{attribute}"
            if len(name) > MAX_NAME:
                raise pickle.UnpicklingError(f"the name {name[:60]!r}... is too long")
            if isinstance(value, _View):
                views[name] = value
            elif isinstance(value, _Module):
                if id(value) in seen:
                    raise pickle.UnpicklingError(f"the module {name!r} is in it twice")
                seen.add(id(value))
                pending.append((f"{name}.", value))
    return views


class _Tensors:
    """Makes tensors of an archive's storages."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self.archive, self.root = archive, root
        self.storages: dict[str, tuple[_Storage, Tensor]] = {}
        # Entries can lie on top of each other, so that a small file would give much.
        self.left = os.path.getsize(archive.filename or "")

    def of(self, views: dict[str, _View]) -> dict[str, Tensor]:
        """Returns the tensors of these descriptions."""
        return {name: self._tensor(view, name) for name, view in views.items()}

    def _tensor(self, view: _View, name: str) -> Tensor:
        storage, offset, size, stride = view
        _check_view(view, name)
        numel = math.prod(size)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if numel > storage.numel or (numel and last >= storage.numel):
            raise pickle.UnpicklingError(f"{name!r} lies outside of its numbers")
        return self._numbers(storage, name).as_strided(size, stride, offset if numel else 0)

    def _numbers(self, storage: _Storage, name: str) -> Tensor:
        if storage.key in self.storages:
            known, numbers = self.storages[storage.key]
            if known != storage:
                raise pickle.UnpicklingError(f"the numbers of {name!r} are of two kinds")
            return numbers
        info = self.archive.getinfo(f"{self.root}/data/{storage.key}")
        if info.file_size != storage.numel * storage.dtype.itemsize:
            raise pickle.UnpicklingError(f"{name!r} has {info.file_size} bytes of numbers")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > self.left:
            raise pickle.UnpicklingError(f"the numbers of {name!r} are more than the file holds")
        self.left -= info.file_size
        content = bytearray(self.archive.read(info))
        numbers = torch.empty(0, dtype=storage.dtype)
        if content:
            numbers = torch.frombuffer(content, dtype=storage.dtype)
        self.storages[storage.key] = storage, numbers
        return numbers


def _check_view(view: _View, name: str) -> None:
    """Raises unless a description has the types of one."""
    storage, offset, size, stride = view
    fits = (
        isinstance(storage, _Storage)
        and isinstance(storage.dtype, torch.dtype)
        and type(storage.key) is str
        and type(size) is type(stride) is tuple
        and len(size) == len(stride) <= MAX_DIMS
        and all(
            type(n) is int and 0 <= n < 1 << 63 for n in (storage.numel, offset, *size, *stride)
        )
    )
    if not fits:
        raise pickle.UnpicklingError(f"{name!r} is no tensor in memory")
