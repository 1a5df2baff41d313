"""Precision and recall at every threshold."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmsrdl.evaluation.functional.validation import check_scores_and_targets


class PrecisionRecallCurve(NamedTuple):
    """A curve with K points, from the highest threshold down.

    Attributes:
        precision: [K], float64 fractions.
        recall: [K], float64 fractions that never fall; the last is 1.
        thresholds: [K], the distinct scores, which fall.
    """

    precision: Tensor
    recall: Tensor
    thresholds: Tensor


def precision_recall_curve(scores: Tensor, targets: Tensor) -> PrecisionRecallCurve:
    r"""Precision and recall if what is scored at or above each distinct score is predicted.

    With :math:`P_n` and :math:`R_n` of the n-th distinct score from the highest down,
    :math:`\sum_n (R_n - R_{n-1}) P_n` is the raw :func:`average_precision`: steps, not straight
    lines, between the points.

    Args:
        scores: [N, C], any real number; [N, 1] of one class gives the class's curve, several
            columns give the micro average, in which every entry counts alike.
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.

    Returns:
        The curve; without a positive it has no points.

    Raises:
        TypeError: An argument is not a tensor.
        ValueError: The input is malformed (see :func:`check_scores_and_targets`).
    """
    check_scores_and_targets(scores, targets)
    is_known = targets >= 0
    scores, positive = scores[is_known], targets[is_known] == 1
    if not positive.any():
        none = scores.new_zeros(0, dtype=torch.float64)
        return PrecisionRecallCurve(none, none, scores[:0])
    scores, order = scores.sort(descending=True)
    hits = positive[order].cumsum(0)
    # Equal scores form one threshold: the last of each run has counted all of them.
    is_last = torch.ones_like(scores, dtype=torch.bool)
    is_last[:-1] = scores[1:] != scores[:-1]
    last = is_last.nonzero().squeeze(1)
    hits = hits[last].double()
    return PrecisionRecallCurve(hits / (last + 1), hits / hits[-1], scores[last])
