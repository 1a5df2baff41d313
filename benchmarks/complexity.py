"""Parameters and multiply-adds of a system."""

from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.systems import System

__all__ = ["count_macs", "count_parameters"]


def count_parameters(system: System, part: str = "") -> int:
    """Counts the numbers that a model, or a part of it such as ``"head"``, is made of.

    Buffers of the statistics of normalisation layers are none of them.
    """
    return sum(parameter.numel() for parameter in system.model.get_submodule(part).parameters())


def count_macs(system: System) -> float:
    """Counts the multiply-adds of one image at inference.

    They are those of convolutions and matrix products, and of the sums of this project's
    operators as their formulas have them: two multiply-adds for every position, class and
    channel. What depends on labels alone is computed before and does not count.
    """
    system.infer()  # the label side
    counter = FlopCounterMode(display=False, custom_mapping=_OPERATORS)
    # Fused forms of attention would not be counted on every device.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), counter:
            system.infer()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return counter.get_total_flops() / 2 / len(system.images)


def _gated_score(position: Any, label: Any, weight: Any, out_shape: Any = None) -> int:
    (rows, channels), (classes, _) = position, label
    return 2 * 2 * rows * classes * channels


def _attended_max_pool(feature: Any, spatial: Any, channel: Any, *_: Any, **__: Any) -> int:
    images, positions, channels = feature
    branches = [shape for shape in (spatial, channel) if shape is not None]
    return 2 * len(branches) * images * positions * channels * branches[0][1]


_OPERATORS = {
    torch.ops.mmsrdl.gated_score: _gated_score,
    torch.ops.mmsrdl.attended_max_pool: _attended_max_pool,
}
