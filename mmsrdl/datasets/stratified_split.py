"""Stratified splits of multi-label data."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmsrdl.arguments import check_integer

__all__ = ["part_sizes", "stratified_split"]


def part_sizes(number: int, shares: Sequence[float]) -> list[int]:
    """Divides a number by shares, rounded so that the parts sum to it (largest remainders).

    Args:
        number: Images in all.
        shares: P positive shares.

    Returns:
        P sizes, each less than 1 away from its share of ``number``.
    """
    wanted = np.asarray(shares, dtype=np.float64) / sum(shares) * number
    sizes = np.floor(wanted + 1e-9).astype(np.int64)
    missing = number - int(sizes.sum())
    sizes[np.argsort(sizes - wanted, kind="stable")[:missing]] += 1
    return sizes.tolist()


def stratified_split(
    labels: Any, shares: Sequence[float], groups: Sequence[int] | None = None, seed: int = 0
) -> np.ndarray:
    """Divides images into parts in which every class has about the same share of positives.

    Iterative stratification: Sechidis, Tsoumakas and Vlahavas, On the Stratification of Multi-Label
    Data, ECML PKDD 2011, Algorithm 1. Time and again, the class with the fewest positives left is
    taken, and each of its images goes to the part that lacks most positives of it; of several to
    the one that lacks most images, and then to a random one.

    Two departures. A part that is full takes no more, so that sizes are exact. Images of a group go
    to one part together; groups of several images are placed first, largest first, as single
    images then fill what is left. Where a group fits into no part, it goes to the one with most
    room, and sizes are off by no more than is needed for that.

    Args:
        labels: [N, C]; 1 marks a positive, all else is none.
        shares: P positive shares of the images, which sum to 1.
        groups: N numbers; images of one number stay together. Defaults to each on its own.
        seed: Seed of the order and of the choice between equal parts.

    Returns:
        int64 [N], the part of each image, 0 to P - 1.

    Raises:
        TypeError: If the seed is no integer.
        ValueError: If shares are not positive or do not sum to 1, shapes do not match, or the seed
            is negative.
    """
    check_integer("seed", seed, low=0, example=0)
    positive = np.asarray(labels) == 1
    _check(positive, shares, groups)
    numbers = np.arange(len(positive)) if groups is None else np.asarray(groups)
    _, group = np.unique(numbers, return_inverse=True)
    sizes = np.bincount(group, minlength=0)
    counts = np.zeros((len(sizes), positive.shape[1]), dtype=np.int64)
    np.add.at(counts, group, positive)
    assignment = _Assignment(counts, sizes, part_sizes(len(positive), shares), seed)
    for chosen in (sizes > 1, sizes == 1):
        assignment.place(np.flatnonzero(chosen))
    return assignment.part[group]


def _check(positive: np.ndarray, shares: Sequence[float], groups: Sequence[int] | None) -> None:
    if positive.ndim != 2:
        raise ValueError(f"labels must be [N, C], got {positive.ndim} dimensions")
    if not shares or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(
            f"shares={list(shares)} must be positive and sum to 1, such as [0.7, 0.15, 0.15]"
        )
    if groups is not None and len(groups) != len(positive):
        raise ValueError(f"groups has {len(groups)} entries for {len(positive)} images; give each")


class _Assignment:
    """What is placed so far, and what each part still lacks.

    Args:
        counts: int64 [G, C], positives of each class in each group.
        sizes: int64 [G], images of each group.
        rooms: Sizes of the P parts.
        seed: Seed.
    """

    def __init__(self, counts: np.ndarray, sizes: np.ndarray, rooms: list[int], seed: int) -> None:
        self.counts, self.sizes = counts, sizes
        self.part = np.full(len(sizes), -1, dtype=np.int64)
        self.room = np.array(rooms, dtype=np.float64)
        total = max(1, int(self.room.sum()))
        self.demand = self.room[:, None] / total * counts.sum(0)  # (P, C)
        self.random = np.random.default_rng(seed)

    def place(self, chosen: np.ndarray) -> None:
        """Places the groups of these indices."""
        order = self.random.permutation(chosen)
        order = order[np.argsort(-self.sizes[order], kind="stable")]
        while len(order):
            left = (self.counts[order] > 0).sum(0)
            label = self._rarest(left) if left.any() else None
            takes = slice(None) if label is None else self.counts[order, label] > 0
            for index in order[takes]:
                self._put(index, label)
            order = order[self.part[order] < 0]

    def _rarest(self, left: np.ndarray) -> int:
        fewest = left[left > 0].min()
        return int(self.random.choice(np.flatnonzero(left == fewest)))

    def _put(self, index: int, label: int | None) -> None:
        size = self.sizes[index]
        open_parts = np.flatnonzero(self.room >= min(size, self.room.max()))
        wishes = [self.room] if label is None else [self.demand[:, label], self.room]
        for wish in wishes:
            lack = wish[open_parts]
            open_parts = open_parts[lack >= lack.max() - 1e-9]
        one = len(open_parts) == 1
        part = open_parts[0] if one else self.random.choice(open_parts)
        self.part[index] = part
        self.room[part] -= size
        self.demand[part] -= self.counts[index]
