"""Seeds every sample's randomness from (seed, epoch, index)."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

__all__ = ["SampleSeed", "seed_generators"]


class SampleSeed:
    """State and means to make one sample's randomness a function of (seed, epoch, index).

    mmcv's and mmpretrain's transforms draw from numpy's global generator, others from
    python's ``random`` or from torch. Inside :meth:`applied` all three are seeded for one
    sample; afterwards they are put back, so that loading in the main process does not
    disturb what the model draws. Seed and epoch lie in shared memory: workers that stay
    alive between epochs see a new epoch.

    Until :meth:`set` is called nothing is seeded, as a sampler that never tells the epoch
    would otherwise repeat one augmentation for ever.
    """

    def __init__(self) -> None:
        self._state = torch.full((2,), -1, dtype=torch.int64).share_memory_()

    def set(self, epoch: int, seed: int) -> None:
        """Store the epoch and the seed for all processes that hold this object.

        Args:
            epoch: Number of the epoch, 0 or more.
            seed: Seed of the run, 0 or more.

        Raises:
            ValueError: If either is negative.
        """
        for name, value in (("epoch", epoch), ("seed", seed)):
            if value < 0:
                raise ValueError(f"{name} must be 0 or more, got {value}")
        self._state.copy_(torch.tensor([seed, epoch], dtype=torch.int64))

    @contextmanager
    def applied(self, index: int) -> Iterator[None]:
        """Seed python, numpy and torch (CPU) for one sample, and restore them afterwards."""
        seed, epoch = self._state.tolist()
        if seed < 0:
            yield
            return
        states = random.getstate(), np.random.get_state(), torch.default_generator.get_state()
        try:
            seed_generators(np.random.SeedSequence([seed, epoch, index]))
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.default_generator.set_state(states[2])

    def __deepcopy__(self, memo: dict[int, Any]) -> "SampleSeed":
        # A copied tensor leaves shared memory, and workers of the copy would keep its epoch.
        copied = SampleSeed()
        copied._state.copy_(self._state)
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._state.share_memory_()


def seed_generators(sequence: np.random.SeedSequence, gpus: bool = False) -> None:
    """Seeds python's, numpy's and torch's generators.

    Args:
        sequence: What the three seeds are drawn from.
        gpus: Whether to seed the GPUs' generators, too.
    """
    words = sequence.generate_state(3, np.uint64).tolist()
    random.seed(words[0])
    np.random.seed([words[1] >> 32, words[1] & 0xFFFFFFFF])
    if gpus:
        torch.manual_seed(words[2])
    else:
        torch.default_generator.manual_seed(words[2])
