import pytest
import torch

from mmsrdl.evaluation import PrecisionRecallF1, precision_recall_f1


def slow_figures(
    scores: list[list[float]],
    targets: list[list[int]],
    thr: float | list[float],
    topk: int | None,
) -> list[float]:
    """From the definition, entry by entry."""
    classes = range(len(scores[0]))
    limits = thr if isinstance(thr, list) else [thr] * len(classes)
    correct, pred, gt = ([0] * len(classes) for _ in range(3))
    for score, target in zip(scores, targets, strict=True):
        ranked = sorted(classes, key=lambda c: (-score[c], c))
        for c in classes:
            if target[c] == -1:
                continue
            hit = score[c] >= limits[c] and (topk is None or c in ranked[:topk])
            pred[c] += hit
            gt[c] += target[c]
            correct[c] += hit and target[c]

    def ratio(a, b):
        return a / b if b else 0.0

    cp = sum(ratio(correct[c], pred[c]) for c in classes) / len(classes)
    cr = sum(ratio(correct[c], gt[c]) for c in classes) / len(classes)
    op, o_r = ratio(sum(correct), sum(pred)), ratio(sum(correct), sum(gt))
    return [cp, cr, ratio(2 * cp * cr, cp + cr), op, o_r, ratio(2 * op * o_r, op + o_r)]


def worked_example() -> tuple[torch.Tensor, torch.Tensor]:
    """Class A: 4 true, 1 predicted, 1 correct; class B: 2 true, 4 predicted, 2 correct."""
    targets = torch.tensor([[1, 1], [1, 1], [1, 0], [1, 0], [0, 0]])
    predicted = torch.tensor([[1, 1], [0, 1], [0, 1], [0, 1], [0, 0]])
    return torch.where(predicted == 1, 0.8, 0.2), targets


def test_worked_example():
    figures = precision_recall_f1(*worked_example())
    assert isinstance(figures, PrecisionRecallF1)
    assert figures._fields == ("CP", "CR", "CF1", "OP", "OR", "OF1")
    assert [round(100 * x, 2) for x in figures] == [75, 62.5, 68.18, 60, 50, 54.55]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("thr", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("topk", [None, 1, 3, 6])
@pytest.mark.parametrize("levels", [None, 4])
def test_equals_slow_loop(seed, thr, topk, levels):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(30, 6, generator=generator, dtype=torch.float64)
    if levels is not None:
        scores = (scores * (levels + 1)).floor() / levels
    targets = torch.randint(-1, 2, (30, 6), generator=generator)
    targets[:, 4] = 0
    figures = precision_recall_f1(scores, targets, thr, topk)
    assert list(figures) == pytest.approx(
        slow_figures(scores.tolist(), targets.tolist(), thr, topk), abs=1e-12
    )


def test_score_at_threshold_is_predicted():
    scores, targets = torch.tensor([[0.6]]), torch.tensor([[1]])
    assert precision_recall_f1(scores, targets, thr=0.6).OR == 1
    assert precision_recall_f1(scores, targets, thr=0.61).OR == 0


def test_topk_also_needs_the_threshold():
    scores = torch.tensor([[0.9, 0.8, 0.7, 0.6], [0.9, 0.4, 0.3, 0.2]])
    targets = torch.ones(2, 4, dtype=torch.long)
    # Image 1: three of four places; image 2: only one score is high enough.
    assert precision_recall_f1(scores, targets, topk=3).OR == 4 / 8
    assert precision_recall_f1(scores, targets).OR == 5 / 8
    assert precision_recall_f1(scores, targets, topk=4) == precision_recall_f1(scores, targets)


def test_ties_at_the_last_place_go_to_the_first_classes():
    scores = torch.tensor([[0.7, 0.9, 0.7, 0.7, 0.7]])
    for c, taken in enumerate([True, True, True, False, False]):
        targets = torch.zeros(1, 5, dtype=torch.long)
        targets[0, c] = 1
        figures = precision_recall_f1(scores, targets, topk=3)
        assert figures[3:5] == (taken / 3, taken)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_threshold_is_rounded_as_the_scores_are(dtype):
    scores, targets = torch.tensor([[0.1, 0.3, 0.6, 0.7]], dtype=dtype), torch.ones(1, 4)
    recalls = [precision_recall_f1(scores, targets, thr).OR for thr in (0.1, 0.3, 0.6, 0.7)]
    assert recalls == [1, 0.75, 0.5, 0.25]


@pytest.mark.parametrize("block", [1, 7, 50])
def test_blocks_of_images_change_nothing(monkeypatch, block):
    generator = torch.Generator().manual_seed(2)
    scores = (8 * torch.rand(20, 7, generator=generator)).round() / 8
    targets = torch.randint(-1, 2, (20, 7), generator=generator)
    whole = [precision_recall_f1(scores, targets, 0.25, topk) for topk in (None, 2)]
    monkeypatch.setitem(precision_recall_f1.__globals__, "BLOCK", block)
    assert [precision_recall_f1(scores, targets, 0.25, topk) for topk in (None, 2)] == whole


@pytest.mark.parametrize("classes", [255, 256, 300])
def test_topk_of_more_predictions_than_a_byte_counts(classes):
    scores, targets = torch.full((2, classes), 0.9), torch.ones(2, classes)
    figures = precision_recall_f1(scores, targets, topk=3)
    assert figures[3:5] == pytest.approx((1, 3 / classes))


def test_unknown_occupies_a_place_but_counts_nowhere():
    scores = torch.tensor([[0.9, 0.8, 0.7]])
    targets = torch.tensor([[-1, 1, 1]])
    figures = precision_recall_f1(scores, targets, topk=2)
    assert figures[3:5] == (1, 0.5)
    assert figures[:2] == pytest.approx((1 / 3, 1 / 3))


@pytest.mark.parametrize("predicted", [True, False])
def test_zero_by_zero_counts_as_zero(predicted):
    scores = torch.full((3, 2), 0.9 if predicted else 0.1)
    assert list(precision_recall_f1(scores, torch.zeros(3, 2))) == [0] * 6
    assert list(precision_recall_f1(scores, torch.full((3, 2), -1))) == [0] * 6


def test_classes_that_are_never_true_stay_in_the_mean():
    scores, targets = worked_example()
    padded = precision_recall_f1(
        torch.cat([scores, torch.full((5, 2), 0.1)], dim=1),
        torch.cat([targets, torch.zeros(5, 2, dtype=torch.long)], dim=1),
    )
    assert padded[:2] == pytest.approx((0.75 / 2, 0.625 / 2))
    assert padded[3:] == pytest.approx(precision_recall_f1(scores, targets)[3:])


@pytest.mark.parametrize("thr", [-0.1, 1.5, float("nan")])
def test_threshold_out_of_range(thr):
    with pytest.raises(ValueError, match=r"thr must lie in \[0, 1\].*got"):
        precision_recall_f1(*worked_example(), thr=thr)


@pytest.mark.parametrize("topk", [0, 3, -1])
def test_topk_out_of_range(topk):
    with pytest.raises(ValueError, match=rf"topk must lie in 1, ..., 2 .*got {topk}"):
        precision_recall_f1(*worked_example(), topk=topk)


def test_logits_are_refused():
    scores, targets = worked_example()
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\], got the range .*sigmoid"):
        precision_recall_f1(8 * scores - 4, targets)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_equals_cpu():
    scores = torch.randint(0, 5, (500, 9), generator=torch.Generator().manual_seed(0)) / 4
    targets = torch.randint(-1, 2, (500, 9), generator=torch.Generator().manual_seed(1))
    assert precision_recall_f1(scores.cuda(), targets.cuda(), 0.5, 3) == precision_recall_f1(
        scores, targets, 0.5, 3
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("topk", [None, 1, 3, 6])
@pytest.mark.parametrize("levels", [None, 4])
def test_a_threshold_a_class_equals_slow_loop(seed, topk, levels):
    generator = torch.Generator().manual_seed(seed)
    scores, thr = (torch.rand(n, 6, generator=generator, dtype=torch.float64) for n in (30, 1))
    if levels is not None:
        scores, thr = ((part * (levels + 1)).floor() / levels for part in (scores, thr))
    targets = torch.randint(-1, 2, (30, 6), generator=generator)
    figures = precision_recall_f1(scores, targets, thr[0], topk)
    slow = slow_figures(scores.tolist(), targets.tolist(), thr[0].tolist(), topk)
    assert list(figures) == pytest.approx(slow, abs=1e-12)


def test_a_class_above_its_threshold_may_not_be_among_the_highest():
    scores, targets = torch.tensor([[0.4, 0.6]]), torch.tensor([[1, 0]])
    thr = torch.tensor([0.3, 0.7])
    assert precision_recall_f1(scores, targets, thr).OF1 == 1
    assert precision_recall_f1(scores, targets, thr, topk=1).OF1 == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("topk", [None, 2])
def test_equal_thresholds_are_one_threshold(dtype, topk):
    scores = (torch.rand(40, 5, generator=torch.Generator().manual_seed(0)) * 10).round() / 10
    scores, targets = scores.to(dtype), torch.randint(-1, 2, (40, 5))
    thr = torch.full((5,), 0.6, dtype=torch.float64)
    one = precision_recall_f1(scores, targets, 0.6, topk)
    assert precision_recall_f1(scores, targets, thr, topk) == one


@pytest.mark.parametrize(
    ("thr", "message"),
    [
        (torch.tensor(0.5), r"have the shape \[2\], one threshold a class, got the shape \[\]"),
        (torch.full((3,), 0.5), r"have the shape \[2\].* got the shape \[3\]"),
        (torch.tensor([0.5, 1.5]), r"thr must lie in \[0, 1\].* got 1.5"),
        (torch.tensor([0.5, torch.nan]), r"thr must lie in \[0, 1\].* got nan"),
    ],
)
def test_wrong_thresholds_of_classes(thr, message):
    with pytest.raises(ValueError, match=message):
        precision_recall_f1(*worked_example(), thr)
