from typing import Any

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmsrdl.apis.class_maps import class_maps
from mmsrdl.evaluation import PointingGameMetric, pointing_hits
from tests.apis.test_class_maps import CAR, GMP, LINEAR, make_model

CLASSES = ["a", "b", "c"]


class Prepare(nn.Module):
    """A data preprocessor that only stacks."""

    def forward(self, data: dict, training: bool = False) -> dict:
        assert not training
        return {"inputs": torch.stack(data["inputs"])}


@pytest.fixture
def model() -> nn.Module:
    model = make_model(CAR, None)
    model.data_preprocessor = Prepare()
    return model


def sample(boxes: list, labels: list, difficult: list | None = None) -> DataSample:
    """An image of 100 x 80 pixels that was resized to 25 x 40, and its boxes with it."""
    return DataSample(
        metainfo=dict(
            gt_bboxes=np.array(boxes, dtype=np.float32).reshape(-1, 4) * [0.25, 0.5, 0.25, 0.5],
            gt_bboxes_labels=np.array(labels, dtype=np.int64),
            gt_bboxes_difficult=np.array(difficult or [False] * len(boxes), dtype=bool),
            ori_shape=(80, 100, 3),
            img_shape=(40, 25),
        )
    )


SAMPLES = [
    sample([[0, 0, 50, 40], [50, 40, 100, 80], [0, 0, 10, 10]], [0, 0, 2]),
    sample([], []),
    sample([[40, 30, 60, 50], [0, 0, 100, 80]], [1, 2], [False, True]),
    sample([[0, 0, 20, 80]], [2]),
]
IMAGES = torch.randn(4, 3, 8, 10, generator=torch.Generator().manual_seed(1))


def play(metric: PointingGameMetric, model: nn.Module | None, batch: int = 2) -> dict[str, float]:
    metric.model = model
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {"classes": CLASSES}
    for i in range(0, 4, batch):
        evaluator.process(SAMPLES[i : i + batch], {"inputs": list(IMAGES[i : i + batch])})
    return evaluator.evaluate(4)


def expected(model: nn.Module, method: Any) -> dict[str, Tensor]:
    """Hits of every pair, from all maps of all images."""
    maps = class_maps(model, IMAGES, method=method)
    found: dict[str, list[Tensor]] = {name: [] for name in CLASSES}
    for i, c in ((0, 0), (0, 2), (2, 1), (3, 2)):
        info = SAMPLES[i].metainfo
        boxes = torch.from_numpy(info["gt_bboxes"][info["gt_bboxes_labels"] == c])
        boxes = boxes * torch.tensor([4, 2, 4, 2])
        found[CLASSES[c]].append(pointing_hits(maps[i, c][None], [boxes], (80, 100))[0])
    return {name: torch.stack(hits) for name, hits in found.items()}


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_pairs_of_an_evaluation(batch: int, model: nn.Module) -> None:
    metric = PointingGameMetric(methods=["auto", "gradcam", "center"], per_class=True)
    figures = play(metric, model, batch)
    for method in ("attention", "gradcam"):
        hits = expected(model, method)
        shares = [100 * each.mean().item() for each in hits.values()]
        assert figures[f"pointing/{method}"] == pytest.approx(np.mean(shares))
        together = 100 * torch.cat(list(hits.values())).mean().item()
        assert figures[f"pointing/{method}_overall"] == pytest.approx(together)
        for name, share in zip(CLASSES, shares, strict=True):
            assert figures[f"pointing/{method}/{name}"] == pytest.approx(share)
    # The centre, (50, 40): a corner of two boxes of a, inside that of b, in none of c's.
    assert figures["pointing/center"] == pytest.approx(200 / 3)
    assert figures["pointing/center_overall"] == pytest.approx(50)
    # Hard: c of the first image (0.1 of 80), b of the third; a takes half of its image.
    assert figures["pointing/center_diff"] == pytest.approx(50)


def test_difficult_boxes_on_request(model: nn.Module) -> None:
    figures = play(PointingGameMetric(["center"], difficult=True, per_class=True), model)
    assert figures["pointing/center/c"] == pytest.approx(100 / 3)


def test_tolerance(model: nn.Module) -> None:
    strict, loose = (
        play(PointingGameMetric(["center"], tolerance=t, per_class=True), model) for t in (29, 30)
    )
    assert strict["pointing/center/c"] == 0
    assert loose["pointing/center/c"] == 50  # the third box ends 30 pixels off the centre


def test_every_sample_leaves_one_result(model: nn.Module) -> None:
    """MMEngine drops repeated samples by their number."""
    metric = PointingGameMetric(["auto"])
    metric.model = model
    batch = [each.to_dict() for each in SAMPLES]
    metric.process({"inputs": list(IMAGES)}, batch)
    assert [len(rows) for rows in metric.results] == [2, 0, 1, 1]


def test_cam_of_a_baseline() -> None:
    model = make_model(LINEAR, GMP)
    model.data_preprocessor = Prepare()
    figures = play(PointingGameMetric(["auto"]), model)
    assert set(figures) == {"pointing/cam", "pointing/cam_overall", "pointing/cam_diff"}


def test_center_needs_no_model() -> None:
    assert play(PointingGameMetric(["center"]), None)["pointing/center"] > 0
    with pytest.raises(RuntimeError, match=r"no model .*mmsrdl\.MetricModelHook"):
        play(PointingGameMetric(["gradcam"]), None)


def test_no_boxes(model: nn.Module) -> None:
    metric = PointingGameMetric(["center"])
    metric.dataset_meta = {"classes": CLASSES}
    metric.process({"inputs": []}, [SAMPLES[1].to_dict()])
    with pytest.raises(ValueError, match=r"no box of any class in 1 images.*difficult=True"):
        metric.evaluate(1)
    with pytest.raises(ValueError, match=r"no gt_bboxes, .*with_boxes=True.*add_pointing_game"):
        metric.process({}, [{"ori_shape": (3, 4), "img_shape": (3, 4)}])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"methods": "auto"}, ValueError, "methods='auto' must be a list"),
        ({"methods": []}, ValueError, "must be a list"),
        ({"methods": ["cams"]}, ValueError, "must be a list of some of"),
        ({"methods": ["cam", "cam"]}, ValueError, "names one twice"),
        ({"tolerance": -1}, ValueError, "tolerance=-1"),
    ],
)
def test_refused_options(options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        PointingGameMetric(**options)


def test_images_that_could_not_be_loaded_are_left_out(model: nn.Module) -> None:
    """What takes the place of such a one has boxes of its own."""
    marked = sample([[0, 0, 50, 40]], [0])
    marked.set_metainfo({"is_bad_image": True})
    evaluator = Evaluator(PointingGameMetric(["auto", "center"]))
    evaluator.metrics[0].model = model
    evaluator.dataset_meta = {"classes": CLASSES}
    evaluator.process([*SAMPLES, marked], {"inputs": [*IMAGES, IMAGES[0]]})
    figures = evaluator.evaluate(5)
    assert figures == pytest.approx(play(PointingGameMetric(["auto", "center"]), model))
