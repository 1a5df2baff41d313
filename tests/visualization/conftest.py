"""Photographs of several shapes, and what a figure shows."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

NAMES = ["person", "_under", "$5 bill", "dog", "a class with a name that is far too long to fit"]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A grey photograph, 90 x 60."""
    cv2.imwrite(str(tmp_path / "grey.jpg"), np.full((60, 90, 3), 128, np.uint8))
    return tmp_path / "grey.jpg"


def texts_of(figure: Figure) -> list[str]:
    """All visible texts of a figure."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_visible()]


def assert_nothing_is_cut_off(out_file: Path) -> None:
    """Asserts that the border of a picture is blank."""
    picture = cv2.imread(str(out_file))
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == 255).all()
