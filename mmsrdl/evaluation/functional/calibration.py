"""How far scores are probabilities, and the temperature that brings them closer."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmsrdl.evaluation.functional.arrays import to_array
from mmsrdl.evaluation.functional.validation import check_probabilities, check_scores_and_targets

TEMPERATURES = (0.05, 20.0)
"""Range in which a temperature is sought."""

CLAMP = 1e-7
"""Scores are kept this far from 0 and 1, which have no finite logit."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often entries of about the same score are positive.

    Attributes:
        confidence: Mean score in each bin, [bins], float64; NaN in an empty one.
        frequency: Share of positives in each bin, likewise.
        count: Number of entries in each bin, [bins], int64.
    """

    confidence: Tensor
    frequency: Tensor
    count: Tensor

    @property
    def error(self) -> float:
        """Expected calibration error, see :func:`expected_calibration_error`."""
        gap = (self.confidence - self.frequency).abs().nan_to_num()
        return (gap * self.count).sum().div(self.count.sum()).item()


def reliability(scores: Tensor, targets: Tensor, bins: int = 15) -> Reliability:
    """Mean score and share of positives in bins of equal width.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, Section 2. They take
    the probability of the predicted class; here each of the N x C entries is a decision of its
    own, and its score is the probability of "positive". Bin b of B holds the scores in
    ((b - 1) / B, b / B], the first one 0 too.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1 (positive), 0 (negative) and -1 (unknown). Entries of -1 are left out.
        bins: B, at least 1.

    Raises:
        ValueError: ``bins`` is out of range, or the input is malformed
            (see :func:`check_scores_and_targets`).
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1, such as 15, got {bins}")
    score, target = _known_entries(scores, targets)
    index = np.searchsorted(np.arange(1, bins) / bins, score)
    count, total, positives = (
        np.bincount(index, weights, minlength=bins) for weights in (None, score, target)
    )
    with np.errstate(invalid="ignore"):
        parts = total / count, positives / count, count
    return Reliability(*map(torch.from_numpy, parts))


def expected_calibration_error(scores: Tensor, targets: Tensor, bins: int = 15) -> float:
    r"""Expected calibration error (ECE), as a fraction in [0, 1].

    Source: Guo et al., ICML 2017, Eq. (3): :math:`\sum_b n_b / n \, |f_b - p_b|` with the share
    of positives :math:`f_b` and the mean score :math:`p_b` of the :math:`n_b` entries in bin b,
    over the entries of all classes together (see :func:`reliability`). Most entries of
    multi-label data are negatives with scores near 0, so the lowest bin weighs most.

    Args:
        scores: [N, C], probabilities in [0, 1].
        targets: [N, C] of 1, 0 and -1. Entries of -1 are left out.
        bins: Number of bins, at least 1.

    Returns:
        NaN if no entry is known.

    Raises:
        ValueError: As :func:`reliability`.
    """
    return reliability(scores, targets, bins).error


def fit_temperature(scores: Tensor, targets: Tensor) -> float:
    r"""The temperature T that calibrates scores best.

    Source: Guo et al., ICML 2017, Section 4.2, for binary decisions: T minimises the mean binary
    cross-entropy of :math:`\sigma(z / T)` and the known targets, with
    :math:`z = \operatorname{logit} p`. A score of 0.5 and the order of all scores stay.

    The cross-entropy is convex in :math:`1 / T`. Its derivative, the mean of
    :math:`(\sigma(z / T) - y) z`, has one zero, which is found by bisection in
    :math:`\log T`, to a relative 1e-6.

    Args:
        scores: [N, C], probabilities in [0, 1]; 0 and 1 count as 1e-7 and 1 - 1e-7.
        targets: [N, C] of 1, 0 and -1. Entries of -1 are left out.

    Returns:
        T in [0.05, 20]. A bound of this range means that the best T lies beyond: scores without
        any mistake are never sharp enough, and scores that say nothing never flat enough.

    Raises:
        ValueError: The known targets are all positive or all negative, or the input is malformed
            (see :func:`check_scores_and_targets`).
    """
    score, target = _known_entries(scores, targets)
    if not 0 < target.sum() < len(target):
        raise ValueError(
            f"a temperature cannot be fitted: of {len(target)} known targets, {int(target.sum())} "
            "are positive; calibrate on images with and without the classes"
        )
    logits = torch.from_numpy(score).logit(eps=CLAMP)
    positives = torch.from_numpy(target)
    low, high = map(math.log, TEMPERATURES)
    while high - low > 1e-6:
        middle = (low + high) / 2
        # The derivative by 1 / T: above 0, the scores are to be flattened.
        slope = torch.dot((logits / math.exp(middle)).sigmoid_().sub_(positives), logits)
        low, high = (middle, high) if slope > 0 else (low, middle)
    return math.exp((low + high) / 2)


def apply_temperature(scores: Tensor, temperature: float) -> Tensor:
    r"""Calibrated probabilities, :math:`\sigma(\operatorname{logit}(p) / T)`.

    Args:
        scores: Probabilities, of any shape; they are clipped to [0, 1].
        temperature: T > 0. 1 leaves the scores as they are.

    Returns:
        Of the same shape and type.

    Raises:
        ValueError: ``temperature`` is not a finite number above 0 in float32.
    """
    check_temperature(temperature)
    if temperature == 1:
        return scores
    wide = torch.promote_types(scores.dtype, torch.float32)
    return (scores.to(wide).clamp(0, 1).logit() / temperature).sigmoid().to(scores.dtype)


def check_temperature(temperature: float) -> None:
    """Raise a ValueError unless it is a finite number above 0 in float32, to divide logits by."""
    limits = torch.finfo(torch.float32)
    if not limits.tiny <= temperature <= limits.max:
        raise ValueError(f"temperature={temperature!r} must be a finite number above 0")


def _known_entries(scores: Tensor, targets: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Scores in [0, 1] and targets of the known entries, [n], float64."""
    check_scores_and_targets(scores, targets)
    check_probabilities(scores)
    score, target = to_array(scores), to_array(targets)
    known = target != -1
    return score[known].astype(np.float64).clip(0, 1), target[known].astype(np.float64)
