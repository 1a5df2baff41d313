"""Label co-occurrence: how often two classes are in one image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.datasets.npz import name_array, read_npz, write_npz
from mmsrdl.datasets.wrappers import inner_datasets

__all__ = [
    "Cooccurrence",
    "conditional_probability",
    "cooccurrence_matrix",
    "load_cooccurrence",
    "reorder_counts",
    "save_cooccurrence",
]


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """Label counts of a set of images, of which not every label need be known.

    Attributes:
        positive: Images that are positive for class i and for class j, [C, C]: symmetric, the
            positives of each class on the diagonal.
        known: Images that are positive for class i and in which class j is known, [C, C]. Where
            everything is known, every entry of row i is the number of positives of class i.

    Raises:
        ValueError: If the counts are not [C, C] both.
    """

    positive: Tensor
    known: Tensor

    def __post_init__(self) -> None:
        shape = self.positive.shape
        if len(shape) != 2 or shape[0] != shape[1] or self.known.shape != shape:
            raise ValueError(
                f"positive and known must be [C, C] both, got {list(shape)} and "
                f"{list(self.known.shape)}; give one row and one column a class"
            )

    @classmethod
    def fully_known(cls, positive: Tensor) -> "Cooccurrence":
        """Returns the counts [C, C] of images of which every label is known."""
        return cls(positive, positive.diagonal().unsqueeze(1).expand_as(positive))

    @property
    def without_positive(self) -> Tensor:
        """Classes without a known positive, bool [C]."""
        return self.positive.diagonal() == 0

    @property
    def assumed_negative(self) -> Tensor:
        """Classes whose unknown labels :attr:`images` takes for negative, bool [C].

        Those with a positive of which no negative is known beside a positive, and not everything
        is known there.
        """
        only_positives = (self.known == self.positive).all(0) & ~self.without_positive
        return only_positives & (self.known < self._positives).any(0)

    @property
    def images(self) -> Tensor:
        """Images by which P(class j | class i) is judged, [C, C].

        They are those of :attr:`known`. All images of class i instead would take what is unknown
        for negative: where each label is known with probability p, whatever it is, P would be p
        times what it is.

        Labels that name positives alone are the exception: every P of a pair that was ever seen
        would be 1. A class of which no negative is known (:attr:`assumed_negative`) is therefore
        judged by all images of class i, which makes P a lower bound.
        """
        return torch.where(self.assumed_negative, self._positives, self.known)

    @property
    def _positives(self) -> Tensor:
        return self.positive.diagonal().unsqueeze(1)


def cooccurrence_matrix(dataset: Any) -> Cooccurrence:
    """Count the images in which two classes are both positive, and those in which both are known.

    Args:
        dataset: A multi-label data set, or a wrapper of some, with ``metainfo['classes']`` and
            ``get_data_info(i)['gt_label']``. Images are not read. One that a wrapper shows n times
            an epoch counts n times. Unknown are the classes that are -1 in ``gt_score``, as losses
            see it; of a data set without it, those in ``gt_label_unknown``.

    Returns:
        int64 [C, C] both.

    Raises:
        ValueError: If there are no such labels, or the wrapped data sets differ in their classes.
    """
    classes = counted_classes(dataset)
    positive = np.zeros((len(classes), len(classes)), dtype=np.int64)
    unknown = np.zeros_like(positive)
    for labels, unknown_classes in labels_of(dataset):
        positive[np.ix_(labels, labels)] += 1
        unknown[np.ix_(labels, unknown_classes)] += 1
    counts = torch.from_numpy(positive)
    return Cooccurrence(counts, counts.diagonal().unsqueeze(1) - torch.from_numpy(unknown))


def labels_of(dataset: Any) -> Iterator[tuple[Any, Any]]:
    """Yields the positive and the unknown classes of each image of a data set.

    Args:
        dataset: See :func:`cooccurrence_matrix`.

    Raises:
        ValueError: If there are no such labels.
    """
    for index in range(len(dataset)):
        data_info = dataset.get_data_info(index)
        labels = data_info.get("gt_label")
        if np.ndim(labels) != 1:
            raise ValueError(
                f"label co-occurrence needs lists of positive classes, but sample {index} of "
                f"{type(dataset).__name__} has gt_label={labels!r}; use a multi-label data set"
            )
        yield labels, _unknown_classes(data_info)


def _unknown_classes(data_info: dict[str, Any]) -> Any:
    """Returns the indices of the classes that are not known in an image."""
    if data_info.get("gt_score") is not None:
        return np.flatnonzero(np.asarray(data_info["gt_score"]) < 0)
    return np.asarray(data_info.get("gt_label_unknown", ()), dtype=np.int64)


def counted_classes(dataset: Any) -> Sequence[str]:
    """Returns the names of the classes that can be counted on a data set.

    Raises:
        ValueError: If it names none, or wraps data sets that differ in their classes.
    """
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


def conditional_probability(counts: Cooccurrence) -> Tensor:
    """Turn co-occurrence counts into P[i, j] = P(class j | class i).

    It is the share of j's positives in the images of i in which j is known: an unbiased estimate
    where a label is hidden whatever it is (see :attr:`Cooccurrence.images` for positives alone).

    Args:
        counts: [C, C] of :func:`cooccurrence_matrix`.

    Returns:
        float32 [C, C] in [0, 1]; 0 where j is known in no image of i, and so in the whole row of a
        class without a known positive.
    """
    return counts.positive.float() / counts.images.clamp(min=1).float()


def save_cooccurrence(
    path: str | PathLike[str], names: Sequence[str], counts: Cooccurrence
) -> None:
    """Write the counts [C, C] and the names of the classes to an npz file.

    Raises:
        ValueError: If ``counts`` is not [C, C] for C names.
    """
    positive, known = counts.positive.cpu().numpy(), counts.known.cpu().numpy()
    _check_shape("counts", positive.shape, names)
    write_npz(path, dict(names=name_array(names, "class"), counts=positive, known=known))


def load_cooccurrence(path: str | PathLike[str], classes: Sequence[str]) -> Cooccurrence:
    """Read counts written by :func:`save_cooccurrence`, reordered by class name.

    Args:
        path: The npz file, of ``names`` [C], ``counts`` [C, C] and, unless every label was known,
            ``known`` [C, C] (see :class:`Cooccurrence`).
        classes: Names of the classes wanted, in the order wanted; may be fewer than the file's.

    Returns:
        [C, C] counts of ``classes``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file does not hold names and counts, or lacks a class.
    """
    arrays = read_npz(path, ("names", "counts"), "cooccurrence", ("known",))
    names = list(map(str, arrays[0].ravel().tolist()))
    positive, known = arrays[1:]
    mend = "count anew with tools/dataset_tools/cooccurrence.py"
    _check_shape(f"counts of cooccurrence='{path}'", positive.shape, names)
    if not _are_counts(positive):
        raise ValueError(
            f"cooccurrence='{path}' must hold counts of 0 or more, got {positive.dtype}; {mend}"
        )
    counts = Cooccurrence.fully_known(torch.from_numpy(positive))
    if known.size:
        _check_shape(f"known of cooccurrence='{path}'", known.shape, names)
        if (
            not _are_counts(known)
            or (known < positive).any()
            or (known > np.diagonal(positive)[:, None]).any()
        ):
            raise ValueError(
                f"known of cooccurrence='{path}' must lie between the counts of two classes and "
                f"those of the first, got {known.dtype} that do not; {mend}"
            )
        counts = Cooccurrence(counts.positive, torch.from_numpy(known))
    return reorder_counts(counts, names, classes, f"cooccurrence='{path}'")


def reorder_counts(
    counts: Cooccurrence, names: Sequence[str], classes: Sequence[str], source: str
) -> Cooccurrence:
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
    return Cooccurrence(counts.positive[order][:, order], counts.known[order][:, order])


def _are_counts(values: np.ndarray) -> bool:
    return values.dtype.kind in "iuf" and bool((np.isfinite(values) & (values >= 0)).all())


def _check_shape(name: str, shape: tuple[int, ...], names: Sequence[str]) -> None:
    if shape != (len(names), len(names)):
        raise ValueError(
            f"{name} must be [C, C] for {len(names)} names, got shape {shape}; give one row and "
            "one column a class"
        )
