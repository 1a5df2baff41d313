from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from mmsrdl.visualization import draw_attention_panel
from tests.visualization.conftest import NAMES, assert_nothing_is_cut_off, texts_of

SCORES = torch.tensor([0.9, 0.8, 0.3, 0.2, 0.7])
TARGETS = torch.tensor([1, 0, 1, 0, -1])


def test_panel_shows_the_best_classes(photo: Path, tmp_path: Path) -> None:
    spatial = torch.zeros(4, 3, 3)
    spatial[2, 0, 0] = 1  # peak in the upper left corner
    scores = torch.tensor([0.1, 0.3, 0.9, 0.2])
    out = tmp_path / "new" / "panel.png"
    figure = draw_attention_panel(photo, spatial, scores, list("abcd"), out, topk=2)
    assert [axis.get_title() for axis in figure.axes[:3]] == ["input", "c  0.90", "b  0.30"]
    panel = cv2.imread(str(out)).astype(int)
    height, width = panel.shape[:2]
    assert width > 3 * height * 1.1  # three pictures of 3 : 2
    heat = figure.axes[1].images[1].get_array()
    assert heat.shape == (60, 90)
    assert heat[:10, :15].min() > 0.9
    assert np.abs(heat[40:]).max() < 0.1


def test_flat_map(photo: Path, tmp_path: Path) -> None:
    figure = draw_attention_panel(
        photo, torch.ones(1, 2, 2), torch.ones(1), ["a"], tmp_path / "a.png"
    )
    assert not figure.axes[1].images[1].get_array().any()  # nothing stands out
    assert figure.axes[1].get_xlabel() == "1.00 to 1.00"


def test_right_and_wrong_are_marked(photo: Path, tmp_path: Path) -> None:
    figure = draw_attention_panel(
        photo, torch.rand(5, 2, 2), SCORES, NAMES, tmp_path / "a.png", 5, targets=TARGETS
    )
    titles = [axis.title for axis in figure.axes[1:6]]
    shown = [(t.get_text().replace("\n", " "), to_hex(t.get_color())) for t in titles]
    blue, vermillion, grey = "#0072b2", "#d55e00", "#6e6e6e"
    assert shown == [
        ("✓ person  0.90 found", blue),
        ("✗ _under  0.80 invented", vermillion),
        ("? a class with a name that is far too long to fit  0.70 unknown", grey),
        ("✗ $5 bill  0.30 missed", vermillion),
        ("✓ dog  0.20 rightly not predicted", blue),
    ]


def test_choice_by_name_and_by_threshold(photo: Path, tmp_path: Path) -> None:
    maps = torch.rand(5, 2, 2)
    chosen = draw_attention_panel(
        photo, maps, SCORES, NAMES, tmp_path / "a.png", chosen=["dog", "person"]
    )
    assert [axis.get_title() for axis in chosen.axes[1:3]] == ["dog  0.20", "person  0.90"]
    predicted = draw_attention_panel(
        photo, maps, SCORES, NAMES, tmp_path / "a.png", topk=None, thr=0.75
    )
    assert [axis.get_title() for axis in predicted.axes[1:3]] == ["person  0.90", "_under  0.80"]
    nothing = draw_attention_panel(
        photo, maps, SCORES, NAMES, tmp_path / "a.png", topk=None, thr=0.95
    )
    assert [axis.get_title() for axis in nothing.axes] == ["input: no class predicted"]


def test_absolute_scale(photo: Path, tmp_path: Path) -> None:
    maps = torch.full((1, 2, 2), 0.25)
    figure = draw_attention_panel(
        photo, maps, torch.ones(1), ["a"], tmp_path / "a.png", stretch=False
    )
    np.testing.assert_allclose(figure.axes[1].images[1].get_array(), 0.25)
    assert "value of the map" in texts_of(figure)
    with pytest.raises(ValueError, match=r"stretch=False needs maps in \[0, 1\], .* up to 3"):
        draw_attention_panel(
            photo, 12 * maps, torch.ones(1), ["a"], tmp_path / "a.png", stretch=False
        )


@pytest.mark.parametrize(("width", "height"), [(30, 90), (90, 60), (400, 40)])
def test_every_shape_is_laid_out_whole(width: int, height: int, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((height, width, 3), 128, np.uint8))
    figure = draw_attention_panel(
        tmp_path / "a.jpg", np.random.rand(5, 7, 7), SCORES, NAMES, tmp_path / "a.png", 5,
        targets=TARGETS,
    )  # fmt: skip
    assert_nothing_is_cut_off(tmp_path / "a.png")
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    titles = [axis.title.get_window_extent(renderer) for axis in figure.axes[:6]]
    for number, one in enumerate(titles):
        assert not any(one.overlaps(other) for other in titles[number + 1 :])


def test_clear_errors(photo: Path) -> None:
    with pytest.raises(ValueError, match="topk=0 must be at least 1"):
        draw_attention_panel(photo, torch.ones(1, 2, 2), torch.ones(1), ["a"], "a.png", 0)
    with pytest.raises(ValueError, match="are of 1, 1 and 2 classes"):
        draw_attention_panel(photo, torch.ones(1, 2, 2), torch.ones(1), ["a", "b"], "a.png")
