"""Metrics for MMEngine's evaluator."""

from mmsrdl.evaluation.metrics.multi_label import MultiLabelMetric

__all__ = ["MultiLabelMetric"]
