from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmsrdl.evaluation import reliability
from mmsrdl.visualization import draw_reliability


def blue(picture: np.ndarray) -> int:
    """Number of pixels of the bars' colour."""
    b, g, r = (picture[..., i].astype(int) for i in range(3))
    return int(((abs(b - 180) < 8) & (abs(g - 119) < 8) & (abs(r - 31) < 8)).sum())


def test_bars_are_the_shares_of_positives(tmp_path: Path) -> None:
    scores = torch.tensor([[0.1], [0.9], [0.9], [0.9]])
    out = tmp_path / "new" / "reliability.png"
    pictures = []
    for targets in ([0, 1, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]):
        draw_reliability({"all": reliability(scores, torch.tensor(targets)[:, None], 5)}, out)
        pictures.append(blue(cv2.imread(str(out))))
    assert pictures[0] == pytest.approx(3 * pictures[1], rel=0.1)
    assert pictures[0] > 1000
    assert pictures[2] < 100


def test_diagrams_stand_side_by_side(tmp_path: Path) -> None:
    one = reliability(torch.rand(50, 2), torch.randint(0, 2, (50, 2)))
    for number in (1, 2):
        draw_reliability({str(i): one for i in range(number)}, tmp_path / f"{number}.png", "title")
    alone, both = (cv2.imread(str(tmp_path / f"{number}.png")) for number in (1, 2))
    assert both.shape[1] == 2 * alone.shape[1]
    assert both.shape[0] == alone.shape[0]


def test_no_entry_at_all(tmp_path: Path) -> None:
    draw_reliability({"none": reliability(torch.rand(3, 1), -torch.ones(3, 1))}, tmp_path / "a.png")
    assert blue(cv2.imread(str(tmp_path / "a.png"))) < 100


def test_no_diagram(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="diagrams must hold at least one"):
        draw_reliability({}, tmp_path / "a.png")
