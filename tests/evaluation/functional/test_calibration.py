import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from mmsrdl.evaluation.functional import (
    expected_calibration_error,
    fit_temperature,
    reliability,
)
from tests.reference import thresholds as reference


def drawn(temperature: float, images: int = 400, seed: int = 0):
    """Labels of probability p, and scores that are sharper than p by the temperature."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(images, 6, generator=generator, dtype=torch.float64) - 1
    targets = (torch.rand(images, 6, generator=generator) < logits.sigmoid()).long()
    targets[torch.rand(images, 6, generator=generator) < 0.1] = -1
    return (logits * temperature).sigmoid(), targets


def entropy(scores: torch.Tensor, targets: torch.Tensor, temperature: float) -> float:
    known = targets >= 0
    logits = scores[known].logit(eps=1e-7) / temperature
    return binary_cross_entropy_with_logits(logits, targets[known].double()).item()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_minimises_the_cross_entropy(temperature: float) -> None:
    scores, targets = drawn(temperature)
    found = fit_temperature(scores, targets)
    assert found == pytest.approx(temperature, rel=0.15)
    grid = [found * 1.001**step for step in range(-300, 301)]
    slow = min(grid, key=lambda t: entropy(scores, targets, t))
    assert found == pytest.approx(slow, rel=1e-3)


def test_temperature_undoes_another() -> None:
    scores, targets = drawn(1.0)
    once = fit_temperature(scores, targets)
    sharper = (scores.logit() * 2).sigmoid()
    assert fit_temperature(sharper, targets) == pytest.approx(2 * once, rel=1e-4)
    assert fit_temperature((scores.logit() / once).sigmoid(), targets) == pytest.approx(1, rel=1e-4)


def test_temperature_of_the_extremes() -> None:
    targets = torch.tensor([[1], [0]] * 4)
    right = torch.where(targets == 1, 0.9, 0.1)
    assert fit_temperature(right, targets) == pytest.approx(0.05, rel=1e-4)
    assert fit_temperature(1 - right, targets) == pytest.approx(20, rel=1e-4)
    assert math.isfinite(fit_temperature(targets.float(), targets))


@pytest.mark.parametrize("targets", [torch.zeros(3, 2), torch.ones(3, 2), -torch.ones(3, 2)])
def test_temperature_needs_both_answers(targets: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"a temperature cannot be fitted: of (6|0) known"):
        fit_temperature(torch.rand(3, 2), targets)


@pytest.mark.parametrize("bins", [1, 7, 15])
@pytest.mark.parametrize("levels", [None, 15, 30])
def test_error_equals_loops(bins: int, levels: int | None) -> None:
    scores, targets = drawn(2.0, images=60)
    if levels is not None:
        scores = (scores * levels).round() / levels  # on the edges of the bins
    scores[:2], scores[2:4] = 0, 1
    slow = reference.calibration_error(scores.T.tolist(), targets.T.tolist(), bins)
    assert expected_calibration_error(scores, targets, bins) == pytest.approx(slow, abs=1e-12)


def test_worked_example() -> None:
    scores = torch.tensor([[0.2, 0.4], [0.9, 0.7]])
    targets = torch.tensor([[0, 1], [1, -1]])
    bins = reliability(scores, targets, 2)
    assert bins.count.tolist() == [2, 1]
    assert bins.confidence.tolist() == pytest.approx([0.3, 0.9])
    assert bins.frequency.tolist() == [0.5, 1]
    error = expected_calibration_error(scores, targets, 2)
    assert error == pytest.approx((2 * 0.2 + 1 * 0.1) / 3)


def test_empty_bins_are_nan_and_no_entry_has_no_error() -> None:
    scores, targets = torch.tensor([[0.95]]), torch.tensor([[1]])
    bins = reliability(scores, targets, 4)
    assert bins.count.tolist() == [0, 0, 0, 1]
    assert bins.confidence.isnan().tolist() == [True, True, True, False]
    assert bins.frequency.isnan().tolist() == [True, True, True, False]
    assert expected_calibration_error(scores, targets, 4) == pytest.approx(0.05)
    assert math.isnan(expected_calibration_error(scores, -targets))


def test_calibration_lowers_the_error() -> None:
    scores, targets = drawn(3.0)
    calibrated = (scores.logit() / fit_temperature(scores, targets)).sigmoid()
    before, after = (expected_calibration_error(s, targets) for s in (scores, calibrated))
    assert after < before / 3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_types(dtype: torch.dtype) -> None:
    scores, targets = drawn(2.0, images=50)
    scores = scores.to(dtype)
    assert fit_temperature(scores, targets) == pytest.approx(
        fit_temperature(scores.double(), targets)
    )
    assert expected_calibration_error(scores, targets) == pytest.approx(
        expected_calibration_error(scores.double(), targets)
    )


def test_wrong_arguments() -> None:
    scores, targets = drawn(1.0, images=5)
    with pytest.raises(ValueError, match="bins must be at least 1, such as 15, got 0"):
        reliability(scores, targets, 0)
    with pytest.raises(ValueError, match="scores must be probabilities"):
        expected_calibration_error(scores * 9, targets)
    with pytest.raises(ValueError, match="both have the shape"):
        fit_temperature(scores[1:], targets)
