"""Base of the metrics whose scores are exchanged once, as tensors."""

from mmengine.evaluator import BaseMetric

from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.gather import gather_batch, on_main_process

__all__ = ["GatheredMetric"]


class GatheredMetric(BaseMetric):
    """Computes its figures on the main process, from samples of all, each counted once.

    Attributes:
        results: What ``process()`` keeps.
        with_paths: Whether the paths of the images are exchanged, too.
    """

    results: list[ScoredBatch]
    with_paths = False

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the figures over the samples of all processes.

        Args:
            size: Number of samples of the data set.

        Returns:
            The same on every process, keys with the prefix.

        Raises:
            ValueError: As the class says; raised on every process.
        """
        local = ScoredBatch.concat(self.results) if self.results else None
        self.results.clear()
        everything = gather_batch(local, size, self.with_paths)
        figures = on_main_process(lambda: self.compute_metrics([everything]))
        return {f"{self.prefix}/{key}": value for key, value in figures.items()}
