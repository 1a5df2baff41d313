from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mmsrdl.visualization import canvas
from mmsrdl.visualization.canvas import (
    as_array,
    fit_text,
    new_figure,
    open_picture,
    save_figure,
)


@pytest.mark.parametrize(
    ("text", "lines", "fitted"),
    [
        ("dog", 1, "dog"),
        ("traffic light", 1, "traffic…"),
        ("traffic light", 2, "traffic\nlight"),
        ("unpronounceable", 1, "unpronoun…"),
        ("one two three four five six", 2, "one two\nthree fou…"),
        ("", 1, ""),
        ("a\x07b", 1, "a\ufffdb"),
    ],
)
def test_fit_text(text: str, lines: int, fitted: str) -> None:
    assert fit_text(text, 10, lines) == fitted


def test_text_is_shown_as_it_is(tmp_path: Path) -> None:
    """Dollars are no formula, not even a broken one."""
    figure = new_figure(3, 1)
    figure.text(0.1, 0.5, r"$\unknown{5}$")
    save_figure(figure, tmp_path / "new" / "a.png")
    assert (cv2.imread(str(tmp_path / "new" / "a.png")) < 100).sum() > 300


def test_names_that_are_no_text_are_drawn(tmp_path: Path) -> None:
    figure = new_figure(2, 1)
    figure.text(0, 0, fit_text("a\ud800b", 9))
    save_figure(figure, tmp_path / "a.png")
    assert fit_text("a\ud800b\udcff", 9) == "a\ufffdb\ufffd"


def test_letters_that_no_font_has_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas, "FURTHER_FONTS", ("Noto Sans CJK SC of nowhere",))
    figure = new_figure(3, 1)
    figure.text(0.1, 0.5, "日本")
    with pytest.warns(UserWarning, match="no font of this machine has '日本'") as told:
        save_figure(figure, tmp_path / "a.png")
    assert len(told) == 1


def test_unknown_ending(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a.exe' must end with one of .*png"):
        save_figure(new_figure(1, 1), tmp_path / "a.exe")


def test_pictures_are_turned_as_the_camera_was(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    picture = open_picture(tmp_path / "a.jpg")
    assert (picture.size, picture.mode) == ((20, 30), "RGB")


def test_pictures_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"a.jpg' cannot be read: .*leave it out"):
        open_picture(tmp_path / "a.jpg")
    with pytest.raises(FileNotFoundError, match=r"b.jpg' does not exist"):
        open_picture(tmp_path / "b.jpg")


def test_arrays_of_everything() -> None:
    for values in ([1, 2], np.array([1, 2]), torch.tensor([1, 2]), torch.tensor([1.0, 2]).half()):
        np.testing.assert_array_equal(as_array(values), [1, 2])
