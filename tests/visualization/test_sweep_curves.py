from pathlib import Path

import numpy as np
import pytest

from mmsrdl.visualization import draw_sweep_curves
from tests.visualization.conftest import assert_nothing_is_cut_off, texts_of

TICKS = {"K": (1, 2, 3), "alpha": (0.1, 0.5)}


def test_points_and_spreads(tmp_path: Path) -> None:
    panels = {
        "K": {"COCO": [(1, 80.0, None), (3, 82.0, 0.5)], "VOC": [(2, 90.0, 1.0)]},
        "alpha": {"COCO": []},
    }
    figure = draw_sweep_curves(panels, TICKS, "mAP", tmp_path / "f.png")
    first, second = figure.axes
    coco, voc = first.containers
    np.testing.assert_allclose(coco[0].get_xydata(), [[1, 80], [3, 82]])
    np.testing.assert_allclose(
        coco[2][0].get_segments(), [[[1, 80], [1, 80]], [[3, 81.5], [3, 82.5]]]
    )
    np.testing.assert_allclose(voc[0].get_xydata(), [[2, 90]])
    assert list(first.get_xticks()) == [1, 2, 3]
    assert not second.containers
    assert {"COCO", "VOC", "not run", "K", "alpha", "mAP"} <= set(texts_of(figure))
    assert_nothing_is_cut_off(tmp_path / "f.png")


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match="at least one setting and at most 7 curves, got 0 and 0"):
        draw_sweep_curves({}, {}, "mAP", "f.png")
    with pytest.raises(ValueError, match="got 1 and 8"):
        draw_sweep_curves({"K": {str(i): [] for i in range(8)}}, TICKS, "mAP", "f.png")
