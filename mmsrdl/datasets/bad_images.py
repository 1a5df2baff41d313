"""Images that could not be loaded: the error, and a record that all workers share."""

from typing import Any

import torch

__all__ = ["BadImageError", "BadImages"]


class BadImageError(RuntimeError):
    """An image of a data set could not be loaded.

    Args:
        index: Its index in the data set.
        reason: Why, in words.
        message: What is said to the user.
    """

    def __init__(self, index: int, reason: str, message: str) -> None:
        # All of them, as an exception is pickled with its arguments.
        super().__init__(index, reason, message)
        self.index, self.reason, self.message = index, reason, message

    def __str__(self) -> str:
        return self.message


class BadImages:
    """Which images of a data set could not be loaded, as seen by the workers of its loader.

    One byte an image, in memory that the processes share. Setting a byte twice does no harm, so
    that workers need no lock.
    """

    def __init__(self) -> None:
        self._flags = torch.zeros(0, dtype=torch.uint8)

    def allocate(self, size: int) -> None:
        """Forgets all, and makes room for images of the indices 0 to ``size - 1``."""
        self._flags = torch.zeros(size, dtype=torch.uint8).share_memory_()

    def add(self, index: int) -> None:
        """Records an image."""
        self._flags[index] = 1

    def take(self) -> list[int]:
        """Returns the indices recorded since the last call, in ascending order."""
        found = self._flags.nonzero().flatten()
        self._flags[found] = 0
        return found.tolist()

    def __deepcopy__(self, memo: dict[int, Any]) -> "BadImages":
        # A copied tensor leaves shared memory, and what workers record would be lost.
        copied = BadImages()
        copied.allocate(len(self._flags))
        return copied
