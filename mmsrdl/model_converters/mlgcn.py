"""Published checkpoints of ML-GCN."""

import math
import os
from collections.abc import Sequence

import torch
from torch import Tensor

from mmsrdl.datasets.class_names import CLASS_LISTS
from mmsrdl.model_converters.published import (
    ConvertedCheckpoint,
    backbone_entries,
    check_entries,
    class_names,
    read_published,
)
from mmsrdl.models.embedders import load_word_vectors

__all__ = ["convert_mlgcn"]

LAYOUT = "ML-GCN's released code, ResNet-101"
STAGES = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
"""Places in ``features``, of which 2 and 3 have no entries."""
GRAPH: tuple[str, ...] = ("A", "gc1.weight", "gc2.weight")
"""The label graph, and its layers, each [in, out]."""


def convert_mlgcn(
    path: str | os.PathLike[str],
    word_vectors: str | os.PathLike[str],
    classes: str | None = None,
) -> ConvertedCheckpoint:
    """Converts a checkpoint of ML-GCN's released code for the parts of ``mlgcn_r101_coco``.

    Its label graph A is kept as it is: the embedder normalises it as that code does. Rows and
    columns are put into our order of the classes by name.

    Args:
        path: The published file.
        word_vectors: File of the word vectors that it was trained with, which it does not hold;
            see :func:`load_word_vectors`. Looked up by class name.
        classes: Text file of class names in the checkpoint's order, one a line. Defaults to
            MS-COCO's in alphabetical order for 80 classes and to PASCAL VOC's for 20.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is another one, or the class names are unknown.
    """
    path = os.path.expanduser(os.fspath(path))
    entries = read_published(path)
    complaint = f"checkpoint {path!r} is no ResNet-101 of ML-GCN's released code"
    if "A" not in entries or not any(name.startswith("features.") for name in entries):
        raise ValueError(
            f"{complaint}: it has no entries 'A' and 'features.0.weight', but such as "
            f"{', '.join(sorted(entries)[:3])}"
        )
    graph = {name: entries.pop(name) for name in GRAPH if name in entries}
    state = backbone_entries({_torchvision(name): e for name, e in entries.items()}, complaint)
    number = math.isqrt(graph["A"].numel())
    wanted = {"A": (number, number), "gc1.weight": (300, 1024), "gc2.weight": (1024, 2048)}
    check_entries(graph, wanted, complaint)
    _check_graph(graph["A"], complaint)

    published, kind = class_names(number, classes, alphabetical=True)
    names = published if kind is None else CLASS_LISTS[kind]
    order = torch.tensor([published.index(name) for name in names])
    state["head.embedder.vectors"] = _vectors(word_vectors, names, len(graph["gc1.weight"]))
    state["head.embedder.adjacency"] = graph["A"][order][:, order]
    for layer, name in enumerate(GRAPH[1:]):
        state[f"head.embedder.layers.{layer}.weight"] = graph[name].T.contiguous()
    return ConvertedCheckpoint(
        state,
        tuple(names),
        path,
        LAYOUT,
        {"coco": "mlgcn_r101_coco", "voc": "mlgcn_r101_voc07"}.get(kind or ""),
        {},
    )


def _torchvision(name: str) -> str:
    """Renames ``features.4.0.conv1.weight`` as ``layer1.0.conv1.weight``."""
    parts = name.split(".", 2)
    if len(parts) == 3 and parts[0] == "features" and parts[1] in STAGES:
        return f"{STAGES[parts[1]]}.{parts[2]}"
    return name


def _check_graph(graph: Tensor, complaint: str) -> None:
    """Raises unless A can be normalised: no negative weight, and every class has one."""
    if not graph.isfinite().all() or (graph < 0).any() or (graph.sum(1) <= 0).any():
        raise ValueError(
            f"{complaint}: its 'A' must be the re-weighted label graph, finite, without negative "
            "weights and with at least one in every row"
        )


def _vectors(path: str | os.PathLike[str], names: Sequence[str], size: int) -> Tensor:
    vectors = load_word_vectors(path, names)
    if vectors.shape[1] != size:
        raise ValueError(
            f"--word-vectors {os.fspath(path)} has {vectors.shape[1]} dimensions where the "
            f"checkpoint takes {size}; give the file that it was trained with, GloVe of {size}"
        )
    return vectors
