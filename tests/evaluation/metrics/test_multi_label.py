import logging
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import DefaultScope
from mmpretrain.registry import METRICS as MMPRETRAIN_METRICS
from mmpretrain.structures import DataSample

from mmsrdl.evaluation import (
    PROTOCOLS,
    MultiLabelMetric,
    ScoresFile,
    Thresholds,
    average_precision,
    precision_recall_f1,
)

FIGURES = ("CP", "CR", "CF1", "OP", "OR", "OF1")
CLASSES = ("aeroplane", "bird", "cat", "dog", "train")


@pytest.fixture
def log(monkeypatch):
    """Messages that the metric logs."""
    messages = []

    def keep(message, logger=None, level=logging.INFO):
        assert logger == "current"
        messages.append(message)

    monkeypatch.setattr("mmsrdl.evaluation.metrics.multi_label.print_log", keep)
    return messages


def case(seed: int = 0, images: int = 23) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores = (torch.rand(images, 5, generator=generator) * 20).floor() / 20
    targets = torch.randint(-1, 2, (images, 5), generator=generator).float()
    targets[0] = 1
    return scores, targets


def samples(scores: torch.Tensor, targets: torch.Tensor, index: bool = True) -> list[DataSample]:
    out = []
    for i, (score, target) in enumerate(zip(scores, targets, strict=True)):
        sample = DataSample().set_pred_score(score).set_gt_score(target)
        if index:
            sample.set_metainfo({"sample_idx": i, "img_path": f"img/{i}.jpg"})
        out.append(sample)
    return out


def evaluate(
    metric: MultiLabelMetric, data: list, size: int | None = None, batch: int = 4, classes=CLASSES
) -> dict[str, float]:
    """One round through MMEngine's evaluator, in batches."""
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {} if classes is None else {"classes": classes}
    for start in range(0, len(data), batch):
        evaluator.process(data[start : start + batch])
    return evaluator.evaluate(len(data) if size is None else size)


def expected(scores, targets, kind="raw", topk=3) -> dict[str, float]:
    out = {"mlr/mAP": 100 * average_precision(scores, targets, kind).nanmean().item()}
    for k, suffix in ((None, ""), (topk, f"_top{topk}")):
        figures = precision_recall_f1(scores, targets, 0.5, k)
        out.update({f"mlr/{key}{suffix}": 100 * x for key, x in figures._asdict().items()})
    return out


@pytest.mark.parametrize("kind", ["raw", "interpolated", "11point"])
def test_evaluator_round(kind, log):
    scores, targets = case()
    metrics = evaluate(MultiLabelMetric(ap=kind), samples(scores, targets))
    assert metrics == pytest.approx(expected(scores, targets, kind))
    assert list(metrics) == [
        "mlr/mAP",
        *(f"mlr/{key}" for key in FIGURES),
        *(f"mlr/{key}_top3" for key in FIGURES),
    ]
    unknown = int((targets == -1).sum())
    empty = int((targets == 0).all(1).sum())
    name = "paper" if kind == "raw" else "own"
    assert log == [
        f"mlr: protocol {name}: {kind} AP, mean over 5 of 5 classes; predicted if score >= 0.5, "
        f"_top3 also among the 3 highest; 23 images, {empty} of them without a label; {unknown} "
        "unknown entries left out"
    ]


def test_worked_examples_in_percent():
    """Hits 1,0,0,1,1,0,1,0 in the order of the scores: facts of the metric, AP 66.79."""
    hits = torch.tensor([1.0, 0, 0, 1, 1, 0, 1, 0])[:, None]
    scores = torch.linspace(0.9, 0.1, 8)[:, None]
    metric = MultiLabelMetric(topk=None)
    metrics = evaluate(metric, samples(scores, hits), classes=["thing"])
    assert round(metrics["mlr/mAP"], 2) == 66.79

    targets = torch.tensor([[1.0, 1], [1, 1], [1, 0], [1, 0]])
    predicted = torch.tensor([[1, 1], [0, 1], [0, 1], [0, 1]])
    data = samples(torch.where(predicted == 1, 0.8, 0.2), targets)
    metrics = evaluate(MultiLabelMetric(topk=None), data, classes=["A", "B"])
    figures = [round(metrics[f"mlr/{key}"], 2) for key in FIGURES]
    assert figures == [75, 62.5, 68.18, 60, 50, 54.55]


def test_order_and_batches_do_not_matter():
    scores, targets = case(1)
    data = samples(scores, targets)
    metrics = evaluate(MultiLabelMetric(), data)
    assert evaluate(MultiLabelMetric(), data[::-1], batch=7) == pytest.approx(metrics)


def test_second_round_starts_afresh():
    metric = MultiLabelMetric()
    evaluate(metric, samples(*case(1)))
    assert metric.results == []
    assert evaluate(metric, samples(*case(2))) == pytest.approx(expected(*case(2)))


def test_class_indices_and_difficult_as_mmpretrain_gives_them():
    scores, _ = case()
    targets = torch.zeros(23, 5)
    targets[:, 0] = -1
    targets[::2, 1:3] = 1
    data = []
    for score, target in zip(scores, targets, strict=True):
        sample = DataSample().set_pred_score(score)
        sample.set_gt_label((target == 1).nonzero().flatten())
        sample.set_field([0, 1] if target[1] == 1 else [0], "gt_label_difficult")
        data.append(sample)
    metrics = evaluate(MultiLabelMetric(), data)
    assert metrics == pytest.approx(expected(scores, targets))


def test_thresholds_add_keys():
    scores, targets = case(3)
    metric = MultiLabelMetric(thr=[0.6, 0.8], topk=2)
    metrics = evaluate(metric, samples(scores, targets))
    assert len(metrics) == 1 + 4 * 6
    for thr, end in ((0.6, ""), (0.8, "_thr0.8")):
        for topk, suffix in ((None, ""), (2, "_top2")):
            figures = precision_recall_f1(scores, targets, thr, topk)
            for key, value in figures._asdict().items():
                assert metrics[f"mlr/{key}{suffix}{end}"] == pytest.approx(100 * value)


TUNED = Thresholds(
    CLASSES[::-1], (0.9, 0.1, 0.5, 0.3, 0.7), 2.0, {"objective": "f1", "images": 40, "empty": []}
)


def tuned_figures(scores: torch.Tensor, targets: torch.Tensor, topk: int | None) -> dict:
    calibrated = (scores.logit() / 2).sigmoid()
    thr = torch.tensor(TUNED.values[::-1])
    return precision_recall_f1(calibrated, targets, thr, topk)._asdict()


@pytest.mark.parametrize("kind", ["object", "str", "path"])
def test_tuned_thresholds(kind, tmp_path, log):
    scores, targets = case(3)
    path = tmp_path / "thresholds.json"
    TUNED.save(path)
    thr = {"object": TUNED, "str": str(path), "path": path}[kind]
    metrics = evaluate(MultiLabelMetric(thr=thr, topk=2), samples(scores, targets))
    assert len(metrics) == 1 + 2 * 6
    ap = 100 * average_precision(scores, targets).nanmean().item()
    assert metrics["mlr/mAP"] == pytest.approx(ap)  # not of the calibrated scores
    for topk, suffix in ((None, ""), (2, "_top2")):
        for key, value in tuned_figures(scores, targets, topk).items():
            assert metrics[f"mlr/{key}{suffix}"] == pytest.approx(100 * value)
    source = "tuned thresholds" if kind == "object" else path
    assert f"predicted if score >= those of {source}, _top2" in log[0]
    assert log[1] == (
        "mlr: keys without suffix have thresholds that were tuned: objective f1, images 40, "
        "temperature 2"
    )


def test_tuned_thresholds_beside_numbers(log):
    scores, targets = case(3)
    metric = MultiLabelMetric(thr=[0.5, TUNED, 0.8], topk=2)
    metrics = evaluate(metric, samples(scores, targets))
    assert len(metrics) == 1 + 6 * 6
    assert metrics["mlr/CF1"] == pytest.approx(100 * precision_recall_f1(scores, targets).CF1)
    for topk, suffix in ((None, ""), (2, "_top2")):
        for key, value in tuned_figures(scores, targets, topk).items():
            assert metrics[f"mlr/{key}{suffix}_tuned"] == pytest.approx(100 * value)
        figures = precision_recall_f1(scores, targets, 0.8, topk)
        assert metrics[f"mlr/OF1{suffix}_thr0.8"] == pytest.approx(100 * figures.OF1)
    assert "predicted if score >= 0.5, those of tuned thresholds, 0.8," in log[0]
    assert log[1].startswith("mlr: keys with the suffix _tuned have thresholds")


def test_tuned_thresholds_of_other_classes_are_refused_at_the_first_batch():
    metric = MultiLabelMetric(thr=Thresholds(("cat", "dog"), (0.5, 0.5)))
    metric.dataset_meta = {"classes": CLASSES}
    with pytest.raises(ValueError, match=r"no threshold for 'aeroplane', 'bird', 'train' \(3 of 5"):
        metric.process(None, [sample.to_dict() for sample in samples(*case())[:2]])


def marked(scores: torch.Tensor, targets: torch.Tensor) -> tuple[list[DataSample], torch.Tensor]:
    """Samples of which the -1 of the first two classes are difficult objects."""
    difficult = (targets == -1) & (torch.arange(5) < 2)
    data = samples(scores, targets)
    for sample, row in zip(data, difficult, strict=True):
        sample.set_field(row.nonzero().flatten().tolist(), "gt_label_difficult")
    return data, difficult


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("in_gt_score", [True, False])
def test_a_protocol(name: str, in_gt_score: bool, log):
    """Difficult entries are named by gt_label_difficult, whatever gt_score holds there."""
    scores, targets = case(5)
    data, difficult = marked(scores, targets)
    if not in_gt_score:
        for sample, row in zip(data, difficult, strict=True):
            sample.set_gt_score(sample.gt_score.masked_fill(row, 0))
    metrics = evaluate(MultiLabelMetric(protocol=name), data)
    figures = PROTOCOLS[name].figures(scores, targets, difficult)
    assert metrics == pytest.approx({f"mlr/{key}": value for key, value in figures.items()})
    assert log[0].startswith(f"mlr: protocol {name}: {PROTOCOLS[name].ap} AP")
    assert f"; {int(difficult.sum())} difficult entries " in log[0]
    warned = [line for line in log if "are not said to be difficult" in line]
    assert len(warned) == (PROTOCOLS[name].difficult != "ignored")


def test_several_protocols_at_once(log):
    scores, targets = case(6)
    targets[3] = 0
    data, difficult = marked(scores, targets)
    names = ["paper", "mlgcn", "ssgrl", "mcar", "asl"]
    metrics = evaluate(MultiLabelMetric(protocol=names, per_class=True), data)
    for name in names:
        end = "" if name == "paper" else f"_{name}"
        for key, value in PROTOCOLS[name].figures(scores, targets, difficult).items():
            assert metrics[f"mlr/{key}{end}"] == pytest.approx(value)
    assert len(metrics) == 5 * 13 + 5  # and the AP of five classes, of the first protocol
    rows = [line.split() for line in log[-1].splitlines()]
    for name in names:
        figures = PROTOCOLS[name].figures(scores, targets, difficult)
        assert [name, *(f"{value:.2f}" for value in figures.values())] in rows
    assert "1 more without a label dropped" in next(line for line in log if "protocol asl" in line)


def test_own_protocol_and_topk():
    scores, targets = case(6)
    own = replace(PROTOCOLS["asl"], name="strict", thr=0.9)
    metrics = evaluate(MultiLabelMetric(protocol=["paper", own], topk=2), samples(scores, targets))
    figures = own.figures(scores, targets, topk=2)
    assert metrics["mlr/CF1_top2_strict"] == pytest.approx(figures["CF1_top2"])
    assert metrics["mlr/OR_strict"] == pytest.approx(figures["OR"])
    only = evaluate(MultiLabelMetric(protocol=own, topk=None), samples(scores, targets))
    assert list(only) == ["mlr/mAP", *(f"mlr/{key}" for key in FIGURES)]


def test_default_is_the_protocol_paper():
    scores, targets = case(7)
    data, _ = marked(scores, targets)
    assert evaluate(MultiLabelMetric(), data) == evaluate(MultiLabelMetric(protocol="paper"), data)


@pytest.mark.parametrize("thr", [0.5, [0.5, 0.6]])
def test_changed_protocols_are_called_own(thr, log):
    evaluate(MultiLabelMetric(thr=thr), samples(*case()))
    evaluate(MultiLabelMetric(thr=0.6), samples(*case()))
    assert log[0].startswith("mlr: protocol paper: ")
    assert log[1].startswith("mlr: protocol own: ")


def test_prefix_and_no_topk():
    metrics = evaluate(MultiLabelMetric(topk=None, prefix="voc"), samples(*case()))
    assert list(metrics) == ["voc/mAP", *(f"voc/{key}" for key in FIGURES)]


def test_classes_without_positive_are_named_and_left_out(log):
    scores, targets = case()
    targets[:, 1] = 0
    targets[:, 3] = -1
    metrics = evaluate(MultiLabelMetric(), samples(scores, targets))
    assert metrics == pytest.approx(expected(scores, targets))
    assert "mean over 3 of 5 classes" in log[0]
    assert log[1] == "mlr: no positive, so left out of mAP, and 0 in CP and CR: bird, dog"


def test_classes_without_a_known_negative_are_warned_of(log):
    scores, targets = case()
    targets[:, 1] = torch.where(targets[:, 1] == 1, 1, -1)
    targets[:, 3] = 1  # known everywhere: AP is 100 by right
    metrics = evaluate(MultiLabelMetric(per_class=True), samples(scores, targets))
    assert metrics["mlr/AP/bird"] == 100
    message = "mlr: 1 of 5 classes have no known negative, so that their AP is 100 whatever their"
    warnings = [line for line in log if "no known negative" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith(message)
    assert "['bird']" in warnings[0]


def test_per_class(log):
    scores, targets = case()
    targets[:, 1] = 0
    metrics = evaluate(MultiLabelMetric(per_class=True), samples(scores, targets))
    ap = 100 * average_precision(scores, targets)
    per_class = {k.removeprefix("mlr/AP/"): v for k, v in metrics.items() if "/AP/" in k}
    assert per_class == pytest.approx({CLASSES[c]: ap[c].item() for c in (0, 2, 3, 4)})
    rows = [line.split() for line in log[-1].splitlines()]
    assert ["bird", "-", "0"] in rows
    assert ["cat", f"{ap[2]:.2f}", str(int((targets[:, 2] == 1).sum()))] in rows


@pytest.mark.parametrize("index", [True, False])
def test_repeated_samples_count_once(index):
    scores, targets = case()
    data = samples(scores, targets, index)
    metrics = evaluate(MultiLabelMetric(), data + data[:5], size=23)
    assert metrics == pytest.approx(expected(scores, targets))


def test_parts_of_a_concatenated_data_set_share_indices_and_count_all():
    scores, targets = case()
    data = samples(scores[:15], targets[:15]) + samples(scores[15:], targets[15:])
    assert evaluate(MultiLabelMetric(), data) == pytest.approx(expected(scores, targets))


@pytest.mark.parametrize("index", [True, False])
def test_out_file(tmp_path, index):
    scores, targets = case()
    path = tmp_path / "new" / "val.npz"
    data = samples(scores, targets, index)
    evaluate(MultiLabelMetric(out_file=str(path)), data[::-1] if index else data)
    with np.load(path, allow_pickle=False) as file:
        assert file["names"].tolist() == list(CLASSES)
        np.testing.assert_array_equal(file["scores"], scores.numpy())
        np.testing.assert_array_equal(file["targets"], targets.numpy())
        assert file["sample_idx"].tolist() == (list(range(23)) if index else [-1] * 23)
        if index:
            assert file["img_path"].tolist() == [f"img/{i}.jpg" for i in range(23)]
        else:
            assert "img_path" not in file


def test_out_file_marks_difficult_entries(tmp_path):
    scores, targets = case()
    data, difficult = marked(scores, targets)
    evaluate(MultiLabelMetric(out_file=str(tmp_path / "a.npz"), protocol="asl"), data)
    file = ScoresFile.load(tmp_path / "a.npz")
    assert torch.equal(file.targets, targets.to(torch.int8))
    assert torch.equal(file.difficult, difficult)
    assert len(file.scores) == 23  # all of them, whatever the protocol drops
    evaluate(MultiLabelMetric(out_file=str(tmp_path / "b.npz")), samples(scores, targets))
    assert ScoresFile.load(tmp_path / "b.npz").difficult is None


def test_without_class_names(log, tmp_path):
    scores, targets = case()
    targets[:, 4] = 0
    path = tmp_path / "x.npz"
    evaluate(MultiLabelMetric(out_file=str(path)), samples(scores, targets), classes=None)
    assert log[1].endswith("left out of mAP, and 0 in CP and CR: 4")
    with np.load(path, allow_pickle=False) as file:
        assert file["names"].tolist() == ["0", "1", "2", "3", "4"]


def test_no_positive_at_all():
    scores, targets = case()
    data = samples(scores, targets.clamp(max=0))
    with pytest.raises(
        ValueError, match=r"none of the 5 classes has a positive in 23 .*annotation"
    ):
        evaluate(MultiLabelMetric(), data)


def test_data_set_with_other_classes():
    with pytest.raises(
        ValueError, match=r"5 classes, but the data set has 2; set num_classes=2.*embedder"
    ):
        evaluate(MultiLabelMetric(), samples(*case()), classes=["a", "b"])


def test_topk_above_the_number_of_classes():
    with pytest.raises(ValueError, match=r"topk=6 exceeds the number of classes, 5"):
        evaluate(MultiLabelMetric(topk=6), samples(*case()))


def test_no_sample():
    with pytest.raises(ValueError, match=r"no sample was evaluated"):
        evaluate(MultiLabelMetric(), [])


def test_nan_score():
    scores, targets = case()
    scores[6, 2] = torch.nan
    metric = MultiLabelMetric()
    with pytest.raises(ValueError, match=r"NaN, first for image 6 and class 2"):
        evaluate(metric, samples(scores, targets))
    assert metric.results == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"thr": 1.5}, ValueError, r"thr must lie in \[0, 1\].*got 1.5"),
        ({"thr": [0.5, -1]}, ValueError, r"thr must lie in \[0, 1\].*got -1"),
        ({"thr": float("nan")}, ValueError, r"thr must lie in \[0, 1\].*got nan"),
        ({"thr": True}, TypeError, r"thr must be a number in \[0, 1\], such as 0.5, got True"),
        ({"thr": "0.5"}, TypeError, "thr must be a number .* got '0.5'"),
        ({"thr": [0.5, None]}, TypeError, "thr must be a number .* got None"),
        ({"topk": "3"}, TypeError, "topk must be an integer or None, got '3'"),
        ({"thr": "none.json"}, FileNotFoundError, "thresholds='none.json' does not exist"),
        ({"thr": [TUNED, 0.5, TUNED]}, ValueError, "at most one file of tuned thresholds"),
        ({"thr": []}, ValueError, "at least one threshold"),
        ({"thr": [0.5, 0.5]}, ValueError, r"distinct thresholds, got \[0.5, 0.5\]"),
        ({"topk": 0}, ValueError, "topk must be at least 1.*got 0"),
        ({"topk": 2.0}, TypeError, "topk must be an integer or None, got 2.0"),
        ({"topk": True}, TypeError, "topk must be an integer or None, got True"),
        ({"protocol": "coco"}, ValueError, "protocol must be one of paper, mlgcn.*got 'coco'"),
        ({"protocol": []}, ValueError, "one or several distinct protocols, got"),
        (
            {"protocol": "asl", "thr": 0.5},
            ValueError,
            "protocol='asl' sets thr and ap itself; drop thr=0.5, or drop protocol",
        ),
        (
            {"protocol": ["paper", "asl"], "thr": [0.5, 0.6], "ap": "raw"},
            ValueError,
            r"drop thr=\[0.5, 0.6\] and ap='raw', or drop protocol",
        ),
        ({"ap": "voc07"}, ValueError, "ap must be one of .*got 'voc07'"),
        ({"out_file": "scores.pkl"}, ValueError, "out_file must end with .npz, got 'scores.pkl'"),
        ({"collect_device": "cuda"}, ValueError, "'cpu' or 'gpu', got 'cuda'"),
    ],
)
def test_wrong_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        MultiLabelMetric(**arguments)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("collect_device", ["cpu", "gpu"])
def test_predictions_on_a_gpu(collect_device, tmp_path):
    scores, targets = case()
    metric = MultiLabelMetric(collect_device=collect_device, out_file=str(tmp_path / "x.npz"))
    metrics = evaluate(metric, samples(scores.cuda(), targets.cuda()))
    assert metrics == pytest.approx(expected(scores, targets))


@pytest.mark.parametrize("registry", [MMPRETRAIN_METRICS, ROOT_METRICS])
@pytest.mark.parametrize("scope", [None, "mmpretrain", "mmengine"])
def test_built_from_any_scope(registry, scope):
    with DefaultScope.overwrite_default_scope(scope):
        metric = registry.build({"type": "mmsrdl.MultiLabelMetric", "topk": 2})
    assert type(metric) is MultiLabelMetric
    assert metric.topk == 2


@pytest.mark.parametrize("registry", ["mmpretrain.registry", "mmengine.registry"])
def test_built_without_importing_mmsrdl(registry):
    code = (
        f"from {registry} import METRICS\n"
        "import sys; assert 'mmsrdl' not in sys.modules\n"
        "print(METRICS.build(dict(type='mmsrdl.MultiLabelMetric')).default_prefix)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[-1] == "mlr"
