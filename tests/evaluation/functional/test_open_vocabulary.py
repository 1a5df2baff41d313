"""The figures of ZSL and GZSL against counting by hand and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch import Tensor

from mmsrdl.evaluation import micro_figures, open_vocabulary_figures, topk_counts

UNSEEN = [4, 1]
SEEN = [0, 2, 3, 5, 6]


def case(images: int = 40, ties: bool = False) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    scores = torch.randn(images, 7, generator=generator)
    targets = (torch.rand(images, 7, generator=generator) < 0.25).long()
    targets[:4] = 0
    return ((scores * 2).round() if ties else scores), targets


def predicted(scores: Tensor, k: int) -> np.ndarray:
    """The k highest of every image, of equal scores the first."""
    mask = np.zeros(scores.shape, dtype=bool)
    for row, values in zip(mask, scores.tolist(), strict=True):
        order = sorted(range(len(values)), key=lambda c: (-values[c], c))
        row[order[:k]] = True
    return mask


def slow(
    scores: Tensor, targets: Tensor, columns: list[int], k: int, positive: bool, zero: bool
) -> dict[str, float]:
    if positive:
        kept = (targets[:, columns] == 1).any(1)
        scores, targets = scores[kept], targets[kept]
    ap = []
    for c in columns:
        known = targets[:, c] >= 0
        if (targets[:, c] == 1).any():
            ap.append(average_precision_score(targets[known, c] == 1, scores[known, c]))
        elif zero:
            ap.append(0.0)
    chosen, known, true = predicted(scores, k), (targets >= 0).numpy(), (targets == 1).numpy()
    chosen, known, true = chosen[:, columns], known[:, columns], true[:, columns]
    hits = (chosen & true).sum()
    p, r = hits / (chosen & known).sum(), hits / true.sum()
    return {"mAP": np.mean(ap), "P": p, "R": r, "F1": 2 * p * r / (p + r) if hits else 0}


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("change", ["nothing", "unknown", "empty", "ties"])
def test_every_figure(positive: bool, zero: bool, own: bool, change: str) -> None:
    scores, targets = case(ties=change == "ties")
    if change == "unknown":
        targets[torch.rand(targets.shape, generator=torch.Generator().manual_seed(0)) < 0.3] = -1
    if change == "empty":
        targets[:, [1, 2]] = 0
    unseen_scores = scores[:, UNSEEN].flip(0) if own else None
    found = open_vocabulary_figures(
        scores,
        targets,
        UNSEEN,
        unseen_scores,
        k=(1, 2),
        images="with_positive" if positive else "all",
        empty_classes="zero" if zero else "left_out",
    )
    assert list(found) == ["ZSL", "GZSL", "seen", "unseen", "H"]
    zsl = scores[:, UNSEEN] if unseen_scores is None else unseen_scores
    for k in (1, 2):
        wanted = {
            "ZSL": slow(zsl, targets[:, UNSEEN], [0, 1], k, positive, zero),
            "GZSL": slow(scores, targets, list(range(7)), k, positive, zero),
            "seen": slow(scores, targets, SEEN, k, positive, zero),
            "unseen": slow(scores, targets, UNSEEN, k, positive, zero),
        }
        for part, figures in wanted.items():
            assert found[part]["mAP"] == pytest.approx(figures["mAP"], abs=1e-6), part
            for key in ("P", "R", "F1"):
                assert found[part][f"{key}_top{k}"] == pytest.approx(figures[key]), (part, key)
        for key in ("mAP", f"F1_top{k}"):
            a, b = found["seen"][key], found["unseen"][key]
            assert found["H"][key] == pytest.approx(2 * a * b / (a + b))


def test_by_hand() -> None:
    """Image 1 predicts the seen 0, image 2 the unseen 2; true are 0, and 1 and 2."""
    scores = torch.tensor([[0.9, 0.1, 0.3], [0.2, 0.5, 0.8]])
    targets = torch.tensor([[1, 0, 0], [0, 1, 1]])
    found = open_vocabulary_figures(scores, targets, [2], k=(1,))
    assert found["GZSL"]["P_top1"] == 1
    assert found["GZSL"]["R_top1"] == pytest.approx(2 / 3)
    assert (found["seen"]["P_top1"], found["seen"]["R_top1"]) == (1, 0.5)
    assert (found["unseen"]["P_top1"], found["unseen"]["R_top1"]) == (1, 1)
    assert found["H"]["F1_top1"] == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))
    # The one unseen class is predicted of every image in ZSL.
    assert (found["ZSL"]["P_top1"], found["ZSL"]["R_top1"]) == (0.5, 1)


def test_only_the_order_of_scores_counts() -> None:
    scores, targets = case()
    found = open_vocabulary_figures(scores.double(), targets, UNSEEN, k=(2,))
    assert found == open_vocabulary_figures(scores.double().sigmoid(), targets, UNSEEN, k=(2,))


def test_nothing_but_unseen_classes() -> None:
    scores, targets = case()
    found = open_vocabulary_figures(scores[:, UNSEEN], targets[:, UNSEEN], [0, 1], k=(1,))
    whole = open_vocabulary_figures(scores, targets, UNSEEN, k=(1,))
    assert found == {"ZSL": whole["ZSL"]}


def test_zeros() -> None:
    scores, targets = torch.tensor([[0.1, 0.9], [0.2, 0.8]]), torch.tensor([[1, 0], [0, 0]])
    found = open_vocabulary_figures(scores, targets, [1], k=(1,))
    assert math.isnan(found["unseen"]["mAP"])
    assert found["seen"]["F1_top1"] == 0
    assert found["H"]["F1_top1"] == 0
    zero = open_vocabulary_figures(scores, targets, [1], k=(1,), empty_classes="zero")
    assert zero["unseen"]["mAP"] == 0


def test_counts_of_classes() -> None:
    scores = torch.tensor([[3.0, 2, 1], [0, 0, 0], [1, 5, 5]])
    targets = torch.tensor([[1, -1, 1], [0, 1, 0], [0, 0, 1]])
    counts = topk_counts(scores, targets, 2)
    assert counts.tolist() == [[1, 1, 1], [2, 2, 1], [1, 1, 2]]
    assert micro_figures(counts) == pytest.approx((3 / 5, 3 / 4, 2 * 0.6 * 0.75 / 1.35))
    assert micro_figures(torch.zeros(3, 0)) == (0, 0, 0)
    assert topk_counts(torch.full((1, 2), -math.inf), torch.ones(1, 2), 1)[1].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(unseen=[]), "unseen must hold at least one column"),
        (dict(unseen=[7]), r"distinct columns in 0, ..., 6, got \[7\]"),
        (dict(unseen=[1, 1]), r"distinct columns"),
        (dict(images="some"), r"images must be one of \('all', 'with_positive'\), got 'some'"),
        (dict(empty_classes="nan"), r"empty_classes must be one of .* got 'nan'"),
        (dict(k=(3,)), r"topk must lie in 1, ..., 2"),
        (dict(unseen_scores=torch.rand(40, 3)), r"must both have the shape"),
    ],
)
def test_mistakes(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_vocabulary_figures(*case(), **{"unseen": UNSEEN, "k": (1,), **options})
