"""Collating of samples into a batch, for configs that others inherit."""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import default_collate as stack

from mmsrdl.registry import FUNCTIONS

__all__ = ["default_collate"]


@FUNCTIONS.register_module()
def default_collate(data_batch: Sequence, _scope_: str | None = None) -> Any:
    """Stacks the samples of a batch, as MMEngine's function of the same name does.

    A config that is inherited through ``_base_ = 'mmsrdl::...'`` gets the key ``_scope_`` in every
    dict that has a type, and MMEngine's runner hands all keys of ``collate_fn`` to the function.

    Args:
        data_batch: Samples of the data set.
        _scope_: Unused.

    Returns:
        The samples' structure, with tensors stacked along a new first dimension.
    """
    return stack(data_batch)
