from pathlib import Path

import numpy as np
import pytest

from mmsrdl.evaluation import context_figures, interval_95
from mmsrdl.visualization import draw_context
from tests.evaluation.functional.test_context import case
from tests.visualization.conftest import assert_nothing_is_cut_off, texts_of


@pytest.mark.parametrize("replicates", [0, 50])
def test_groups_with_their_intervals(replicates: int, tmp_path: Path) -> None:
    scores, targets, training, areas = case()
    options = dict(areas=areas, area_bounds=(0.05, 0.3), min_positives=4, min_negatives=4)
    options["replicates"] = replicates
    found = [context_figures(each, targets, training, **options) for each in (scores, -scores)]
    figure = draw_context(found, ["_SRDL", "GMP"], tmp_path / "a.png")
    assert len(figure.axes) == 5
    texts = texts_of(figure)
    assert {"_SRDL", "GMP"} <= set(texts)
    context = found[1].breakdowns["context"].groups
    assert f"without\nn={context['without'].count:,}" in texts
    _, second = figure.axes[0].containers
    points, _, (bars,) = second
    np.testing.assert_allclose(points.get_ydata(), [100 * each.ap[0] for each in context.values()])
    for segment, each in zip(bars.get_segments(), context.values(), strict=True):
        bounds = interval_95(each.ap) if replicates else (each.ap[0], each.ap[0])
        low, high = min(bounds[0], each.ap[0]), max(bounds[1], each.ap[0])
        np.testing.assert_allclose(segment[:, 1], [100 * low, 100 * high])
    assert_nothing_is_cut_off(tmp_path / "a.png")


def test_groups_without_a_class_are_left_out(tmp_path: Path) -> None:
    scores, targets, training, _ = case()
    found = context_figures(scores, targets, training, min_positives=30, replicates=0)
    figure = draw_context([found], ["SRDL"], tmp_path / "a.png")
    assert 1 <= len(figure.axes) < 4


def test_clear_errors() -> None:
    scores, targets, training, _ = case()
    found = context_figures(scores, targets, training, replicates=0)
    with pytest.raises(ValueError, match="of 1 to 7 systems, got 1 and 2"):
        draw_context([found], ["a", "b"], "a.png")
