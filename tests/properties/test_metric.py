"""The figures depend on nothing but what they are defined by."""

import math
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.evaluation import MultiLabelMetric, ScoresFile, Thresholds, gather
from mmsrdl.evaluation.batch import ScoredBatch
from mmsrdl.evaluation.functional import (
    apply_temperature,
    average_precision,
    best_f1_thresholds,
    precision_recall_f1,
    topk_counts,
)
from tests.properties.strategies import NAMES, SCORES, names, permutation, scored

KINDS = st.sampled_from(["raw", "interpolated", "11point"])
ANY = st.floats(allow_nan=False, width=32)
"""Scores are any real numbers, infinite ones among them."""


@given(pair=scored(values=ANY), kind=KINDS, data=st.data())
def test_ap_heeds_no_order(pair: tuple[Tensor, Tensor], kind: str, data: st.DataObject) -> None:
    scores, targets = pair
    rows = permutation(data.draw, len(scores))
    columns = permutation(data.draw, scores.shape[1])
    moved = average_precision(scores[rows][:, columns], targets[rows][:, columns], kind)
    same = average_precision(scores, targets, kind)[columns]
    assert_close(moved, same, rtol=0, atol=0, equal_nan=True)


@given(pair=scored(values=ANY), kind=KINDS, data=st.data())
def test_ap_heeds_the_order_of_scores_alone(
    pair: tuple[Tensor, Tensor], kind: str, data: st.DataObject
) -> None:
    scores, targets = pair
    distinct, rank = np.unique(scores.numpy(), return_inverse=True)
    values = st.lists(
        st.floats(allow_nan=False), min_size=len(distinct), max_size=len(distinct), unique=True
    )
    rising = np.sort(data.draw(values))
    moved = torch.from_numpy(rising[rank.reshape(scores.shape)])
    before = average_precision(scores, targets, kind)
    assert_close(average_precision(moved, targets, kind), before, rtol=0, atol=0, equal_nan=True)


@given(pair=scored())
def test_ap_is_that_of_scikit_learn(pair: tuple[Tensor, Tensor]) -> None:
    scores, targets = pair
    for c, ap in enumerate(average_precision(scores, targets).tolist()):
        known = targets[:, c] >= 0
        if (targets[:, c] == 1).any():
            wanted = average_precision_score(targets[known, c], scores[known, c])
            assert ap == pytest.approx(wanted, abs=1e-12)
        else:
            assert math.isnan(ap)


@given(pair=scored(values=ANY), kind=KINDS)
def test_ap_is_in_its_bounds(pair: tuple[Tensor, Tensor], kind: str) -> None:
    scores, targets = pair
    raw = average_precision(scores, targets)
    other = average_precision(scores, targets, kind)
    for c in range(scores.shape[1]):
        positives, negatives = ((targets[:, c] == value).sum().item() for value in (1, 0))
        if not positives:
            assert raw[c].isnan()
            assert other[c].isnan()
            continue
        worst = sum(n / (n + negatives) for n in range(1, positives + 1)) / positives
        assert worst - 1e-12 <= raw[c] <= 1
        assert other[c] <= 1
        assert kind != "interpolated" or other[c] >= raw[c]
        if not negatives:
            assert raw[c] == other[c] == 1


@given(pair=scored(), kind=KINDS, data=st.data())
def test_unknown_entries_are_as_if_they_were_not_there(
    pair: tuple[Tensor, Tensor], kind: str, data: st.DataObject
) -> None:
    scores, targets = pair
    others = torch.tensor([data.draw(SCORES) for _ in range(scores.numel())])
    changed = torch.where(targets == -1, others.view_as(scores), scores)
    assert_close(
        average_precision(changed, targets, kind),
        average_precision(scores, targets, kind),
        rtol=0,
        atol=0,
        equal_nan=True,
    )
    assert precision_recall_f1(changed, targets) == precision_recall_f1(scores, targets)
    for c in range(scores.shape[1]):
        known = targets[:, c] >= 0
        alone = average_precision(scores[known, c, None], targets[known, c, None], kind)
        assert_close(alone[0], average_precision(scores, targets, kind)[c], equal_nan=True)


@given(pair=scored(unknown=False), thr=SCORES)
def test_precision_and_recall_are_those_of_scikit_learn(
    pair: tuple[Tensor, Tensor], thr: float
) -> None:
    scores, targets = pair
    found = precision_recall_f1(scores, targets, thr, cf1="mean_of_classes")
    predicted = scores.numpy() >= np.float32(thr)
    # One class alone would be read as two, and a row of zeros keeps that from changing a count.
    y, p = (np.pad(array, ((0, 0), (0, 1))) for array in (targets.numpy(), predicted.astype(int)))
    classes = scores.shape[1]
    overall = precision_recall_fscore_support(y, p, average="micro", zero_division=0)[:3]
    each = precision_recall_fscore_support(y, p, average=None, zero_division=0)[:3]
    assert pytest.approx(overall) == (found.OP, found.OR, found.OF1)
    means = [values[:classes].mean() for values in each]
    assert pytest.approx(means) == (found.CP, found.CR, found.CF1)


@given(pair=scored(), thr=SCORES, data=st.data())
def test_precision_and_recall_are_in_their_bounds(
    pair: tuple[Tensor, Tensor], thr: float, data: st.DataObject
) -> None:
    scores, targets = pair
    rows = permutation(data.draw, len(scores))
    k = data.draw(st.integers(1, scores.shape[1]))
    figures = precision_recall_f1(scores, targets, thr, k)
    assert all(0 <= value <= 1 for value in figures)
    assert min(figures.CP, figures.CR) - 1e-12 <= figures.CF1 <= max(figures.CP, figures.CR) + 1e-12
    assert figures == pytest.approx(precision_recall_f1(scores[rows], targets[rows], thr, k))
    # A lower threshold, and more places, predict no less.
    lower = precision_recall_f1(scores, targets, data.draw(st.floats(0, thr)), k)
    assert lower.OR >= figures.OR
    wider = precision_recall_f1(scores, targets, thr, scores.shape[1])
    assert wider.OR >= figures.OR
    assert wider == pytest.approx(precision_recall_f1(scores, targets, thr))


@given(pair=scored(values=ANY), data=st.data())
def test_exactly_k_classes_of_an_image_are_predicted(
    pair: tuple[Tensor, Tensor], data: st.DataObject
) -> None:
    scores, targets = pair
    k = data.draw(st.integers(1, scores.shape[1]))
    correct, predicted, true = topk_counts(scores, targets.clamp(min=0), k)
    assert predicted.sum() == k * len(scores)
    assert (correct <= torch.minimum(predicted, true)).all()


@given(pair=scored())
def test_no_threshold_beats_the_best_one(pair: tuple[Tensor, Tensor]) -> None:
    scores, targets = pair
    assume((targets == 1).any() and (targets == 0).any())
    tuned = best_f1_thresholds(scores, targets)
    for c in tuned.met.nonzero().flatten().tolist():
        score, target = scores[:, c, None], targets[:, c, None]
        best = precision_recall_f1(score, target, tuned.values[c].item()).OF1
        for thr in [0.0, 1.0, *score.flatten().tolist()]:
            assert best + 1e-12 >= precision_recall_f1(score, target, thr).OF1


@given(pair=scored(), temperature=st.floats(1e-2, 1e2))
def test_a_temperature_keeps_the_order(pair: tuple[Tensor, Tensor], temperature: float) -> None:
    scores = pair[0]
    moved = apply_temperature(scores, temperature)
    assert moved.isfinite().all()
    assert ((moved >= 0) & (moved <= 1)).all()
    order = scores.flatten().argsort()
    # PyTorch computes the last entries of an array apart, which can differ in the last bit.
    ordered = moved.flatten()[order]
    assert (ordered.diff() >= -2e-7 * ordered[1:]).all()
    assert ((moved >= 0.5 - 1e-7) >= (scores > 0.5)).all()


def figures_of(parts: list[ScoredBatch], size: int, classes: int, **options: object) -> dict:
    """The metric's figures of batches."""
    metric = MultiLabelMetric(topk=None, per_class=True, **options)
    metric.dataset_meta = dict(classes=[f"class {c}" for c in range(classes)])
    metric.results = list(parts)
    return metric.evaluate(size)


def cut(batch: ScoredBatch, places: list[int]) -> list[ScoredBatch]:
    """A batch in parts, of which none is empty."""
    rows = torch.arange(len(batch.scores)).tensor_split(sorted(set(places)))
    return [batch.rows(part) for part in rows if len(part)]


@given(pair=scored(max_images=10), data=st.data())
def test_batches_do_not_matter(pair: tuple[Tensor, Tensor], data: st.DataObject) -> None:
    scores, targets = pair
    assume((targets == 1).any())
    size, classes = scores.shape
    everything = ScoredBatch(scores, targets, torch.arange(size), [""] * size)
    places = data.draw(st.lists(st.integers(1, size), max_size=4))
    protocol = data.draw(st.sampled_from(["paper", "mlgcn", "ssgrl", "asl"]))
    whole = figures_of([everything], size, classes, protocol=protocol)
    assert figures_of(cut(everything, places), size, classes, protocol=protocol) == whole


class Processes:
    """Processes as threads: what each gathers is what all of them give."""

    def __init__(self, number: int) -> None:
        self.given: list = [None] * number
        self.barrier = threading.Barrier(number)
        self.rank = threading.local()

    def all_gather(self, value: Tensor) -> list[Tensor]:
        self.barrier.wait(10)
        self.given[self.rank.value] = value
        self.barrier.wait(10)
        return list(self.given)

    def run(self, work: list) -> list:
        results: list = [None] * len(work)

        def one(rank: int) -> None:
            self.rank.value = rank
            try:
                results[rank] = work[rank]()
            except BaseException:
                self.barrier.abort()
                raise

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(len(work))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@given(pair=scored(max_images=9), world=st.integers(1, 5), data=st.data())
def test_processes_do_not_matter(
    pair: tuple[Tensor, Tensor], world: int, data: st.DataObject
) -> None:
    scores, targets = pair
    size = len(scores)
    # Repeated samples fill up what MMEngine's sampler gives every process, round robin.
    filled = [i % size for i in range(-(-size // world) * world)]
    indexed = data.draw(st.booleans())
    paths = [data.draw(NAMES) for _ in range(size)]
    parts = []
    for rank in range(world):
        rows = torch.tensor(filled[rank::world])
        index = rows if indexed else torch.full_like(rows, -1)
        part = ScoredBatch(scores[rows], targets[rows], index, [paths[i] for i in rows])
        parts.append(part)
    processes = Processes(world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "all_gather", processes.all_gather)
        work = [lambda part=part: gather.gather_batch(part, size, True) for part in parts]
        found = processes.run(work)
    for everything in found:
        assert torch.equal(everything.scores, scores)
        assert torch.equal(everything.targets, targets)
        assert everything.img_paths == paths


@given(pair=scored(), classes=names(min_size=5), paths=st.data())
def test_files_of_scores_come_back(
    pair: tuple[Tensor, Tensor], classes: list[str], paths: st.DataObject, tmp_path_factory
) -> None:
    scores, targets = pair
    listed = tuple(paths.draw(NAMES) for _ in range(len(scores)))
    difficult = (targets == -1) & (scores > 0.5)
    index = torch.arange(len(scores))
    made = ScoresFile(tuple(classes[: scores.shape[1]]), scores, targets, index, listed, difficult)
    file = Path(tmp_path_factory.getbasetemp()) / "scores.npz"
    made.save(file)
    read = ScoresFile.load(file)
    assert (read.names, read.img_path) == (made.names, made.img_path)
    for key in ("scores", "targets", "sample_idx"):
        assert torch.equal(getattr(read, key), getattr(made, key))
    assert read.difficult is None or torch.equal(read.difficult, difficult)
    assert (read.difficult is None) == (not difficult.any())


@given(classes=names(), data=st.data(), temperature=st.floats(1e-3, 1e3))
def test_files_of_thresholds_come_back(
    classes: list[str], data: st.DataObject, temperature: float, tmp_path_factory
) -> None:
    values = tuple(data.draw(st.floats(0, 1)) for _ in classes)
    made = Thresholds(tuple(classes), values, temperature)
    file = Path(tmp_path_factory.getbasetemp()) / "thresholds.json"
    made.save(file)
    assert Thresholds.load(file) == made
    order = permutation(data.draw, len(classes))
    moved = made.of([classes[i] for i in order], torch.float64)
    assert moved.tolist() == [values[i] for i in order]
