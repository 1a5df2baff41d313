import logging
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from mmengine.evaluator import Evaluator
from mmpretrain.registry import METRICS
from torch import Tensor
from torch.distributed import init_process_group

from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.datasets.statistics import label_statistics
from mmsrdl.evaluation import CompanionRule, ContextMetric, MultiLabelMetric, context_figures
from mmsrdl.evaluation.metrics.context_table import comparison_table, context_figures_dict
from tests.evaluation.functional.test_context import CLASSES, case, labels

META = {"classes": CLASSES}


def samples(scores: Tensor, targets: Tensor, areas: Tensor | None = None) -> list[dict]:
    """Data samples; an area is that of two boxes, of which the smaller does not count."""
    found = []
    for i, (score, target) in enumerate(zip(scores, targets, strict=True)):
        sample: dict[str, Any] = {"pred_score": score, "gt_score": target, "sample_idx": i}
        if areas is not None:
            known = (~areas[i].isnan()).nonzero().flatten()
            boxes = torch.zeros(len(known), 4, dtype=torch.float64)
            boxes[:, 2], boxes[:, 3] = 40, 20 * areas[i][known]
            small = torch.tensor([[0.0, 0, 1, 1e-9]]).double()
            whole = torch.tensor([[0.0, 0, 40, 20]]).double()
            sample |= {
                "img_shape": (20, 40),
                "gt_bboxes": torch.cat([boxes, small.expand(len(known), 4), whole]),
                "gt_bboxes_labels": torch.cat([known, known, torch.tensor([0])]),
                "gt_bboxes_difficult": [False] * 2 * len(known) + [True],
            }
        found.append(sample)
    return found


def evaluate(data: list[dict], size: int, given: bool = True, **options: Any) -> dict[str, float]:
    metric = ContextMetric(**{"bootstrap": 20, **options})
    metric.dataset_meta = META
    metric.statistics = case()[2] if given else None
    for start in range(0, len(data), 7):
        metric.process(None, data[start : start + 7])
    return metric.evaluate(size)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    messages: list[str] = []

    def keep(message: str, logger: str | None = None, level: int = logging.INFO) -> None:
        assert logger == "current"
        messages.append(message)

    monkeypatch.setattr("mmsrdl.evaluation.metrics.context.print_log", keep)
    return messages


@pytest.mark.parametrize("sizes", [False, True])
def test_figures_in_percent(sizes: bool, log: list[str]) -> None:
    scores, targets, training, areas = case()
    bounds = (0.05, 0.3)
    found = evaluate(
        samples(scores, targets, areas if sizes else None), 120, sizes=sizes, area_bounds=bounds
    )
    figures = context_figures(
        scores, targets, training, areas=areas if sizes else None, area_bounds=bounds, replicates=20
    )
    assert found == pytest.approx(
        {f"ctx/{key}": value for key, value in context_figures_dict(figures).items()}
    )
    gap = figures.breakdowns["context"].gap
    assert gap is not None
    assert found["ctx/context/gap"] == pytest.approx(100 * gap[0])
    assert found["ctx/context/gap_low"] < found["ctx/context/gap"] < found["ctx/context/gap_high"]
    with_, without = (figures.breakdowns["context"].groups[name] for name in ("with", "without"))
    assert found["ctx/context/without_n"] == without.count
    assert without.count + with_.count <= int((targets == 1).sum())
    assert f"{int((targets == -1).sum())} entries of -1 left out" in log[0]
    assert "P(j | c) >= 0.2 and lift > 1 in training" in log[0]
    row = next(line for line in log[0].splitlines() if "out of context" in line)
    assert row.split()[-1] == str(without.count)
    assert f"{100 * without.ap[0]:.1f} [" in row
    assert any(key.startswith("ctx/size/") for key in found) is sizes


def test_options_and_classes(log: list[str]) -> None:
    scores, targets, training, _ = case()
    options = dict(min_positives=3, min_negatives=20, positives=9.0, rarity_bounds=(60, 100))
    found = evaluate(
        samples(scores, targets), 120, min_probability=0.5, min_lift=1.5, bootstrap=0,
        per_class=True, prefix="own", **options,
    )  # fmt: skip
    figures = context_figures(
        scores, targets, training, CompanionRule(0.5, 1.5), replicates=0, **options
    )
    for key, value in context_figures_dict(figures).items():
        assert found[f"own/{key}"] == pytest.approx(value)
    assert not any(key.endswith("_low") for key in found)
    for group in ("with", "without"):
        assert found[f"own/context/{group}/b"] == pytest.approx(100 * figures.per_class[group][1])
    assert "own/context/with/e" not in found  # which has no companion
    assert "classes have no companion" in log[0]
    row = next(line.split() for line in log[1].splitlines() if line.split()[:1] == ["b"])
    assert row[-1] == "a"


def test_training_labels_of_a_file(tmp_path: Path) -> None:
    scores, targets, _, _ = case()
    expected = evaluate(samples(scores, targets), 120)
    lines = [
        f"{i}.jpg,{';'.join(CLASSES[c] for c in row.nonzero().flatten())}"
        for i, row in enumerate(labels(300, 2))
    ]
    file = tmp_path / "train.csv"
    file.write_text("\n".join(["path,labels", *lines]) + "\n")
    assert evaluate(samples(scores, targets), 120, training=str(file)) == expected
    file.write_text("path,labels\n1.jpg,sheep\n")
    with pytest.raises(ValueError, match=r"no image of .* is positive for any .*\['sheep'\]"):
        evaluate(samples(scores, targets), 120, training=str(file))


def test_difficult_classes_are_left_out() -> None:
    scores, targets, _, _ = case()
    data = samples(scores, targets.clamp(min=0))
    for sample, row in zip(data, targets, strict=True):
        sample["gt_label_difficult"] = (row == -1).nonzero().flatten().tolist()
    # Those that were positive beforehand stay so.
    assert evaluate(data, 120) == evaluate(samples(scores, targets), 120)


def test_images_that_could_not_be_loaded_are_left_out() -> None:
    scores, targets, _, areas = case()
    options = dict(sizes=True, area_bounds=(0.05, 0.3))
    data = samples(scores, targets, areas)
    expected = evaluate(data[:-2], 118, **options)
    for each in data[-2:]:
        each["is_bad_image"] = True
    del data[-1]["gt_bboxes"]
    figures = evaluate(data, 120, **options)
    assert figures.pop("ctx/bad_images") == 2
    assert figures == pytest.approx(expected)


def test_in_an_evaluator_beside_the_other_metric() -> None:
    scores, targets, training, _ = case()
    config = dict(type="mmsrdl.ContextMetric", bootstrap=0)
    evaluator = Evaluator([METRICS.build(config), MultiLabelMetric()])
    evaluator.dataset_meta = META
    evaluator.metrics[0].statistics = training
    for sample in samples(scores.sigmoid(), targets):
        evaluator.process([sample])
    found = evaluator.evaluate(120)
    assert {"ctx/all", "ctx/context/gap", "mlr/mAP"} <= set(found)


def test_a_comparison_has_the_paired_difference() -> None:
    scores, targets, training, _ = case()
    noise = torch.randn(scores.shape, generator=torch.Generator().manual_seed(9))
    one, other = (context_figures(each, targets, training) for each in (scores, scores + noise))
    text = comparison_table(one, other, ("SRDL", "GMP"))
    row = next(line for line in text.splitlines() if line.split()[:1] == ["all"])
    difference = 100 * (one.overall - other.overall)
    assert f"{difference[0]:+.1f} [" in row
    assert "SRDL - GMP" in text
    half = context_figures(scores, targets, training, replicates=0)
    assert "[" not in comparison_table(half, half, ("a", "b"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(min_probability=2), ValueError, r"min_probability=2 must be a number in \[0, 1\]"),
        (dict(min_positives=0), ValueError, "min_positives=0 must be at least 1"),
        (dict(min_negatives=0), ValueError, "min_negatives=0 must be at least 1"),
        (dict(bootstrap=0.5), TypeError, r"bootstrap=0\.5 must be an integer"),
        (dict(positives=0), ValueError, "positives=0 must be a finite number"),
        (dict(rarity_bounds=[3]), ValueError, r"rarity_bounds=\[3\] must be two numbers"),
        (dict(area_bounds=(0.3, 0.1)), ValueError, r"area_bounds=\(0.3, 0.1\) must rise"),
        (dict(given=False), ValueError, "knows no training labels.*mmsrdl.LabelStatisticsHook"),
        (dict(training="gone.csv"), FileNotFoundError, "gone.csv"),
        (dict(sizes=True), ValueError, "sizes=True, but a data sample has no gt_bboxes, gt_bboxe"),
        (dict(min_positives=999), ValueError, "none of 6 classes has min_positives=999"),
    ],
)
def test_bad_arguments(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate(samples(*case()[:2]), 120, **options)


def test_training_labels_of_other_classes() -> None:
    scores, targets, _, _ = case()
    metric = ContextMetric()
    metric.dataset_meta = META
    metric.statistics = label_statistics(labels(300, 2).numpy(), tuple("abcdfe"))
    metric.process(None, samples(scores, targets))
    with pytest.raises(ValueError, match="the training set has other classes"):
        metric.evaluate(120)


OPTIONS = dict(sizes=True, area_bounds=(0.05, 0.3))


def worker(rank: int, world: int, out: str) -> None:
    """Evaluates every second image, the last process one that the sampler repeated."""
    torch.set_num_threads(1)
    init_process_group("gloo", f"file://{out}/init", rank=rank, world_size=world)
    scores, targets, _, areas = case()
    data = samples(scores, targets, areas)[:119]
    mine = [*data, data[0]][rank::world]
    torch.save(evaluate(mine, 119, given=rank == 0, **OPTIONS), f"{out}/{rank}.pt")
    finish_distributed()


def test_two_processes_have_the_figures_of_one(tmp_path: Path) -> None:
    mp.spawn(worker, (2, str(tmp_path)), nprocs=2)
    expected = evaluate(samples(*case()[:2], case()[3])[:119], 119, **OPTIONS)
    for rank in range(2):
        # Areas travel in the precision of the scores.
        assert torch.load(tmp_path / f"{rank}.pt", weights_only=True) == pytest.approx(expected)
