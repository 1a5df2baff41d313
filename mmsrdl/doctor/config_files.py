"""The files that a config names, and whether they exist."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config

from mmsrdl.apis.config import LOADERS, datasets_of
from mmsrdl.apis.run import pretrained_of
from mmsrdl.doctor.breakages import Finding

__all__ = ["ConfigFile", "check_files", "config_files"]


EMBEDDER_FILES = {
    "word_vectors": "--word-vectors FILE",
    "cooccurrence": "--cfg-options model.head.embedder.cooccurrence=FILE",
}


@dataclass(frozen=True)
class ConfigFile:
    """A file or folder that a config names.

    Attributes:
        place: Where the config names it.
        path: File, folder or address.
        state: ``'exists'``, ``'missing'``, or ``'downloaded when training starts'``.
        option: Option of ``mmsrdl train`` that gives another.
    """

    place: str
    path: str
    state: str
    option: str


def config_files(cfg: Config) -> list[ConfigFile]:
    """Lists the data folders, annotation files, weights, word vectors and so on of a config.

    Args:
        cfg: Config, see :func:`load_config`.

    Returns:
        Each path once.
    """
    found: dict[str, ConfigFile] = {}
    for place, path, option in _named(cfg):
        if "://" in path:
            state = "downloaded when training starts"
        else:
            state = "exists" if os.path.exists(os.path.expanduser(path)) else "missing"
        found.setdefault(path, ConfigFile(place, path, state, option))
    return list(found.values())


def check_files(files: list[ConfigFile]) -> list[Finding]:
    """Returns a finding for every file that is missing."""
    return [
        Finding(
            "breakage",
            f"{file.place} of the config does not exist: {file.path!r}",
            f"give its place with {file.option}, or fetch it",
        )
        for file in files
        if file.state == "missing"
    ]


def _named(cfg: Config) -> Iterator[tuple[str, str, str]]:
    """Yields (place, path, option) of everything that a config names."""
    for loader in LOADERS:
        if cfg.get(loader) is not None:
            for dataset in datasets_of(cfg[loader].dataset):
                for key, path in _data_paths(dataset):
                    yield f"{loader}.dataset.{key}", path, "--data-root DIR"
            for place, file in _observations(cfg[loader].dataset, f"{loader}.dataset"):
                yield place, file, f"--cfg-options {place}=FILE"
    for place, checkpoint in pretrained_of(cfg.model, "model"):
        yield f"{place}.checkpoint", checkpoint, "--weights FILE"
    head = cfg.model.get("head", {})
    if scores := (head.get("loss") or {}).get("scores"):
        place = "model.head.loss.scores"
        yield place, scores, f"--cfg-options {place}=FILE"
    embedder: dict = head.get("embedder") or {}
    for key, option in EMBEDDER_FILES.items():
        if embedder.get(key):
            yield f"model.head.embedder.{key}", embedder[key], option


def _observations(dataset: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yields (place, path) of the files that say which labels are known."""
    if dataset.get("file"):
        yield f"{place}.file", dataset.file
    if "dataset" in dataset:
        yield from _observations(dataset.dataset, f"{place}.dataset")


def _data_paths(dataset: Any) -> Iterator[tuple[str, str]]:
    """Yields (key, path) of a data set; what lies below a missing root is left out."""
    root = dataset.get("data_root") or ""
    if root:
        yield "data_root", root
        if "://" not in root and not os.path.isdir(os.path.expanduser(root)):
            return
    prefix = dataset.get("data_prefix")
    prefixes = prefix if isinstance(prefix, dict) else {"": prefix}
    below = {"ann_file": dataset.get("ann_file"), "image_set_path": dataset.get("image_set_path")}
    below |= {f"data_prefix.{key}".rstrip("."): path for key, path in prefixes.items()}
    for key, path in below.items():
        if isinstance(path, str) and path:
            yield key, path if "://" in path else os.path.join(root, path)
