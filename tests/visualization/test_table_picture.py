from pathlib import Path

import pytest

from mmsrdl.visualization import draw_table
from tests.visualization.conftest import assert_nothing_is_cut_off, texts_of

HEADINGS = ["Method", "mAP, paper", "Ours was run with"]
ROWS = [["CNN_RNN $5$", "61.2", ""], ["Ours", "82.9", "a long text of conditions, " * 9]]


def test_all_cells_and_notes_are_drawn(tmp_path: Path) -> None:
    figure = draw_table("Table 1", HEADINGS, ROWS, 0, ["a note"], tmp_path / "t.png")
    texts = texts_of(figure)
    assert {"Table 1", "Method", "mAP, paper", "CNN_RNN $5$", "61.2", "82.9", "a note"} <= set(
        texts
    )
    assert any(text.count("\n") >= 4 and text.startswith("a long text") for text in texts)
    assert_nothing_is_cut_off(tmp_path / "t.png")


def test_cells_do_not_overlap(tmp_path: Path) -> None:
    figure = draw_table("Table 1", HEADINGS, ROWS, 1, ["a note"] * 3, tmp_path / "t.png")
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()]
    assert not [(i, j) for i in range(len(boxes)) for j in range(i) if boxes[i].overlaps(boxes[j])]


def test_extras_stand_below_a_rule(tmp_path: Path) -> None:
    def strong_rules(extras: int) -> list[float]:
        axis = draw_table("T", HEADINGS, ROWS, extras, [], tmp_path / "t.png").axes[0]
        return [line.get_ydata()[0] for line in axis.lines if line.get_linewidth() == 1]

    assert len(strong_rules(0)) == 3
    assert len(strong_rules(1)) == 4


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match=r"a row must have 3 cells, got \['a'\]"):
        draw_table("T", HEADINGS, [["a"]], 0, [], "t.png")
    with pytest.raises(ValueError, match="extras=3 must be 0 to the number of rows, 2"):
        draw_table("T", HEADINGS, ROWS, 3, [], "t.png")
