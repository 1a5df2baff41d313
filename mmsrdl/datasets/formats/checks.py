"""What several annotation formats check."""

import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mmsrdl.datasets.class_names import check_class_names

__all__ = [
    "Problem",
    "check_bbox",
    "check_distinct",
    "check_listed_classes",
    "check_path",
    "check_size",
    "collected",
]

LARGEST = 1e9
"""More pixels than any image is wide."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one entry of an annotation file.

    Attributes:
        line: Its line, from 1; 0 where the format has no lines, or for the whole file.
        message: What is wrong, and the mend.
    """

    line: int
    message: str


@contextmanager
def collected(problems: list[Problem] | None, line: int = 0) -> Iterator[None]:
    """Notes the error of one entry, where there is a list for it, and raises it otherwise.

    Args:
        problems: The list.
        line: Line of the entry.
    """
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        if problems is None:
            raise
        problems.append(Problem(line, str(error)))


def check_bbox(value: Any, where: str) -> tuple[float, float, float, float]:
    """Returns a box as x, y, width and height in pixels.

    Args:
        value: What the file holds.
        where: What it is of, for the message.

    Raises:
        ValueError: If it is no list of four finite numbers, or width or height is negative.
    """
    numbers = list(value) if isinstance(value, (list, tuple)) else []
    if len(numbers) != 4 or not all(map(_is_pixel, numbers)) or min(numbers[2:]) < 0:
        raise ValueError(
            f"the box of {where} must be [x, y, width, height] in pixels, four finite numbers of "
            f"which the last two are not negative, got {str(value)[:80]}; mend the file"
        )
    x, y, width, height = map(float, numbers)
    return x, y, width, height


def check_path(value: Any, where: str) -> str:
    """Returns the path of an image.

    Raises:
        ValueError: If it is none.
    """
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(f"{where} must be the name of an image, got {reprlib.repr(value)}")
    return value


def check_distinct(
    names: Sequence[str],
    path: str,
    what: str = "lines",
    places: Iterable[int] | None = None,
    problems: list[Problem] | None = None,
) -> None:
    """Refuses images that stand in a file twice, which would count twice, or notes each.

    Args:
        names: Names of the images.
        path: The file.
        what: What the places are, for the message, such as ``"entries of 'images'"``.
        places: Where each name stands. Defaults to 0, 1, and so on.
        problems: Takes what is wrong.

    Raises:
        ValueError: If there is one; the message names both places.
    """
    first: dict[str, int] = {}
    for name, place in zip(names, range(len(names)) if places is None else places, strict=True):
        earlier = first.setdefault(name, place)
        if earlier != place:
            with collected(problems, place if what == "lines" else 0):
                raise ValueError(
                    f"{what} {earlier} and {place} of '{path}' are both of image "
                    f"{reprlib.repr(name)}; leave one with the labels of both (RepeatDataset and "
                    "ClassBalancedDataset show images several times)"
                )


def check_size(width: Any, height: Any, where: str) -> tuple[int, int] | None:
    """Returns the size of an image, or None where the file has none.

    Raises:
        ValueError: If only one is given, or one is no positive integer.
    """
    if width is None and height is None:
        return None
    for number in (width, height):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(
                f"width and height of {where} must be positive integers, got {width!r} and "
                f"{height!r}; mend the file, or leave both out"
            )
    return width, height


def check_listed_classes(names: Any, path: str) -> tuple[str, ...]:
    """Returns the class names that a file lists.

    Raises:
        ValueError: If there are none, one stands twice, or one is no string.
    """
    try:
        return check_class_names(names)
    except ValueError as error:
        raise ValueError(f"the classes that '{path}' lists do not do: {error}") from error


def _is_pixel(value: Any) -> bool:
    # The comparison is False for NaN as well.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
