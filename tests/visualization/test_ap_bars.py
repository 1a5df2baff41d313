from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsrdl.datasets import COCO_CATEGORIES
from mmsrdl.visualization import draw_ap_bars
from tests.visualization.conftest import NAMES, assert_nothing_is_cut_off, texts_of


def test_bars_are_sorted_by_the_first_model(tmp_path: Path) -> None:
    first = torch.tensor([0.2, 0.9, torch.nan, 0.5, 0.4])
    second = torch.tensor([0.1, 0.3, torch.nan, 0.6, 1.0])
    figure = draw_ap_bars([first, second], ["_CAR", "SRDL"], NAMES, tmp_path / "a.png")
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        "_under", "dog", "a class with a name that is…", "person", "$5 bill",
    ]  # fmt: skip
    widths = [[bar.get_width() for bar in bars] for bars in axis.containers]
    np.testing.assert_allclose(widths[0], [90, 50, 40, 20, 0])
    np.testing.assert_allclose(widths[1], [30, 60, 100, 10, 0])
    np.testing.assert_allclose([line.get_xdata()[0] for line in axis.lines], [50, 50])
    texts = texts_of(figure)
    assert {"_CAR: mAP 50.0", "SRDL: mAP 50.0"} <= set(texts)
    assert texts.count("no positive") == 2
    assert_nothing_is_cut_off(tmp_path / "a.png")


def test_eighty_classes_stand_in_two_columns(tmp_path: Path) -> None:
    figure = draw_ap_bars([np.linspace(0, 1, 80)], ["SRDL"], COCO_CATEGORIES, tmp_path / "a.png")
    labels = [[t.get_text() for t in axis.get_yticklabels()] for axis in figure.axes]
    assert labels[0] + labels[1] == list(COCO_CATEGORIES[::-1])
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    for axis in figure.axes:
        boxes = [text.get_window_extent(renderer) for text in axis.get_yticklabels()]
        assert not any(one.overlaps(other) for one, other in pairwise(boxes))


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match="of 1 to 7 models, got 1 and 2"):
        draw_ap_bars([np.ones(5)], ["a", "b"], NAMES, "a.png")
    with pytest.raises(ValueError, match=r"for each of the 5 classes, got \[\(4,\)\]"):
        draw_ap_bars([np.ones(4)], ["a"], NAMES, "a.png")
    with pytest.raises(ValueError, match="divide percents by 100"):
        draw_ap_bars([np.full(5, 60.0)], ["a"], NAMES, "a.png")
