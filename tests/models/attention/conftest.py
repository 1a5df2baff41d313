"""How large the tensors are that a part makes."""

from collections.abc import Callable

import pytest
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else [result]:
            if isinstance(each, Tensor):
                self.elements = max(self.elements, each.numel())
        return result


@pytest.fixture
def largest_tensor() -> Callable[[Callable[[], Tensor]], int]:
    """Elements of the largest tensor of a forward and a backward pass."""

    def measure(forward: Callable[[], Tensor]) -> int:
        with Largest() as largest:
            forward().backward()
        return largest.elements

    return measure
