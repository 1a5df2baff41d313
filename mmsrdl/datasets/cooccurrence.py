"""Label co-occurrence: how often two classes are in one image."""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.datasets.npz import read_npz
from mmsrdl.datasets.wrappers import inner_datasets

__all__ = [
    "conditional_probability",
    "cooccurrence_matrix",
    "load_cooccurrence",
    "reorder_counts",
    "save_cooccurrence",
]


def cooccurrence_matrix(dataset: Any) -> Tensor:
    """Count the images in which two classes are both positive.

    Args:
        dataset: A multi-label data set, or a wrapper of some, with ``metainfo['classes']`` and
            ``get_data_info(i)['gt_label']``. Images are not read. One that a wrapper shows n times
            an epoch counts n times.

    Returns:
        int64 [C, C], symmetric; the diagonal counts the positives of each class. An unknown label
        is no positive.

    Raises:
        ValueError: If there are no such labels, or the wrapped data sets differ in their classes.
    """
    classes = _classes_of(dataset)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for index in range(len(dataset)):
        labels = dataset.get_data_info(index).get("gt_label")
        if np.ndim(labels) != 1:
            raise ValueError(
                f"label co-occurrence needs lists of positive classes, but sample {index} of "
                f"{type(dataset).__name__} has gt_label={labels!r}; use a multi-label data set"
            )
        counts[np.ix_(labels, labels)] += 1
    return torch.from_numpy(counts)


def _classes_of(dataset: Any) -> Sequence[str]:
    classes = (getattr(dataset, "metainfo", None) or {}).get("classes")
    if not classes or not hasattr(dataset, "get_data_info"):
        raise ValueError(
            f"label co-occurrence cannot be counted on a {type(dataset).__name__}, which lacks "
            "metainfo['classes'] or get_data_info(); use MMEngine's data sets and wrappers, or "
            "give counts as cooccurrence=FILE (tools/dataset_tools/cooccurrence.py writes one)"
        )
    for inner in inner_datasets(dataset):
        names = (getattr(inner, "metainfo", None) or {}).get("classes")
        if names and tuple(names) != tuple(classes):
            raise ValueError(
                "label co-occurrence is counted over data sets of the same classes, but a "
                f"{type(inner).__name__} has others: {first_difference(names, classes)}; give all "
                "the same metainfo=dict(classes=[...])"
            )
    return classes


def conditional_probability(counts: Tensor) -> Tensor:
    """Turn co-occurrence counts into P[i, j] = P(class j | class i).

    Args:
        counts: [C, C] of :func:`cooccurrence_matrix`.

    Returns:
        float32 [C, C] in [0, 1]; the row of a class without positives is 0.
    """
    positives = counts.diagonal().unsqueeze(1)
    return counts.float() / positives.clamp(min=1).float()


def save_cooccurrence(path: str | PathLike[str], names: Sequence[str], counts: Tensor) -> None:
    """Write the counts [C, C] and the names of the classes to an npz file.

    Raises:
        ValueError: If ``counts`` is not [C, C] for C names.
    """
    _check_shape(tuple(counts.shape), names)
    # An open file, as numpy appends ".npz" to a path without it.
    with open(path, "wb") as file:
        np.savez(file, names=np.array(names, dtype=np.str_), counts=counts.cpu().numpy())


def load_cooccurrence(path: str | PathLike[str], classes: Sequence[str]) -> Tensor:
    """Read counts written by :func:`save_cooccurrence`, reordered by class name.

    Args:
        path: The npz file.
        classes: Names of the classes wanted, in the order wanted; may be fewer than the file's.

    Returns:
        [C, C] counts of ``classes``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file does not hold names and counts, or lacks a class.
    """
    labels, values = read_npz(path, ("names", "counts"), "cooccurrence")
    names = labels.ravel().tolist()
    _check_shape(values.shape, names)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"cooccurrence='{path}' must hold counts of 0 or more, got {values.dtype}; count anew "
            "with tools/dataset_tools/cooccurrence.py"
        )
    return reorder_counts(torch.from_numpy(values), names, classes, f"cooccurrence='{path}'")


def reorder_counts(
    counts: Tensor, names: Sequence[str], classes: Sequence[str], source: str
) -> Tensor:
    """Picks the counts of some classes by name.

    Args:
        counts: Counts [M, M] of M classes.
        names: Their M names.
        classes: Names of the C classes wanted, in the order wanted.
        source: What holds the counts, for the error.

    Returns:
        [C, C].

    Raises:
        ValueError: If a class is not among the names.
    """
    places = {name: place for place, name in enumerate(names)}
    missing = [name for name in classes if name not in places]
    if missing:
        raise ValueError(
            f"{source} has no counts of the classes {first_of(missing)}; it holds "
            f"{first_of(list(names))}. Count them on a data set of these classes"
        )
    order = [places[name] for name in classes]
    return counts[order][:, order]


def _check_shape(shape: tuple[int, ...], names: Sequence[str]) -> None:
    if shape != (len(names), len(names)):
        raise ValueError(
            f"counts must be [C, C] for {len(names)} names, got shape {shape}; give one row and "
            "one column a class"
        )
