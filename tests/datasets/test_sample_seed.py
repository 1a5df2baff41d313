import copy
import pickle
import random

import numpy as np
import pytest
import torch

from mmsrdl.datasets.sample_seed import SampleSeed


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def draw_at(seed: int, epoch: int, index: int) -> tuple[float, float, float]:
    sample_seed = SampleSeed()
    sample_seed.set(epoch, seed)
    with sample_seed.applied(index):
        return draw()


def test_draws_depend_on_seed_epoch_and_index_only() -> None:
    first = draw_at(3, 1, 5)
    draw()
    assert draw_at(3, 1, 5) == first
    others = [draw_at(4, 1, 5), draw_at(3, 2, 5), draw_at(3, 1, 6), draw_at(1, 3, 5)]
    for position in range(3):
        assert len({values[position] for values in [first, *others]}) == 5


def test_generators_are_restored_even_after_an_exception() -> None:
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    expected = draw()
    for seed in (random.seed, np.random.seed, torch.manual_seed):
        seed(0)
    sample_seed = SampleSeed()
    sample_seed.set(0, 0)

    def fail() -> None:
        with sample_seed.applied(2):
            draw()
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert draw() == expected


def test_nothing_is_seeded_before_set() -> None:
    torch.manual_seed(0)
    sample_seed = SampleSeed()
    with sample_seed.applied(0):
        first = torch.rand(())
    torch.manual_seed(0)
    assert first == torch.rand(())
    with sample_seed.applied(0):
        assert torch.rand(()) != first


@pytest.mark.parametrize(("epoch", "seed", "name"), [(-1, 0, "epoch"), (0, -2, "seed")])
def test_negative_values_are_refused(epoch: int, seed: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 0 or more"):
        SampleSeed().set(epoch, seed)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_independent_and_stay_in_shared_memory(duplicate) -> None:
    original = SampleSeed()
    original.set(1, 2)
    copied = duplicate(original)
    assert copied._state.is_shared()
    assert copied._state.tolist() == [2, 1]
    copied.set(7, 2)
    assert original._state.tolist() == [2, 1]
