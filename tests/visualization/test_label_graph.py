from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from mmsrdl.visualization import draw_label_graph
from tests.visualization.conftest import NAMES, assert_nothing_is_cut_off


def arrows_of(figure: Figure) -> list[FancyArrowPatch]:
    return [patch for patch in figure.axes[1].patches if isinstance(patch, FancyArrowPatch)]


def test_arrows_carry_the_probabilities(photo: Path, tmp_path: Path) -> None:
    table = np.array([[1, 0.8, 0], [0.25, 1, 0.5], [0, 0.1, 1]])
    figure = draw_label_graph(photo, NAMES[:3], table, tmp_path / "a.png", thr=0.5)
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert texts == [*NAMES[:3], "0.80", "0.25", "0.50", "0.10"]
    arrows = arrows_of(figure)
    assert [arrow.get_linestyle() for arrow in arrows] == ["-", ":", "-", ":"]
    assert arrows[0].get_linewidth() > arrows[2].get_linewidth() > arrows[1].get_linewidth()
    # The labels begin at the top and go round as the clock does.
    places = np.array([text.get_position() for text in figure.axes[1].texts[:3]])
    np.testing.assert_allclose(places, [[0, 1], [0.75**0.5, -0.5], [-(0.75**0.5), -0.5]], atol=1e-9)
    assert "solid: 0.5 or more,  dotted: less" in figure.axes[1].get_title()
    assert_nothing_is_cut_off(tmp_path / "a.png")


def test_of_many_labels_the_high_probabilities_are_drawn(photo: Path, tmp_path: Path) -> None:
    table = np.full((8, 8), 0.2)
    table[2, 5] = 0.9
    figure = draw_label_graph(photo, list("abcdefgh"), table, tmp_path / "a.png")
    assert len(arrows_of(figure)) == 1


def test_one_label_stands_alone(photo: Path, tmp_path: Path) -> None:
    figure = draw_label_graph(photo, ["dog"], np.ones((1, 1)), tmp_path / "a.png")
    assert [text.get_text() for text in figure.axes[1].texts] == ["dog"]
    assert not arrows_of(figure)


def test_clear_errors(photo: Path) -> None:
    with pytest.raises(ValueError, match=r"\[K, K\] for the 2 labels, at least one, got \(3, 3\)"):
        draw_label_graph(photo, ["a", "b"], np.ones((3, 3)), "a.png")
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        draw_label_graph(photo, ["a"], [[7]], "a.png")
    with pytest.raises(ValueError, match=r"thr=2 must be a number in \[0, 1\]"):
        draw_label_graph(photo, ["a"], [[1]], "a.png", thr=2)
