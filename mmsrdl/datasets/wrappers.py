"""Looking through wrappers of data sets."""

from collections.abc import Iterator
from typing import Any

__all__ = ["inner_datasets"]


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
