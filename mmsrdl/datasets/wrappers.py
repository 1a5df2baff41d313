"""Looking through wrappers of data sets."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import ConfigDict

__all__ = ["datasets_of", "inner_datasets"]


def inner_datasets(dataset: Any, through: tuple[type, ...] = ()) -> Iterator[Any]:
    """Yields the data sets under any wrappers, such as ``ConcatDataset`` or torch's ``Subset``.

    Args:
        dataset: A data set or a wrapper.
        through: Kinds of wrapper that are yielded, too, before what is in them.
    """
    # `_dataset` is what MMEngine's `num_batch_per_epoch` wraps.
    attributes = getattr(dataset, "__dict__", {})
    inner = [attributes.get("dataset"), attributes.get("_dataset"), *attributes.get("datasets", ())]
    inner = [each for each in inner if each is not None]
    if not inner or isinstance(dataset, through):
        yield dataset
    for each in inner:
        yield from inner_datasets(each, through)


def datasets_of(dataset: ConfigDict) -> Iterator[ConfigDict]:
    """Yields the data sets inside a config of a data set and its wrappers."""
    if "dataset" in dataset:
        yield from datasets_of(dataset.dataset)
    elif "datasets" in dataset:
        for inner in dataset.datasets:
            yield from datasets_of(inner)
    else:
        yield dataset
