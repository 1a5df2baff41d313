"""Randomness inside the model as a function of (seed, iteration, rank)."""

from collections.abc import Sequence

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmsrdl.datasets.sample_seed import seed_generators
from mmsrdl.registry import HOOKS


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Seeds python's, numpy's and torch's generators before every training iteration.

    MMEngine saves no generator states, so that dropout, stochastic depth or a mix-up of images
    would go other ways after a resume. With this hook they depend on (seed, iteration, rank)
    alone; augmentation depends on (seed, epoch, index), see :class:`SeededSampler`.
    """

    priority = "VERY_HIGH"

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Sequence[dict] | dict | None = None
    ) -> None:
        """Seeds all generators, the GPUs' included."""
        seed_generators(np.random.SeedSequence([runner.seed, runner.iter, runner.rank]), gpus=True)
