"""Sampler that makes every sample a function of (seed, epoch, index)."""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

from mmengine.dataset import ClassBalancedDataset, DefaultSampler, RepeatDataset
from mmengine.logging import print_log

from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset
from mmsrdl.datasets.wrappers import inner_datasets
from mmsrdl.registry import DATA_SAMPLERS

__all__ = ["SeededSampler"]


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """``DefaultSampler`` that tells the data set its seed and epoch.

    The augmentation of a sample then depends neither on the number of workers nor on where a
    run was stopped and resumed. The epoch comes from MMEngine: ``DistSamplerSeedHook`` sets
    it in an ``EpochBasedTrainLoop``, the loop's own iterator in an ``IterBasedTrainLoop``.
    Wrappers (``ConcatDataset``, ``RepeatDataset``, ``ClassBalancedDataset``, torch's
    ``Subset``) are looked through; those that repeat an image within an epoch show it with
    the same augmentation each time, which is logged.

    Args:
        *args: Passed to :class:`mmengine.dataset.DefaultSampler`: ``dataset``, ``shuffle``,
            ``seed`` and ``round_up``.
        **kwargs: Likewise.

    Raises:
        TypeError: If no :class:`mmsrdl.datasets.MultiLabelDataset` is in ``dataset``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._seeded = list(_seedable_datasets(self.dataset))
        if not self._seeded:
            raise TypeError(
                f"dataset {type(self.dataset).__name__} holds no mmsrdl.MultiLabelDataset that "
                "SeededSampler could seed; use sampler=dict(type='DefaultSampler', shuffle=True) "
                "with train_cfg=dict(_delete_=True, by_epoch=True, max_epochs=...)"
            )
        self._begin = 0
        self.set_epoch(self.epoch)

    def __iter__(self) -> Iterator[int]:
        """Iterate the indices of this process, once from where :meth:`begin_at` says."""
        begin, self._begin = self._begin, 0
        return islice(super().__iter__(), begin, None)

    def begin_at(self, number: int) -> None:
        """Leave the first samples out of the next pass, which a stopped run has seen.

        Args:
            number: How many samples of this process; 0 or more.
        """
        self._begin = number

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the sampler and of the data sets."""
        super().set_epoch(epoch)
        for dataset in self._seeded:
            dataset.set_epoch(epoch, self.seed)


def _seedable_datasets(dataset: Any) -> Iterator[MultiLabelDataset]:
    """Yield the multi-label data sets under any wrappers."""
    repeating = (RepeatDataset, ClassBalancedDataset)
    for inner in inner_datasets(dataset, through=repeating):
        if isinstance(inner, MultiLabelDataset):
            yield inner
        elif isinstance(inner, repeating):
            print_log(
                f"{type(inner).__name__} shows a repeated image with the same augmentation within "
                "an epoch when SeededSampler is used",
                logger="current",
                level=logging.WARNING,
            )
