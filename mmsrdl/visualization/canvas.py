"""What the pictures share: figures without pyplot's global state, colours, text, image files."""

import os
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from torch import Tensor

from mmsrdl.datasets.rgb_image import to_rgb
from mmsrdl.evaluation.functional.arrays import to_array

__all__ = [
    "BLUE", "COLOURS", "GREY", "VERMILLION", "add_legend", "as_array", "fit_text", "new_figure",
    "open_picture", "printable", "save_figure",
]  # fmt: skip

BLUE, VERMILLION, GREY = "#0072B2", "#D55E00", "#6E6E6E"
COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", "#56B4E9", VERMILLION, "#8C564B")
"""Okabe and Ito's colours, which colour-blind people tell apart too, without their yellow."""

FURTHER_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Microsoft YaHei",
                 "PingFang SC", "Arial Unicode MS")  # fmt: skip
"""Asked, where they are installed, for what Matplotlib's own font has not."""


# Lone surrogates too, of names in JSON and of file names that are no UTF-8.
CONTROLS = dict.fromkeys(
    (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000)), "\ufffd"
)


def new_figure(width: float, height: float) -> Figure:
    """Makes an empty figure that lays out what it holds.

    Args:
        width: In inches.
        height: In inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, out_file: str | os.PathLike[str], dpi: int = 120) -> None:
    """Writes a figure; names of classes that hold ``$`` or Chinese are shown as they are.

    Args:
        figure: Of :func:`new_figure`.
        out_file: PNG file, or another format that Matplotlib knows by its ending; its folder is
            made.
        dpi: Pixels an inch.

    Raises:
        ValueError: If the ending is unknown.
    """
    ending = os.path.splitext(out_file)[1].lower().lstrip(".")
    known = figure.canvas.get_supported_filetypes()
    if ending not in known:
        raise ValueError(
            f"out_file='{out_file}' must end with one of {', '.join(sorted(known))}, such as .png"
        )
    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in FURTHER_FONTS if font in installed)]
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_fontfamily(fonts)
    os.makedirs(os.path.dirname(os.path.abspath(out_file)), exist_ok=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(out_file, dpi=dpi, bbox_inches="tight", pad_inches=0.1)
    glyphs = [str(warning.message) for warning in caught if "Glyph" in str(warning.message)]
    if glyphs:
        letters = "".join(dict.fromkeys(chr(int(text.split()[1])) for text in glyphs))
        warnings.warn(
            f"no font of this machine has {letters!r}, which '{out_file}' shows as boxes; install "
            f"one such as {FURTHER_FONTS[0]}",
            stacklevel=2,
        )
    for warning in caught:
        if "Glyph" not in str(warning.message):
            warnings.warn(warning.message, stacklevel=2)


def add_legend(
    figure: Figure,
    handles: Sequence[Any],
    labels: Sequence[str],
    loc: Any,
    title: str | None = None,
) -> None:
    """Puts a legend beside the axes, with labels as they are."""
    numbers = [str(number) for number in range(len(labels))]
    legend = figure.legend(handles, numbers, loc=loc, title=title, frameon=False)
    # Matplotlib would leave out labels that begin with "_".
    for text, label in zip(legend.get_texts(), labels, strict=True):
        text.set_text(label)


def printable(text: str) -> str:
    """Puts the replacement character for controls and surrogates, which fonts and HTML lack."""
    return text.translate(CONTROLS)


def fit_text(text: str, width: int, lines: int = 1) -> str:
    """Wraps a text, and ends it with an ellipsis where it is too long.

    Args:
        text: Of any length.
        width: Characters a line.
        lines: How many lines at most.
    """
    wrapped = textwrap.wrap(printable(text), width) or [""]
    if len(wrapped) > lines:
        wrapped = wrapped[:lines]
        wrapped[-1] = wrapped[-1][: width - 1].rstrip() + "…"
    return "\n".join(wrapped)


def open_picture(image: str | os.PathLike[str]) -> Image.Image:
    """Reads an image in RGB as MMCV does: turned as the camera was held.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not decode.
    """
    try:
        with Image.open(image) as file:
            return to_rgb(file)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"image='{image}' does not exist") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"image='{image}' cannot be read: {error}. If it is damaged or no image, leave it out"
        ) from error


def as_array(values: Any) -> np.ndarray:
    """Returns a tensor, array or sequence as an array on the CPU."""
    return to_array(values) if isinstance(values, Tensor) else np.asarray(values)
