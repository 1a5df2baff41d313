"""The one way by which checkpoints enter: read as data, never as code.

A checkpoint is a pickle, and a pickle can run whatever its author wished. MMEngine's loaders read
it so, or (OneDL's) after a failed safe attempt. What is registered here takes their place for
``load_from``, ``resume``, ``init_cfg=dict(type='Pretrained')`` and ``mmengine.load_checkpoint``.
"""

import os
import re
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from types import FunctionType
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
from mmengine.dist import barrier, get_rank
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.runner.checkpoint import (
    CheckpointLoader,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)
from torch import Tensor, nn

from mmsrdl.script_archive import read_archive

__all__ = [
    "TRAINING_STATE",
    "TornCheckpointError",
    "check_label_vectors",
    "check_settings",
    "fill_model",
    "read_checkpoint",
    "read_script_tensors",
    "read_state_dict",
    "read_weights",
    "state_dict_of",
    "trained_classes",
]

TRAINING_STATE = {"meta", "state_dict", "message_hub", "optimizer"}
"""What a checkpoint must hold to be resumed."""

MAX_GROWTH, SMALL = 20, 64 << 20
"""How many times its size, and how many bytes in any case, an archive of TorchScript may unpack to:
its code is compressed."""

MIN_VALUES = 10**6
"""Values that a checkpoint may hold whatever its size; larger ones may hold as many as bytes."""

BYTEARRAY = (b"builtins\nbytearray\n", b"__builtin__\nbytearray\n")
"""How a pickle of torch names it; the unpickler takes no other opcode for names."""

TEXT_SIDE = ("text.", "logit_scale")
"""How entries of CLIP begin that an image model does not have."""


class TornCheckpointError(ValueError):
    """A checkpoint that was not written to its end, or has changed on the disk."""


def _stands_for(name: str) -> Any:
    """Makes a decorator: the weights-only unpickler finds the object under this dotted name."""

    def rename(target: Any) -> Any:
        target.__module__, _, target.__name__ = name.rpartition(".")
        target.__qualname__ = target.__name__
        return target

    return rename


@_stands_for("numpy.dtype")
class _DType:
    """Stands for ``numpy.dtype``, of which only plain numbers pass.

    A dtype from a file can make numpy take numbers for addresses of objects.
    """

    def __init__(self, kind: Any, *_: Any) -> None:
        if not (isinstance(kind, str) and re.fullmatch(r"[<>|=]?[biufc][0-9]{1,2}", kind)):
            raise ValueError(f"numpy.dtype({kind!r})")
        self.dtype = np.dtype(kind)

    def __setstate__(self, state: tuple) -> None:
        if state[2:5] != (None, None, None):
            raise ValueError(f"numpy.dtype with {state!r}")
        self.dtype = self.dtype.newbyteorder("=" if state[1] == "|" else state[1])


@_stands_for("numpy.ndarray")
class _Array(np.ndarray):
    """Stands for ``numpy.ndarray`` and is filled with numbers alone; see :class:`_Plain`."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "_Array":
        raise ValueError("numpy.ndarray as a function")

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, is_fortran, content = state
        if not isinstance(dtype, _DType) or not isinstance(content, bytes):
            raise ValueError("numpy.ndarray of something else than numbers")
        super().__setstate__((1, shape, dtype.dtype, is_fortran, content))


def _empty_array(kind: Any, *_: Any) -> np.ndarray:
    """Stands for numpy's ``_reconstruct``."""
    if kind is not _Array:
        raise ValueError(f"numpy's _reconstruct of {kind!r}")
    return np.ndarray.__new__(_Array, (0,), "b")


def _number(dtype: Any, content: Any) -> Any:
    """Stands for numpy's ``scalar``."""
    if not isinstance(dtype, _DType) or not isinstance(content, bytes):
        raise ValueError("numpy's scalar of something else than a number")
    return np.frombuffer(content, dtype.dtype, count=1)[0]


def _multiarray(core: str) -> list[Any]:
    """Returns stand-ins for the two functions under numpy 1's or numpy 2's name of the module."""
    return [
        _stands_for(f"numpy.{core}.multiarray.{name}")(FunctionType(f.__code__, f.__globals__))
        for name, f in (("_reconstruct", _empty_array), ("scalar", _number))
    ]


class _Plain:
    """Makes numpy's own arrays of those that were read, in dicts and lists in place.

    A list may hold another one twice, which holds a third one twice, and so on: a few bytes that
    whoever walks or prints them does not come to the end of.

    Args:
        left: Number of values that may be met.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, content: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise ValueError("lists that repeat each other without end")
        if isinstance(content, _Array):
            return np.array(content)
        if isinstance(content, dict | list):
            for key, value in content.items() if isinstance(content, dict) else enumerate(content):
                content[key] = self(value)
        elif type(content) is tuple:
            return tuple(map(self, content))
        return content


@_stands_for("mmengine.logging.history_buffer.HistoryBuffer")
class _History(HistoryBuffer):
    """Fills a ``HistoryBuffer`` with numbers alone; functions from a file are dropped."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        length, history = int(state["max_length"]), ("_log_history", "_count_history")
        if not all(isinstance(state[name], _Array) for name in history):
            raise ValueError("HistoryBuffer of something else than numbers")
        self.__class__ = HistoryBuffer
        self.__init__(max_length=length)  # type: ignore[misc]
        self.__dict__.update({name: np.array(state[name]) for name in history})


@_stands_for("mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler")
class _OneCycle:
    """Stands for the class whose annealing function is in the state of ``OneCycleLR``."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "_OneCycle":
        raise ValueError("OneCycleParamScheduler as an object")


@_stands_for("builtins.getattr")
def _attribute(owner: Any, name: str) -> Any:
    """What checkpoints use ``getattr`` for.

    MMEngine allows the real one, which leads from any function to ``__builtins__`` and, through
    ``torch._tensor._rebuild_from_type_v2``, to running code in spite of ``weights_only=True``.
    """
    if owner is _History:
        return None
    if owner is _OneCycle and name in ("_annealing_cos", "_annealing_linear"):
        return getattr(OneCycleParamScheduler, name)
    raise ValueError(f"getattr({owner!r}, {name!r})")


@_stands_for("mmengine.config.config.ConfigDict")
def _config_dict(content: Any) -> dict:
    """Makes a plain dict where a data set's ``metainfo`` came from a config.

    A ``ConfigDict`` would build what it holds and hand out its attributes.
    """
    if type(content) is not dict:
        raise ValueError(f"ConfigDict of {type(content).__name__}")
    return content


ALLOWED = [_History, _OneCycle, _attribute, _DType, _Array, _config_dict]
ALLOWED += [*_multiarray("core"), *_multiarray("_core")]
"""What MMEngine's checkpoints hold beside tensors: histories, dicts, and numbers of numpy."""


@contextmanager
def _only_allowed() -> Iterator[None]:
    """Allows what we do and nothing else: others may have allowed ``getattr`` in this process."""
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(ALLOWED)
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)


def read_checkpoint(path: str | os.PathLike[str], map_location: Any = "cpu") -> Any:
    """Reads a checkpoint without running code from it.

    Args:
        path: File written by ``torch.save``. Beside tensors and plain values,
            MMEngine's log histories are understood, as its checkpoints hold them, and the dicts
            of its configs, which become plain ones.
        map_location: Where the tensors go, as in ``torch.load``.

    Returns:
        The file's content. ``meta.config`` is left out: MMEngine would run it as a config.

    Raises:
        FileNotFoundError: If there is no such file.
        TornCheckpointError: If its end is missing or a check sum fails.
        ValueError: If it holds more than data.
    """
    path = _existing(path)
    if _is_safetensors(path):
        raise ValueError(
            f"checkpoint {path!r} is in the format of safetensors, in which CLIP is published: "
            "mmsrdl convert clip FILE NEW_FILE; others, save with torch.save"
        )
    if _is_script(_check_whole(path)):
        # torch.load hands it to torch.jit.load, whatever weights_only says (up to torch 2.5).
        raise ValueError(
            f"checkpoint {path!r} is a TorchScript program, which holds more than data and is "
            "refused, as it could run code; give the weights alone: "
            "torch.save(model.state_dict(), FILE). OpenAI's CLIP is published so: "
            "mmsrdl convert clip FILE NEW_FILE"
        )
    try:
        if tarfile.is_tarfile(path):  # torch before 2.6 unpickles these in spite of weights_only
            raise ValueError("an archive in tar format")
        _check_bytearray(path)
        with _only_allowed():
            content = torch.load(path, map_location=map_location, weights_only=True)
            content = _Plain(max(MIN_VALUES, os.path.getsize(path)))(content)
    except Exception as error:
        raise ValueError(
            f"checkpoint {path!r} holds more than data and is refused, as it could run code "
            f"(torch.load with weights_only=True: {error}). If you trust whoever made it, save its "
            "weights alone where it was made: torch.save(model.state_dict(), FILE)"
        ) from error
    if isinstance(content, dict) and isinstance(content.get("meta"), dict):
        content["meta"].pop("config", None)
    return content


def _existing(path: str | os.PathLike[str]) -> str:
    """Returns the path of a file that is there."""
    path = os.path.expanduser(os.fspath(path))
    if not os.path.isfile(path):
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise FileNotFoundError(f"checkpoint {path!r} {what}; give a checkpoint file")
    return path


def _is_zip(path: str) -> bool:
    """Whether a file is in torch's zip format; one that begins with NULs was torn."""
    with open(path, "rb") as file:
        start = file.read(4)
    return start == b"PK\x03\x04" or not start.strip(b"\0")


def _check_whole(path: str) -> list[str]:
    """Raises unless a file in torch's zip format is complete; torch.load checks no sums.

    Returns:
        The names in it; none if it is in the format before torch 1.6, which has no sums.

    Raises:
        TornCheckpointError: If it is not complete.
        ValueError: If it would unpack to far more than it holds.
    """
    if not _is_zip(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            _check_packing(archive, path)
            broken = archive.testzip()
            names = archive.namelist()
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        broken = str(error)
    if broken is not None:
        raise TornCheckpointError(
            f"checkpoint {path!r} is torn: it was not written to its end, or has changed on the "
            f"disk ({broken}). Take an earlier checkpoint, or copy it again"
        )
    return names


def _check_packing(archive: zipfile.ZipFile, path: str) -> None:
    """Raises where a small file would take much memory.

    torch writes numbers as they are, and deflates the code of TorchScript, which is not read. What
    is in bzip2 or LZMA unpacks to more than it is asked for.
    """
    entries, size = archive.infolist(), os.path.getsize(path)
    total = sum(entry.file_size for entry in entries)
    odd = {entry.compress_type for entry in entries} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    bound = max(MAX_GROWTH * size, SMALL) if _is_script(archive.namelist()) else size
    if odd or total > bound:
        raise ValueError(
            f"checkpoint {path!r} is refused: its {size:,} bytes would become "
            f"{total:,}, as entries are compressed or lie on top of each other; save it as "
            "torch.save does, or fetch it from whoever publishes it"
        )


def _check_bytearray(path: str) -> None:
    """Raises where a pickle makes ``bytearray(n)``: torch lets it, and n may be any number."""
    if _is_zip(path):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".pkl")]
            pickles = [archive.read(name) for name in names]
    else:
        pickles = [Path(path).read_bytes()]
    if any(name in content for content in pickles for name in BYTEARRAY):
        raise ValueError("bytearray")


def _is_script(names: list[str]) -> bool:
    """Whether these are the names in an archive of TorchScript."""
    return any(name.endswith("constants.pkl") or "/code/" in name for name in names)


def read_script_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Reads the tensors of a TorchScript archive as data; its program is never opened.

    Args:
        path: File written by ``torch.jit.save``, such as OpenAI's ``ViT-B-16.pt``.

    Returns:
        Dotted names to tensors: parameters, buffers, and tensors that are plain attributes.

    Raises:
        FileNotFoundError: If there is no such file.
        TornCheckpointError: If its end is missing or a check sum fails.
        ValueError: If it is no such archive, or holds something else than modules, tensors and
            plain values.
    """
    path = _existing(path)
    if not _is_script(_check_whole(path)):
        raise ValueError(f"{path!r} is no archive of TorchScript; read it with read_state_dict")
    try:
        with zipfile.ZipFile(path) as archive:
            return read_archive(archive)
    except ValueError as error:
        raise ValueError(
            f"TorchScript archive {path!r} holds more than weights and is refused, as it could run "
            f"code ({error}). Take the file that its authors publish, or if you trust whoever made "
            "it, save its weights alone where it was made: torch.save(model.state_dict(), FILE)"
        ) from error


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Reads published weights as data, in whichever of three formats they are.

    The format is told by the content, as names of published files end in anything.

    Args:
        path: A TorchScript archive (:func:`read_script_tensors`), a safetensors file, which needs
            the package safetensors, or a checkpoint (:func:`read_state_dict`).

    Raises:
        FileNotFoundError: If there is no such file.
        TornCheckpointError: If its end is missing or a check sum fails.
        ValueError: If it holds more than data, or no weights.
        RuntimeError: If safetensors is not installed.
    """
    path = _existing(path)
    if _is_safetensors(path):
        return _read_safetensors(path)
    if _is_script(_check_whole(path)):
        return read_script_tensors(path)
    return read_state_dict(path)


def _is_safetensors(path: str) -> bool:
    """Whether a file starts as safetensors do: with the header's length, and a JSON object."""
    with open(path, "rb") as file:
        start = file.read(9)
    # A header is at most 100 MB, so that these bytes are zeros.
    return len(start) == 9 and start[8:] == b"{" and start[4:8] == b"\0\0\0\0"


def _read_safetensors(path: str) -> dict[str, Tensor]:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise RuntimeError(
            f"{path!r} is in the format of safetensors, which is not installed: "
            "pip install mmsrdl[openvocab]"
        ) from error
    try:
        return load_file(path)
    except SafetensorError as error:
        raise TornCheckpointError(
            f"checkpoint {path!r} is torn: it was not written to its end, or has changed on the "
            f"disk ({error}). Copy it again"
        ) from error


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Reads a state dict from a checkpoint, see :func:`read_checkpoint`.

    Args:
        path: File with a state dict, or with a dict that holds one under
            ``state_dict``: the two layouts that MMEngine loads.

    Returns:
        Names to tensors.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no state dict.
    """
    return state_dict_of(read_checkpoint(path), path)


def state_dict_of(content: Any, path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Returns the state dict in a checkpoint's content; see :func:`read_state_dict`."""
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not any(isinstance(v, Tensor) for v in content.values()):
        raise ValueError(
            f"checkpoint {str(path)!r} holds no state dict (names to tensors). "
            "Where it lies under another key, such as 'model', save it by itself: "
            "torch.save(torch.load(FILE, weights_only=True)['model'], NEW_FILE)"
        )
    return {key: value for key, value in content.items() if isinstance(value, Tensor)}


def fill_model(model: nn.Module, state: dict[str, Tensor], path: str | os.PathLike[str]) -> None:
    """Fills a whole model from a state dict.

    Position embeddings and bias tables may be of another image size where the model's backbone
    resizes them as it is loaded; what it makes anew for its size may then be left out. CLIP's text
    encoder, which `mmsrdl convert clip` writes beside the image model, is no part of a model.

    Args:
        model: The model, which is changed.
        state: Names to tensors.
        path: The checkpoint, for the error.

    Raises:
        ValueError: If entries are missing, unexpected or of a shape that the model does not take.
    """
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except Exception as error:  # torch's of shapes, and whatever a backbone that resizes meets
        raise ValueError(
            f"checkpoint {str(path)!r} is not of the config's model: {type(error).__name__}: "
            f"{shorten(str(error), 500)}; give the config that it was trained with"
        ) from error
    free = ("num_batches_tracked", "_extra_state")  # no weights
    wrong = {key for key in missing if key not in state and not key.endswith(free)}
    wrong |= {key for key in unexpected if not key.startswith(TEXT_SIDE)}
    if wrong:
        raise ValueError(
            f"checkpoint {str(path)!r} is not of the config's model: {len(wrong)} entries are "
            f"missing or unexpected, such as {sorted(wrong)[:3]}; give the config that it was "
            "trained with"
        )


def trained_classes(content: Any) -> tuple[str, ...]:
    """Returns the class names that a checkpoint's content gives, () where it gives none."""
    meta = content.get("meta") if isinstance(content, dict) else None
    data = meta.get("dataset_meta") if isinstance(meta, dict) else None
    return tuple((data.get("classes") if isinstance(data, dict) else None) or ())


def check_settings(content: Any, model: Any, path: str | os.PathLike[str]) -> None:
    """Refuses a model that would compute with a checkpoint's weights what they are not meant for.

    `mmsrdl convert` keeps in ``meta`` the settings that a published checkpoint belongs to and no
    shape tells, such as CSRA's lambda.

    Args:
        content: The checkpoint's content.
        model: The config's ``model``.
        path: The checkpoint, for the error.

    Raises:
        ValueError: If a setting is another one.
    """
    meta = content.get("meta") if isinstance(content, dict) else None
    source = meta.get("converted_from") if isinstance(meta, dict) else None
    options = source.get("options") if isinstance(source, dict) else None
    for name, wanted in (options if isinstance(options, dict) else {}).items():
        found: Any = {"model": model}
        for part in str(name).split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found != wanted:
            raise ValueError(
                f"checkpoint {str(path)!r} belongs to {name}={wanted}, the config has {found}; "
                f"give --cfg-options {name}={wanted}, or a config that says so"
            )


def check_label_vectors(content: Any, fingerprint: str, path: str | os.PathLike[str]) -> None:
    """Refuses label vectors of another kind than those that a checkpoint was trained with.

    Args:
        content: The checkpoint's content.
        fingerprint: Of the vectors at hand, see :class:`NameVectors`; '' where it is not known.
        path: The checkpoint, for the error.

    Raises:
        ValueError: If the checkpoint names another fingerprint.
    """
    meta = content.get("meta") if isinstance(content, dict) else None
    trained = (meta.get("label_vectors") if isinstance(meta, dict) else None) or ""
    if trained and fingerprint and trained != fingerprint:
        raise ValueError(
            f"checkpoint {str(path)!r} was trained with label vectors of another source, "
            f"{trained[:80]!r} against {fingerprint[:80]!r}: a model knows no others; give "
            "model.head.embedder the vectors, or the text encoder and prompts, of the training"
        )


@CheckpointLoader.register_scheme(prefixes="", force=True)
def load_from_file(filename: str, map_location: Any = None) -> Any:
    """Loads a local checkpoint for MMEngine."""
    return read_checkpoint(filename, map_location)


@CheckpointLoader.register_scheme(prefixes=("http://", "https://"), force=True)
def load_from_url(filename: str, map_location: Any = None) -> Any:
    """Loads a checkpoint by its address, through torch's hub cache, for MMEngine."""
    target = Path(torch.hub.get_dir()) / "checkpoints" / os.path.basename(urlparse(filename).path)
    if get_rank() == 0:
        _download(filename, target)
    barrier()
    _download(filename, target)  # on machines that do not share the first one's cache
    return read_checkpoint(target, map_location)


def _download(url: str, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(target), progress=get_rank() == 0)


@CheckpointLoader.register_scheme(prefixes=("modelzoo://", "torchvision://"), force=True)
def load_from_torchvision(filename: str, map_location: Any = None) -> Any:
    """Loads torchvision's published weights by name for MMEngine."""
    return load_from_url(_address(filename, get_torchvision_models()), map_location)


@CheckpointLoader.register_scheme(prefixes=("open-mmlab://", "openmmlab://"), force=True)
def load_from_openmmlab(filename: str, map_location: Any = None) -> Any:
    """Loads OpenMMLab's published weights by name for MMEngine."""
    return load_from_url(_address(filename, get_external_models()), map_location)


@CheckpointLoader.register_scheme(prefixes="mmcls://", force=True)
def load_from_mmcls(filename: str, map_location: Any = None) -> dict:
    """Loads the backbone of a published classifier by name for MMEngine."""
    content = load_from_url(_address(filename, get_mmcls_models()), map_location)
    state = state_dict_of(content, filename)
    prefix = "backbone."
    return dict(
        state_dict=OrderedDict(
            (key.removeprefix(prefix), value)
            for key, value in state.items()
            if key.startswith(prefix)
        )
    )


def _address(filename: str, urls: dict[str, str]) -> str:
    name = filename.split("://", maxsplit=1)[1]
    address = urls.get(name, "")
    if not address.startswith(("http://", "https://")):
        raise ValueError(
            f"checkpoint {filename!r}: no published weights have this name; give a file, or an "
            "address that starts with https://"
        )
    return address


@CheckpointLoader.register_scheme(
    prefixes=("pavi://", r"(\S+\:)?s3://", r"(\S+\:)?petrel://"), force=True
)
def load_from_store(filename: str, map_location: Any = None) -> Any:
    """Refuses what only MMEngine's own, unsafe loaders can read."""
    raise ValueError(
        f"checkpoint {filename!r}: mmsrdl reads files, https:// and torchvision://; copy it to a "
        "file and give that"
    )
