"""What the wrappers of this package have in common."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init

from mmsrdl.datasets.observation.stored_labels import stored_labels
from mmsrdl.registry import DATASETS

__all__ = ["InPlaceWrapper"]


class InPlaceWrapper:
    """Owns a data set and changes it in place when it is loaded.

    Whatever looks through wrappers (:func:`mmsrdl.datasets.inner_datasets`) therefore finds the
    changed data set. All else is handed on to it.

    Args:
        dataset: Config of the data set, or the data set; another wrapper of this kind may be
            between.
        lazy_init: Whether annotations are loaded, and the data set changed, when first used.

    Raises:
        TypeError: If it is neither a data set of MMEngine's nor such a wrapper.
    """

    def __init__(self, dataset: Any, lazy_init: bool = False) -> None:
        self.dataset = DATASETS.build(dataset) if isinstance(dataset, Mapping) else dataset
        if not isinstance(self.dataset, (BaseDataset, InPlaceWrapper)):
            raise TypeError(
                f"{type(self).__name__} takes one data set, got a {type(self.dataset).__name__}; "
                f"put {type(self).__name__} around each data set inside it"
            )
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    def _change(self) -> None:
        """Changes the data set, which is loaded."""
        raise NotImplementedError

    def full_init(self) -> None:
        """Loads the annotations and changes the data set, once."""
        if not self._fully_initialized:
            self.dataset.full_init()
            self._change()
            self._fully_initialized = True

    @property
    def base(self) -> BaseDataset:
        """The data set under all wrappers of this kind."""
        return self.dataset.base if isinstance(self.dataset, InPlaceWrapper) else self.dataset

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the data set."""
        return self.dataset.metainfo

    @property
    def CLASSES(self) -> tuple[str, ...] | None:
        """Names of the classes."""
        return self.metainfo.get("classes")

    @force_full_init
    def get_subset_(self, indices: Sequence[int]) -> None:
        """Keeps the images of these indices."""
        self.dataset.get_subset_(indices)

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Returns the annotation of the idx-th image."""
        return self.dataset.get_data_info(idx)

    @force_full_init
    def get_cat_ids(self, idx: int) -> list[int]:
        """Returns the positive classes of the idx-th image."""
        return self.dataset.get_cat_ids(idx)

    @force_full_init
    def get_gt_labels(self) -> np.ndarray:
        """Returns the labels, float32 [N, C]: 1 positive, 0 negative, -1 unknown."""
        return stored_labels(self).astype(np.float32)

    def set_epoch(self, epoch: int, seed: int) -> None:
        """Makes every sample a function of (seed, epoch, index), where the data set can."""
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch, seed)

    @force_full_init
    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.dataset)

    @force_full_init
    def __getitem__(self, idx: int) -> Any:
        """Returns the idx-th sample after the pipeline."""
        return self.dataset[idx]
