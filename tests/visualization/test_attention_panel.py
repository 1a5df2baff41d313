from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmsrdl.visualization import draw_attention_panel


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "grey.jpg"), np.full((60, 90, 3), 128, np.uint8))
    return tmp_path / "grey.jpg"


def test_panel_shows_the_best_classes(photo: Path, tmp_path: Path) -> None:
    spatial = torch.zeros(4, 3, 3)
    spatial[2, 0, 0] = 1  # peak in the upper left corner
    scores = torch.tensor([0.1, 0.3, 0.9, 0.2])
    out = tmp_path / "new" / "panel.png"
    draw_attention_panel(photo, spatial, scores, list("abcd"), out, topk=2)
    panel = cv2.imread(str(out)).astype(int)
    height, width = panel.shape[:2]
    assert width > 3 * height * 1.2  # three pictures of 3 : 2
    redness = panel[..., 2] - panel[..., 0]
    best = redness[:, width // 3 : 2 * width // 3]
    assert best[: height // 2, : width // 6].max() > 80
    assert best[2 * height // 3 :, width // 6 :].max() <= 0


def test_flat_map(photo: Path, tmp_path: Path) -> None:
    draw_attention_panel(photo, torch.ones(1, 2, 2), torch.ones(1), ["a"], tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_clear_errors(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="topk=0 must be at least 1"):
        draw_attention_panel(photo, torch.ones(1, 2, 2), torch.ones(1), ["a"], "a.png", 0)
    with pytest.raises(ValueError, match="are of 1, 1 and 2 classes"):
        draw_attention_panel(photo, torch.ones(1, 2, 2), torch.ones(1), ["a", "b"], "a.png")
