"""Operators of the attention: each never stores a [B, P, C, D] tensor."""

from mmsrdl.ops.attended_max_pool import attended_max_pool
from mmsrdl.ops.backend import use_backend
from mmsrdl.ops.decouple import decouple
from mmsrdl.ops.gated_score import gated_score
from mmsrdl.ops.reweight import reweight

__all__ = ["attended_max_pool", "decouple", "gated_score", "reweight", "use_backend"]
