"""Numbers of a labeled set of images: how often, how many, and which labels together."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DATASETS

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.cooccurrence import (
    Cooccurrence,
    conditional_probability,
    counted_classes,
    labels_of,
)
from mmsrdl.datasets.formats import Annotations, read_annotations
from mmsrdl.datasets.wrappers import datasets_of

__all__ = [
    "LabelStatistics",
    "annotation_targets",
    "config_statistics",
    "dataset_statistics",
    "file_statistics",
    "label_statistics",
]


@dataclass
class LabelStatistics:
    """Numbers of N images with labels of C classes.

    Attributes:
        classes: C names.
        num_images: N.
        positives: Images that are positive for each class, int64 [C].
        unknown: Images of which it is not known, int64 [C].
        labels_per_image: How many images have 0, 1, 2, ... positive classes, int64 [K + 1].
        cooccurrence: Images that are positive for both classes, int64 [C, C].
        known: Images that are positive for class i and known for class j, int64 [C, C].
    """

    classes: tuple[str, ...]
    num_images: int
    positives: np.ndarray
    unknown: np.ndarray
    labels_per_image: np.ndarray
    cooccurrence: np.ndarray
    known: np.ndarray

    @property
    def conditional(self) -> np.ndarray:
        """P[i, j] = P(class j | class i), float32 [C, C] in [0, 1]; 0 where i has no images.

        Of the images in which j is known, see :func:`conditional_probability`.
        """
        counts = Cooccurrence(torch.from_numpy(self.cooccurrence), torch.from_numpy(self.known))
        return conditional_probability(counts).numpy()

    @property
    def frequency(self) -> np.ndarray:
        """Share of the images that are positive for each class, float64 [C]."""
        return self.positives / self.num_images

    @property
    def known_frequency(self) -> np.ndarray:
        """Share of the images in which a class is known that are positive for it, float64 [C].

        As in :attr:`conditional`, of all images for a class of which no negative is known.
        """
        counts = Cooccurrence(torch.from_numpy(self.cooccurrence), torch.from_numpy(self.known))
        known = self.num_images - np.where(counts.assumed_negative.numpy(), 0, self.unknown)
        return self.positives / np.maximum(known, 1)

    @property
    def cardinality(self) -> float:
        """Positive classes of an image, on average (Tsoumakas & Katakis, 2007)."""
        return float(self.positives.sum() / self.num_images)

    @property
    def density(self) -> float:
        """Cardinality over the number of classes (Tsoumakas & Katakis, 2007)."""
        return self.cardinality / len(self.classes)

    @property
    def imbalance(self) -> float:
        """Images of the most frequent class over those of the rarest that has any; 0 for none."""
        counts = self.positives[self.positives > 0]
        return float(counts.max() / counts.min()) if counts.size else 0.0

    @property
    def unknown_share(self) -> float:
        """Share of all N x C labels that are not known."""
        return float(self.unknown.sum() / (self.num_images * len(self.classes)))

    @property
    def images_without_labels(self) -> int:
        """Images that are positive for no class."""
        return int(self.labels_per_image[0])

    @property
    def classes_without_images(self) -> tuple[str, ...]:
        """Classes for which no image is positive."""
        return tuple(np.array(self.classes)[self.positives == 0].tolist())

    def to_dict(self) -> dict[str, Any]:
        """Returns all numbers in plain types, as for JSON."""
        return {
            "classes": list(self.classes),
            "num_images": self.num_images,
            "images_without_labels": self.images_without_labels,
            "classes_without_images": list(self.classes_without_images),
            "cardinality": self.cardinality,
            "density": self.density,
            "imbalance": self.imbalance,
            "positives": self.positives.tolist(),
            "unknown": self.unknown.tolist(),
            "unknown_share": self.unknown_share,
            "frequency": self.frequency.tolist(),
            "labels_per_image": self.labels_per_image.tolist(),
            "cooccurrence": self.cooccurrence.tolist(),
            "known": self.known.tolist(),
            "conditional": self.conditional.tolist(),
        }


def label_statistics(targets: np.ndarray, classes: Sequence[str]) -> LabelStatistics:
    """Counts labels.

    Args:
        targets: 1 positive, 0 negative, -1 unknown, [N, C]; as ``get_gt_labels()`` of a data set.
        classes: C names.

    Raises:
        ValueError: If there are no images, or ``targets`` is not [N, C] of these values.
    """
    targets = np.asarray(targets)
    if targets.ndim != 2 or targets.shape[1] != len(classes) or not len(targets):
        raise ValueError(
            f"targets must be [N, {len(classes)}] with N of at least 1, got {list(targets.shape)}; "
            "give a row an image and a column a class"
        )
    if not np.isin(targets, (-1, 0, 1)).all():
        strange = sorted(set(np.unique(targets).tolist()) - {-1, 0, 1})
        raise ValueError(f"targets must be 1, 0 or -1, got {first_of(strange)}")
    # Floats of 64 bits: exact counts, and BLAS does the product.
    positive = (targets == 1).astype(np.float64)
    return LabelStatistics(
        classes=tuple(classes),
        num_images=len(targets),
        positives=positive.sum(0).astype(np.int64),
        unknown=(targets == -1).sum(0).astype(np.int64),
        labels_per_image=np.bincount(positive.sum(1).astype(np.int64)),
        cooccurrence=(positive.T @ positive).astype(np.int64),
        known=(positive.T @ (targets != -1)).astype(np.int64),
    )


def dataset_statistics(dataset: Any) -> LabelStatistics:
    """Counts the labels of a data set; images are not read.

    Args:
        dataset: A multi-label data set, or a wrapper of some, see :func:`cooccurrence_matrix`.

    Raises:
        ValueError: If there are no such labels, or the wrapped data sets differ in their classes.
    """
    classes = counted_classes(dataset)
    targets = np.zeros((len(dataset), len(classes)), dtype=np.int8)
    for row, (labels, unknown) in zip(targets, labels_of(dataset), strict=True):
        row[unknown] = -1
        row[labels] = 1
    return label_statistics(targets, classes)


def config_statistics(dataset: ConfigDict) -> LabelStatistics:
    """Counts the labels of a data set that a config describes.

    Args:
        dataset: Config of a data set or of a wrapper of some, such as ``train_dataloader.dataset``.
            It is copied, and built in the current scope, without its pipelines.

    Raises:
        FileNotFoundError: If its files are missing.
        ValueError: As :func:`dataset_statistics`.
    """
    dataset = copy.deepcopy(dataset)
    for inner in datasets_of(dataset):
        inner.pipeline = []  # no image is read
    return dataset_statistics(DATASETS.build(dataset))


def file_statistics(path: str, classes: Sequence[str]) -> LabelStatistics:
    """Counts the labels of an annotation file.

    Args:
        path: Of any format that :func:`read_annotations` reads.
        classes: C names; labels of other classes are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is malformed, or no image is positive for any of the classes.
    """
    annotations = read_annotations(path)
    statistics = label_statistics(annotation_targets(annotations, classes), classes)
    if not statistics.positives.any():
        raise ValueError(
            f"no image of '{path}' is positive for any of the classes {first_of(list(classes))}; "
            f"it has {first_of(list(annotations.found_classes()))}. Spell them alike"
        )
    return statistics


def annotation_targets(annotations: Annotations, classes: Sequence[str]) -> np.ndarray:
    """Returns the labels of annotated images as numbers.

    Args:
        annotations: N images.
        classes: C names; labels of other classes are left out.

    Returns:
        1 positive, 0 negative, -1 unknown, int8 [N, C].
    """
    place = {name: index for index, name in enumerate(classes)}
    targets = np.zeros((len(annotations.records), len(classes)), dtype=np.int8)
    for row, record in zip(targets, annotations.records, strict=True):
        row[[place[name] for name in record.unknown if name in place]] = -1
        row[[place[name] for name in record.labels if name in place]] = 1
    return targets
