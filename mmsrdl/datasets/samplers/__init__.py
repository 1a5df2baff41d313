"""Data samplers."""

from mmsrdl.datasets.samplers.seeded_sampler import SeededSampler

__all__ = ["SeededSampler"]
