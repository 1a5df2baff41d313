"""Scores and targets as arrays on the CPU.

The figures are counted there in numpy, which compares and counts bytes several times as fast as
PyTorch on a CPU, and sorts single-precision numbers three times as fast.
"""

import numpy as np
import torch
from torch import Tensor


def to_array(entries: Tensor) -> np.ndarray:
    """The entries as an array, without a copy where none is needed.

    Half precision becomes single, which holds it exactly: numpy has no bfloat16.

    Args:
        entries: Of any shape, type and device.
    """
    if entries.dtype in (torch.float16, torch.bfloat16):
        entries = entries.float()
    return entries.detach().cpu().numpy()


def count_columns(mask: np.ndarray) -> np.ndarray:
    """Number of True in each column.

    Args:
        mask: [N, C], bool.

    Returns:
        [C], int64.
    """
    # A byte holds the sum of 255 rows, and long runs of bytes are added quickest: the rows n,
    # n + rows, n + 2 rows ... of each n.
    rows, classes = len(mask) // 255, mask.shape[1]
    runs = mask[: 255 * rows].view(np.uint8).reshape(255, rows * classes)
    parts = runs.sum(0, dtype=np.uint8).reshape(rows, classes)
    return parts.sum(0, dtype=np.int64) + mask[255 * rows :].sum(0)


def transposed(entries: np.ndarray) -> np.ndarray:
    """A contiguous copy of a matrix's transpose, block by block, as a cache wants it."""
    out = np.empty(entries.shape[::-1], dtype=entries.dtype)
    for start in range(0, len(entries), 512):
        out[:, start : start + 512] = entries[start : start + 512].T
    return out
