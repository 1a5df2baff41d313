"""A data set some of whose labels are hidden."""

import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.observation.observation import Observation, checked_settings, observe
from mmsrdl.datasets.observation.statistics import ObservationStatistics
from mmsrdl.datasets.observation.stored_labels import image_names, replace_labels, stored_labels
from mmsrdl.datasets.observation.wrapper import InPlaceWrapper
from mmsrdl.registry import DATASETS

__all__ = ["DEFAULT_SEED", "ObservedDataset"]

DEFAULT_SEED = 1200
"""That of Cole et al.'s public code, which the single-positive literature keeps."""


@DATASETS.register_module()
class ObservedDataset(InPlaceWrapper):
    """Hides labels of a data set: each entry, or all but some positives of an image.

    Hidden labels become -1, unknown, in the data set itself. Nothing downstream can see them:
    samples, statistics, label graphs, samplers and whatever looks through wrappers. What is drawn
    is a function of the seed and the names of images and classes, see :func:`observe`: it is the
    same in every process and run, on every machine.

    Labels of a validation or test set can be hidden as well, which measures on known labels alone;
    the literature hides those of training images only.

    Args:
        dataset: Config of a multi-label data set of MMEngine's kind, or the data set, which is
            changed; a :class:`HeldOutSplit` may be between. It must not load boxes.
        keep: ``'entries'``, ``'positives'`` or ``'one_positive'``, see :func:`observe`.
        p: Probability that an entry is known, of ``'entries'``.
        n: Number of positives of an image that are known, of ``'positives'``.
        seed: Seed of the draw; 1200 by default.
        file: A file of ``mmsrdl data observe`` in place of all these. It goes with the labels that
            it was made of: others are refused. The order of images and classes may differ.
        lazy_init: Whether annotations are loaded, and labels hidden, when first used.

    Attributes:
        observation: What was drawn or read, of the images of the data set at that time.
        statistics: How much of the labels is known.
        known_labels: int8 [N, C], the labels as they are left: 1 positive, 0 negative, -1 unknown.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the data set is of another kind, or a number is none.
        ValueError: If an option is missing, out of range or of no use, the file is damaged or of
            other labels, boxes give hidden labels away, or labels are hidden twice.
    """

    observation: Observation
    statistics: ObservationStatistics
    known_labels: np.ndarray

    def __init__(
        self,
        dataset: Any,
        keep: str | None = None,
        p: float | None = None,
        n: int | None = None,
        seed: int | None = None,
        file: str | None = None,
        lazy_init: bool = False,
    ) -> None:
        given = [
            f"{k}={v!r}" for k, v in dict(keep=keep, p=p, n=n, seed=seed).items() if v is not None
        ]
        if file is not None and given:
            raise ValueError(
                f"file='{file}' says which labels are known, and {', '.join(given)} draws them "
                "anew; give one of both"
            )
        self.file = file
        self.seed = DEFAULT_SEED if seed is None else seed
        self.settings = None if file is not None else checked_settings(keep, self.seed, p, n)
        super().__init__(dataset, lazy_init)

    def _change(self) -> None:
        if self._hides_twice():
            raise ValueError("an ObservedDataset holds another one; hide labels once")
        if getattr(self.base, "with_boxes", False):
            raise ValueError(
                f"with_boxes=True of {type(self.base).__name__} gives hidden labels away; leave it "
                "out"
            )
        labels, images = stored_labels(self.base), image_names(self.base)
        self.observation = self._observe(labels, images)
        self.statistics = self.observation.statistics(labels)
        self.known_labels = np.where(self.observation.known, labels, np.int8(-1))
        replace_labels(self.base, self.known_labels)
        self._report()

    def _hides_twice(self) -> bool:
        inner = self.dataset
        while isinstance(inner, InPlaceWrapper):
            if isinstance(inner, ObservedDataset):
                return True
            inner = inner.dataset
        return False

    def _observe(self, labels: np.ndarray, images: tuple[str, ...]) -> Observation:
        classes = tuple(self.metainfo["classes"])
        if self.settings is not None:
            return observe(labels, images, classes, **self.settings)
        assert self.file is not None
        observation = Observation.load(os.path.expanduser(self.file))
        try:
            return observation.aligned(labels, images, classes)
        except ValueError as error:
            raise ValueError(
                f"file='{self.file}' does not go with {type(self.base).__name__}: {error}. Give "
                "the data set that it was made of, or make it anew with `mmsrdl data observe`"
            ) from error

    def _report(self) -> None:
        print_log(f"{type(self).__name__}: {self.statistics}", logger="current")
        empty = self.statistics.classes_without_known_positive
        if empty:
            print_log(
                f"{type(self).__name__}: {len(empty)} of {len(self.statistics.classes)} classes "
                f"have no known positive image, which can teach nothing of them: {first_of(empty)}",
                logger="current",
                level=logging.WARNING,
            )

    @force_full_init
    def get_subset_(self, indices: Sequence[int]) -> None:
        """Keeps the images of these indices."""
        super().get_subset_(indices)
        self.known_labels = self.known_labels[list(indices)]
