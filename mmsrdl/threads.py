"""Threads for NumPy's work on independent parts: NumPy lets others run while it computes."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


def in_threads(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """Calls a function with every part, in as many threads as PyTorch uses.

    The threads are made anew: those kept for later calls would be missing after a fork. So each
    part should take a millisecond or more.

    Args:
        work: Called once with each part, and not in order.
        parts: What is worked on.

    Returns:
        The results in the order of the parts.
    """
    parts = list(parts)
    workers = min(torch.get_num_threads(), len(parts))
    if workers < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, parts))
