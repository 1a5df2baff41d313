import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmsrdl.engine import IterationSeedHook


def draw(seed: int, iteration: int, rank: int) -> tuple[float, float, float]:
    runner = SimpleNamespace(seed=seed, iter=iteration, rank=rank)
    IterationSeedHook().before_train_iter(runner, 0)
    return random.random(), np.random.rand(), torch.rand(1).item()


@pytest.fixture(autouse=True)
def leave_no_trace():
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def test_seed_iteration_and_rank_decide() -> None:
    first = draw(1, 2, 0)
    assert draw(1, 2, 0) == first
    for other in (draw(2, 2, 0), draw(1, 3, 0), draw(1, 2, 1)):
        assert all(a != b for a, b in zip(first, other, strict=True))
