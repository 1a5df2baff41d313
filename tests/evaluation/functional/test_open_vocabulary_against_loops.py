"""ZSL and GZSL against slow loops written from the protocols' description."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from mmsrdl.evaluation import OpenVocabularyMetric, open_vocabulary_figures
from tests.reference import sigrl as reference

UNSEEN = [6, 1, 4]
PARTS = {"ZSL": "zsl", "GZSL": "gzsl", "seen": "seen", "unseen": "unseen", "H": "H"}
CASES = ["plain", "unknown", "ties", "empty"]


def make_case(change: str) -> tuple[Tensor, Tensor, Tensor]:
    """Scores [N, C], targets [N, C] and the unseen labels' own scores [N, U]."""
    generator = torch.Generator().manual_seed(2)
    scores = torch.randn(25, 8, generator=generator, dtype=torch.float64)
    own = torch.randn(25, 3, generator=generator, dtype=torch.float64)
    targets = (torch.rand(25, 8, generator=generator) < 0.2).long()
    if change == "unknown":
        targets[torch.rand(25, 8, generator=generator) < 0.3] = -1
    if change == "ties":
        scores, own = scores.round(), own.round()
    if change == "empty":
        targets[:, [1, 5]] = 0
    return scores, targets, own


def reference_figures(
    scores: Tensor, targets: Tensor, own: Tensor | None, **options: Any
) -> dict[str, float]:
    """Figures in percent, by the keys of the package."""
    zsl_scores = None if own is None else own.tolist()
    found = reference.open_vocabulary(
        scores.tolist(), targets.tolist(), UNSEEN, zsl_scores, **options
    )
    return {
        f"{ours}/{name.replace('@', '_top')}": value
        for ours, theirs in PARTS.items()
        for name, value in found[theirs].items()
    }


@pytest.mark.parametrize("change", CASES)
def test_every_figure_of_every_protocol(change: str) -> None:
    scores, targets, own = make_case(change)
    protocols = product(("all", "with_positive"), ("left_out", "zero"), (None, own), [(1, 3), (2,)])
    for images, empty_classes, given, k in protocols:
        rules = dict(images=images, empty_classes=empty_classes)
        found = open_vocabulary_figures(scores, targets, UNSEEN, given, k=k, **rules)
        percent = {
            f"{part}/{key}": 100 * value
            for part, row in found.items()
            for key, value in row.items()
        }
        expected = reference_figures(scores, targets, given, ks=k, **rules)
        assert percent == pytest.approx(expected, rel=1e-10, abs=1e-10), (images, empty_classes)


@pytest.mark.parametrize("images", ["all", "with_positive"])
@pytest.mark.parametrize("has_own", [False, True])
def test_metric(images: str, has_own: bool) -> None:
    """Through data samples, batch by batch, at 3 and at 2."""
    scores, targets, own = make_case("unknown")
    classes = [f"label {c}" for c in range(8)]
    unseen = [classes[c] for c in UNSEEN]
    metric = OpenVocabularyMetric(unseen, k=(3, 2), images=images)
    metric.dataset_meta = dict(classes=classes)
    samples = [
        dict(pred_score=scores[n], gt_score=targets[n], sample_idx=n)
        | (dict(pred_score_unseen=own[n], unseen_vocabulary=unseen) if has_own else {})
        for n in range(25)
    ]
    for start in range(0, 25, 10):
        metric.process(None, samples[start : start + 10])
    expected = reference_figures(
        scores, targets, own if has_own else None, ks=(3, 2), images=images
    )
    found = {key.removeprefix("ov/"): value for key, value in metric.evaluate(25).items()}
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)
