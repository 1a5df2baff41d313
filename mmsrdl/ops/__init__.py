"""Operators of the attention: none stores a [B, P, C, D] tensor, or one of all pairs of labels."""

from mmsrdl.ops.attended_max_pool import attended_max_pool
from mmsrdl.ops.backend import use_backend
from mmsrdl.ops.decouple import decouple
from mmsrdl.ops.gated_score import gated_score
from mmsrdl.ops.pair_score import pair_score
from mmsrdl.ops.reweight import reweight

__all__ = [
    "attended_max_pool",
    "decouple",
    "gated_score",
    "pair_score",
    "reweight",
    "use_backend",
]
