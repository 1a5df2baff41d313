from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_score, recall_score

from mmsrdl.visualization import draw_precision_recall_curves
from tests.visualization.conftest import NAMES, assert_nothing_is_cut_off, texts_of


@pytest.fixture
def scored() -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    targets = torch.randint(2, (300, 5), generator=rng)
    targets[:, 3] = 0
    return (targets + torch.rand(300, 5, generator=rng)) / 2.5, targets


def test_legend_gives_the_ap(scored: tuple[torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    scores, targets = scored
    figure = draw_precision_recall_curves(scores, targets, NAMES, tmp_path / "a.png")
    texts = texts_of(figure)
    ap = 100 * average_precision_score(targets[:, 1], scores[:, 1])
    micro = 100 * average_precision_score(targets.flatten(), scores.flatten())
    assert f"_under  {ap:.1f}" in texts
    assert "dog  no positive" in texts
    assert f"all entries (micro)  {micro:.1f}" in texts
    assert_nothing_is_cut_off(tmp_path / "a.png")


def test_area_below_a_drawn_curve_is_the_ap(
    scored: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    scores, targets = scored
    figure = draw_precision_recall_curves(
        scores, targets, NAMES, tmp_path / "a.png", chosen=["$5 bill"]
    )
    line = figure.axes[0].lines[0]
    assert line.get_drawstyle() == "steps-pre"
    recall, precision = line.get_data()
    area = (np.diff(recall) * precision[1:]).sum()
    assert area == pytest.approx(average_precision_score(targets[:, 2], scores[:, 2]))


def test_threshold_is_marked(scored: tuple[torch.Tensor, torch.Tensor], tmp_path: Path) -> None:
    scores, targets = scored
    thr = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
    figure = draw_precision_recall_curves(
        scores, targets, NAMES, tmp_path / "a.png", ["person"], thr
    )
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    for dot, columns in zip(dots, ([0], range(5)), strict=True):
        y = targets[:, columns].flatten()
        predicted = (scores.numpy() >= thr)[:, columns].flatten()
        np.testing.assert_allclose(dot.get_xdata(), recall_score(y, predicted))
        np.testing.assert_allclose(dot.get_ydata(), precision_score(y, predicted))


def test_many_classes_are_grey_lines(tmp_path: Path) -> None:
    rng = torch.Generator().manual_seed(0)
    scores, targets = torch.rand(9000, 9, generator=rng), torch.ones(9000, 9)
    figure = draw_precision_recall_curves(
        scores, targets, [str(c) for c in range(9)], tmp_path / "a.png"
    )
    lines = figure.axes[0].lines
    assert [line.get_color() for line in lines] == ["0.8"] * 9 + ["black"]
    assert len(lines[-1].get_xdata()) == 2001
    assert "grey: one line a class" in texts_of(figure)


def test_clear_errors(scored: tuple[torch.Tensor, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match="scores are of 5 and classes of 4 classes"):
        draw_precision_recall_curves(*scored, NAMES[:4], "a.png")
    with pytest.raises(ValueError, match="chosen holds 'x', unknown"):
        draw_precision_recall_curves(*scored, NAMES, "a.png", chosen=["x"])
