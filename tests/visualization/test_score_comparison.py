from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mmsrdl.visualization import draw_score_comparison
from tests.visualization.conftest import NAMES, assert_nothing_is_cut_off, texts_of

A, B = np.array([0.9, 0.1, 0.2, 0.6, 0.3]), np.array([0.8, 0.7, 0.1, 0.4, 0.2])


def rows_of(figure: Figure, column: int) -> list[str]:
    return [text.get_text() for text in figure.axes[column].texts]


def test_wrong_scores_are_marked(photo: Path, tmp_path: Path) -> None:
    figure = draw_score_comparison(
        photo, A, B, ("CAR", "SRDL"), NAMES, [0, 1, 0, 1, -1], 0.5, tmp_path / "a.png", topk=1
    )
    labels = figure.axes[1].get_yticklabels()
    # What the image shows, then the best of each model; the others are left out.
    assert [(t.get_text(), t.get_fontweight()) for t in labels] == [
        ("_under", "bold"), ("dog", "bold"), ("person", "normal"),
    ]  # fmt: skip
    assert [axis.get_title() for axis in figure.axes[1:]] == ["CAR", "SRDL"]
    assert rows_of(figure, 1) == ["0.10 ✗", "0.60 ✓", "0.90 ✗"]
    assert rows_of(figure, 2) == ["0.70 ✓", "0.40 ✗", "0.80 ✗"]
    bars = figure.axes[2].patches
    np.testing.assert_allclose([bar.get_width() for bar in bars], [0.7, 0.4, 0.8])
    assert [to_hex(bar.get_facecolor()) for bar in bars] == ["#0072b2", "#d55e00", "#d55e00"]
    assert [bar.get_alpha() for bar in bars] == [1, 0.45, 1]  # predicted or not
    assert_nothing_is_cut_off(tmp_path / "a.png")


def test_without_targets_nothing_is_right_or_wrong(photo: Path, tmp_path: Path) -> None:
    figure = draw_score_comparison(
        photo, A, B, ("a", "b"), NAMES, None, np.full(5, 0.5), tmp_path / "a.png", topk=9
    )
    assert len(rows_of(figure, 1)) == 5
    assert not any("✗" in text or "✓" in text for text in texts_of(figure))


def test_clear_errors(photo: Path) -> None:
    with pytest.raises(ValueError, match="are of 5, 4 and 5 classes; compare models of the same"):
        draw_score_comparison(photo, A, B[:4], ("a", "b"), NAMES, None, 0.5, "a.png")
    with pytest.raises(ValueError, match="topk=0 must be"):
        draw_score_comparison(photo, A, B, ("a", "b"), NAMES, None, 0.5, "a.png", topk=0)
