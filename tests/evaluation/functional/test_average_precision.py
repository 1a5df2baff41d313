import math

import pytest
import torch
from sklearn.metrics import average_precision_score

from mmsrdl.evaluation import average_precision

KINDS = ["raw", "interpolated", "11point"]


def random_case(
    seed: int, images: int = 120, classes: int = 7, levels: int | None = None, unknown: float = 0.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (of few distinct values if ``levels`` is given) and targets with a positive each."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(images, classes, generator=generator, dtype=torch.float64)
    if levels is not None:
        scores = (scores * levels).floor() / levels
    targets = (torch.rand(images, classes, generator=generator) < 0.2).long()
    targets[torch.rand(images, classes, generator=generator) < unknown] = -1
    targets[0] = 1
    return scores, targets


def sklearn_ap(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    ap = []
    for score, target in zip(scores.T, targets.T, strict=True):
        known = target != -1
        ap.append(average_precision_score(target[known].numpy(), score[known].numpy()))
    return torch.tensor(ap, dtype=torch.float64)


def slow_ap(scores: torch.Tensor, targets: torch.Tensor, kind: str) -> torch.Tensor:
    """From the definition, threshold by threshold, in exact fractions of counts."""
    out = []
    for score, target in zip(scores.T.tolist(), targets.T.tolist(), strict=True):
        known = [(s, t) for s, t in zip(score, target, strict=True) if t != -1]
        positives = sum(t for _, t in known)
        curve = []
        for thr in sorted({s for s, _ in known}, reverse=True):
            above = [t for s, t in known if s >= thr]
            curve.append((sum(above), sum(above) / len(above)))
        if kind == "11point":
            best = [max(p for hit, p in curve if 10 * hit >= k * positives) for k in range(11)]
            out.append(sum(best) / 11)
            continue
        area, before = 0.0, 0
        for n, (hit, p) in enumerate(curve):
            if kind == "interpolated":
                p = max(later for _, later in curve[n:])
            area += (hit - before) / positives * p
            before = hit
        out.append(area)
    return torch.tensor(out, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("levels", [None, 20, 3, 1])
@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_raw_equals_sklearn(seed, levels, unknown):
    scores, targets = random_case(seed, levels=levels, unknown=unknown)
    expected = sklearn_ap(scores, targets)
    torch.testing.assert_close(average_precision(scores, targets), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("levels", [None, 10, 2])
@pytest.mark.parametrize("unknown", [0.0, 0.4])
def test_equals_slow_loop(kind, levels, unknown):
    scores, targets = random_case(5, images=40, levels=levels, unknown=unknown)
    expected = slow_ap(scores, targets, kind)
    torch.testing.assert_close(
        average_precision(scores, targets, kind), expected, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(
    ("kind", "expected"), [("raw", 66.79), ("interpolated", 69.29), ("11point", 70.13)]
)
def test_worked_example(kind, expected):
    hits = torch.tensor([[1, 0, 0, 1, 1, 0, 1, 0]]).T
    scores = torch.linspace(0.9, 0.1, 8)[:, None]
    assert round(100 * average_precision(scores, hits, kind).item(), 2) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_class_without_positive_is_nan(kind):
    scores, targets = random_case(0)
    targets[:, 2] = 0
    targets[:, 4] = -1
    ap = average_precision(scores, targets, kind)
    assert ap.isnan().nonzero().flatten().tolist() == [2, 4]


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_images_does_not_matter(kind):
    scores, targets = random_case(1, levels=5, unknown=0.2)
    order = torch.randperm(len(scores), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        average_precision(scores[order], targets[order], kind),
        average_precision(scores, targets, kind),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_above_everything_known_changes_nothing(kind):
    scores, targets = random_case(2)
    unknown = torch.full((3, 7), -1)
    torch.testing.assert_close(
        average_precision(
            torch.cat([torch.ones(3, 7).double(), scores]), torch.cat([unknown, targets]), kind
        ),
        average_precision(scores, targets, kind),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_perfect_ranking_and_logits(kind):
    targets = torch.tensor([[1, 0], [1, 0], [0, 1]])
    logits = torch.tensor([[9.0, -8.0], [7.5, -3.0], [-math.inf, 0.5]])
    torch.testing.assert_close(
        average_precision(logits, targets, kind), torch.ones(2, dtype=torch.float64)
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("target_dtype", [torch.int8, torch.int64, torch.float32])
def test_dtypes(dtype, target_dtype):
    scores, targets = random_case(3, levels=8)  # eighths are exact in every type
    ap = average_precision(scores.to(dtype), targets.to(target_dtype))
    assert ap.dtype == torch.float64
    torch.testing.assert_close(ap, sklearn_ap(scores, targets), rtol=0, atol=1e-12)


def test_bool_targets():
    scores, targets = random_case(4)
    torch.testing.assert_close(
        average_precision(scores, targets.bool()), average_precision(scores, targets)
    )


@pytest.mark.parametrize("entries", [1, 120, 250])
def test_chunks_of_classes_change_nothing(monkeypatch, entries):
    scores, targets = random_case(6, classes=40, unknown=0.1)
    whole = average_precision(scores, targets, "interpolated")
    monkeypatch.setitem(average_precision.__globals__, "MAX_ENTRIES", entries)
    torch.testing.assert_close(
        average_precision(scores, targets, "interpolated"), whole, rtol=0, atol=0
    )


SCALES = {
    "logits": lambda scores: 20 * scores - 15,
    "crowded at 0": lambda scores: scores**30,
    "wide": lambda scores: (scores - 0.5) * 1e38,
    "narrow": lambda scores: scores * 1e-36,
    "infinite": lambda scores: torch.special.logit(scores.round(decimals=3)),
    "equal": torch.zeros_like,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", SCALES)
def test_any_distribution_of_scores(scale, kind):
    """Only the order of the scores counts, whatever buckets they fall into."""
    scores, targets = random_case(8, images=1500, classes=2, unknown=0.1)
    scores = SCALES[scale](scores).float()
    ranks = torch.stack([row.unique(return_inverse=True)[1] for row in scores.t()], dim=1)
    torch.testing.assert_close(
        average_precision(scores, targets, kind), slow_ap(ranks, targets, kind), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_image(kind):
    ap = average_precision(torch.empty(0, 3), torch.empty(0, 3), kind)
    assert ap.shape == (3,)
    assert ap.isnan().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", KINDS)
def test_gpu_equals_cpu(kind):
    scores, targets = random_case(7, images=5000, levels=50, unknown=0.1)
    on_gpu = average_precision(scores.cuda(), targets.cuda(), kind)
    assert on_gpu.is_cuda
    torch.testing.assert_close(
        on_gpu.cpu(), average_precision(scores, targets, kind), rtol=0, atol=1e-12
    )


def test_wrong_kind():
    with pytest.raises(ValueError, match=r"kind must be one of .*got 'voc'"):
        average_precision(torch.rand(2, 3), torch.ones(2, 3), "voc")
