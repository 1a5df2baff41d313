from pathlib import Path

import numpy as np
import pytest

from mmsrdl.visualization import draw_label_statistics
from tests.visualization.conftest import NAMES, assert_nothing_is_cut_off, texts_of


def labels(classes: int, images: int = 200) -> np.ndarray:
    return np.random.default_rng(0).random((images, classes)) < np.linspace(0.1, 0.6, classes)


def test_the_three_pictures(tmp_path: Path) -> None:
    y = labels(5).astype(int)
    pairs = y.T @ y
    figure = draw_label_statistics(
        NAMES,
        pairs.diagonal(),
        pairs / pairs.diagonal()[:, None],
        np.bincount(y.sum(1)),
        tmp_path / "a.png",
    )
    bars, histogram, heat = figure.axes[:3]
    order = np.argsort(-y.sum(0), kind="stable")
    assert [bar.get_width() for bar in bars.patches] == y.sum(0)[order].tolist()
    assert [bar.get_height() for bar in histogram.patches] == np.bincount(y.sum(1)).tolist()
    assert histogram.get_title() == f"labels an image: {y.sum(1).mean():.2f} on average"
    cells = heat.images[0].get_array()
    for i, j in ((0, 1), (1, 0), (4, 2)):  # P(j | i), counted anew
        of_i = y[y[:, order[i]] == 1]
        assert cells[i, j] == pytest.approx(of_i[:, order[j]].mean())
        assert f"{cells[i, j]:.2f}" in texts_of(figure)
    assert cells.mask.diagonal().all() or np.isnan(cells.data.diagonal()).all()
    assert "$5 bill" in [text.get_text() for text in heat.get_xticklabels()]
    assert_nothing_is_cut_off(tmp_path / "a.png")


def test_of_many_classes_the_frequent_ones_are_drawn(tmp_path: Path) -> None:
    y = labels(100).astype(int)
    pairs = y.T @ y
    names = [f"class {c}" for c in range(100)]
    figure = draw_label_statistics(
        names,
        pairs.diagonal(),
        pairs / pairs.diagonal()[:, None],
        np.bincount(y.sum(1)),
        tmp_path / "a.png",
    )
    assert len(figure.axes[0].patches) == 80
    assert "images of the 80 most frequent of 100 classes" in texts_of(figure)


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match=r"for the 5 classes, got \(5,\) and \(4, 4\)"):
        draw_label_statistics(NAMES, np.ones(5), np.ones((4, 4)), np.ones(3), "a.png")
    with pytest.raises(
        ValueError, match=r"conditional must lie in \[0, 1\], got 7 to 7; turn counts"
    ):
        draw_label_statistics(NAMES, np.ones(5), np.full((5, 5), 7), np.ones(3), "a.png")
