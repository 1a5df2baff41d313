import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.registry import METRICS
from mmpretrain.structures import DataSample
from torch import Tensor

from mmsrdl.evaluation import MultiLabelMetric, OpenVocabularyMetric, open_vocabulary_figures

CLASSES = ("sky", "red car", "water", "blue car", "sand")
UNSEEN = ("blue car", "red car")
META = {"classes": CLASSES, "unseen_classes": UNSEEN}


def case(images: int = 23) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    scores = torch.randn(images, 5, generator=generator)
    targets = torch.randint(-1, 2, (images, 5), generator=generator)
    targets[0] = 1
    return scores, targets, torch.randn(images, 2, generator=generator)


def samples(scores: Tensor, targets: Tensor, own: Tensor | None = None) -> list[dict]:
    return [
        {"pred_score": scores[i], "gt_score": targets[i], "sample_idx": i}
        | ({} if own is None else {"pred_score_unseen": own[i], "unseen_vocabulary": UNSEEN})
        for i in range(len(scores))
    ]


def evaluate(data: list[dict], size: int, meta: dict = META, **options: Any) -> dict[str, float]:
    metric = OpenVocabularyMetric(**{"k": (1, 2), **options})
    metric.dataset_meta = meta
    for start in range(0, len(data), 4):
        metric.process(None, data[start : start + 4])
    return metric.evaluate(size)


def percent(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    return {
        f"ov/{part}/{key}": pytest.approx(100 * value)
        for part, row in rows.items()
        for key, value in row.items()
    }


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    messages: list[str] = []

    def keep(message: str, logger: str | None = None, level: int = logging.INFO) -> None:
        assert logger == "current"
        messages.append(message)

    monkeypatch.setattr("mmsrdl.evaluation.metrics.open_vocabulary.print_log", keep)
    return messages


@pytest.mark.parametrize("own", [False, True])
def test_figures_in_percent(own: bool, log: list[str]) -> None:
    scores, targets, unseen_scores = case()
    given = unseen_scores if own else None
    found = evaluate(samples(scores, targets, given), 23)
    assert found == percent(open_vocabulary_figures(scores, targets, [3, 1], given, (1, 2)))
    assert {key.split("/")[1] for key in found} == {"ZSL", "GZSL", "seen", "unseen", "H"}
    assert f"{int((targets == -1).sum())} unknown entries left out" in log[0]
    assert ("(pred_score_unseen)" if own else "columns of pred_score") in log[0]


def test_protocol_of_the_literature_and_the_log(log: list[str]) -> None:
    scores, targets, _ = case()
    targets[:, 2] = 0
    options = dict(images="with_positive", empty_classes="zero")
    found = evaluate(samples(scores, targets), 23, **options)
    assert found == percent(open_vocabulary_figures(scores, targets, [3, 1], k=(1, 2), **options))
    assert found != evaluate(samples(scores, targets), 23)
    assert "those with a positive of the part count" in log[0]
    assert "1 classes without a positive, AP 0 in mAP: ['water']" in log[0]
    assert "3 seen and 2 unseen classes" in log[1]
    assert "left out of mAP: ['water']" in log[1]
    row = next(line.split() for line in log[0].splitlines() if line.strip().startswith("H "))
    assert row[1] == f"{found['ov/H/mAP']:.2f}"
    assert row[2:5] == ["-", "-", f"{found['ov/H/F1_top1']:.2f}"]


def test_unseen_classes_by_name(tmp_path: Path) -> None:
    """As a list or a file, in another order, in place of the data set's."""
    scores, targets, own = case()
    expected = evaluate(samples(scores, targets, own), 23)
    (tmp_path / "unseen.txt").write_text("red car\nblue car\n")
    turned = [
        {**sample, "unseen_vocabulary": ["red car", "blue car"]}
        for sample in samples(scores, targets, own.flip(1))
    ]
    for unseen in (["red car", "blue car"], str(tmp_path / "unseen.txt")):
        assert evaluate(turned, 23, {"classes": CLASSES}, unseen=unseen) == expected
    other = evaluate(samples(scores, targets), 23, unseen=["sky", "sand"])
    assert other == percent(open_vocabulary_figures(scores, targets, [0, 4], k=(1, 2)))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            ["red car", "blue car"],
            r"number 0 is 'red car' in the head's .* and 'blue car' in the",
        ),
        (
            ["blue car", "red  car"],
            r"number 1 is 'red  car' in .* and 'red car' in the metric's",
        ),
        (["blue car"], r"scores of 1 classes .*s 2 unseen ones: number 1 is None .* and 'red car'"),
        ([*UNSEEN, "sky"], r"number 2 is 'sky' in .* and None in the metric's"),
        ((), r"number 0 is None in"),
    ],
)
def test_scores_of_other_names_are_refused(asked: list[str], message: str) -> None:
    """Also those of the right number, whose order would be wrong in silence."""
    data = samples(*case())
    for sample in data[5:]:
        sample["unseen_vocabulary"] = asked
    with pytest.raises(ValueError, match=message):
        evaluate(data, 23)


def test_all_classes_unseen(log: list[str]) -> None:
    scores, targets, _ = case()
    found = evaluate(samples(scores, targets), 23, {"classes": CLASSES, "unseen_classes": CLASSES})
    assert {key.split("/")[1] for key in found} == {"ZSL"}
    assert "0 seen and 5 unseen classes" in log[0]


def test_in_an_evaluator_beside_the_other_metric() -> None:
    scores, targets, own = case()
    data = []
    for i in range(23):
        sample = DataSample().set_pred_score(scores[i].sigmoid()).set_gt_score(targets[i])
        sample.set_metainfo({"sample_idx": i})
        sample.pred_score_unseen, sample.unseen_vocabulary = own[i], UNSEEN
        data.append(sample)
    evaluator = Evaluator(
        [METRICS.build(dict(type="mmsrdl.OpenVocabularyMetric", k=[1])), MultiLabelMetric()]
    )
    evaluator.dataset_meta = META
    evaluator.process(data_samples=data, data_batch=None)
    found = evaluator.evaluate(23)
    rows = open_vocabulary_figures(scores.sigmoid(), targets, [3, 1], own, (1,))
    assert {k: v for k, v in found.items() if k.startswith("ov/")} == percent(rows)
    assert found["ov/GZSL/mAP"] == pytest.approx(found["mlr/mAP"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(k=()), r"k=\(\) must be a list of distinct numbers"),
        (dict(k=(3, 3)), r"k=\(3, 3\) must be a list of distinct numbers"),
        (dict(k=5), "k=5 must be a list of distinct numbers"),
        (dict(k=(0,)), "an entry of k=0 must be at least 1"),
        (dict(images="most"), "images must be one of"),
        (dict(empty_classes="one"), "empty_classes must be one of"),
        (dict(unseen=["a", "a"]), r"class names must .*repeated: \['a'\]"),
        (dict(unseen="gone.txt"), "classes='gone.txt' is no readable file"),
        (dict(unseen=["blue", "red car"]), r"1 unseen classes are not among the 5.*\['blue'\]"),
        (dict(k=(1, 3)), r"k=\(1, 3\) exceeds the number of unseen classes, 2"),
    ],
)
def test_bad_arguments(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(samples(*case()[:2]), 23, **options)


def test_bad_samples_and_data_sets() -> None:
    scores, targets, own = case()
    for meta in ({"classes": CLASSES}, {**META, "unseen_classes": ()}):
        with pytest.raises(ValueError, match=r"no unseen class: .*give unseen=\[...\]"):
            evaluate(samples(scores, targets), 23, meta)
    with pytest.raises(ValueError, match="the model scores 4 classes, but the data set has 5"):
        evaluate(samples(scores[:, 1:], targets[:, 1:]), 23)
    with pytest.raises(ValueError, match=r"pred_score_unseen must have the shape \[2\].*got \[1\]"):
        evaluate(samples(scores, targets, own[:, :1]), 23)
    with pytest.raises(ValueError, match="pred_score_unseen is of classes by name, and the data s"):
        evaluate(samples(scores, targets, own), 23, {}, unseen=["3", "1"])
    mixed = samples(scores, targets, own)
    del mixed[1]["pred_score_unseen"]
    with pytest.raises(ValueError, match=r"1 of 4 data samples of a batch have no pred_score_uns"):
        evaluate(mixed, 23)
    later = samples(scores, targets, own)[:4] + samples(scores, targets)[4:]
    with pytest.raises(ValueError, match="one length in all samples"):
        evaluate(later, 23)
    for part, columns in (("seen", [0, 2, 4]), ("unseen", [1, 3])):
        empty = targets.clone()
        empty[:, columns] = 0
        with pytest.raises(ValueError, match=f"mAP of {part} classes is undefined: none of"):
            evaluate(samples(scores, empty), 23)
    with pytest.raises(ValueError, match="no sample was evaluated"):
        evaluate([], 23)


@pytest.mark.parametrize("own", [False, True])
def test_images_that_could_not_be_loaded_are_left_out(own: bool) -> None:
    scores, targets, alone = case()
    data = samples(scores, targets, alone if own else None)
    expected = evaluate(data[:-2], 21)
    for each in data[-2:]:
        each["is_bad_image"] = True
    figures = evaluate(data, 23)
    assert figures.pop("ov/bad_images") == 2
    assert figures == pytest.approx(expected)
