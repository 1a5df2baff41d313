"""Checks of numbers that a config gives."""

import math
from numbers import Integral, Real

__all__ = ["check_integer", "check_number", "check_sizes"]


def check_integer(name: str, value: object, low: int, example: int) -> None:
    """Refuses what is no integer of at least ``low``.

    Args:
        name: Name of the argument.
        value: What was given.
        low: Smallest value.
        example: A value that would do, for the message.

    Raises:
        TypeError: If it is no integer; True and False are none.
        ValueError: If it is too small.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name}={value!r} must be an integer of at least {low}, such as {example}")
    if value < low:
        raise ValueError(f"{name}={value!r} must be at least {low}, such as {example}")


def check_number(
    name: str, value: object, low: float, high: float = math.inf, example: float = 0.5
) -> None:
    """Refuses what is no finite number in [``low``, ``high``].

    Args:
        name: Name of the argument.
        value: What was given.
        low: Smallest value.
        high: Largest value.
        example: A value that would do, for the message.

    Raises:
        TypeError: If it is no real number; True and False are none.
        ValueError: If it is out of range, infinite or NaN.
    """
    bounds = "a finite number" + (f" of at least {low}" if low > -math.inf else "")
    if high < math.inf:
        bounds = f"a number in [{low}, {high}]"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name}={value!r} must be {bounds}, such as {example}")
    if not (math.isfinite(value) and low <= float(value) <= high):
        raise ValueError(f"{name}={value!r} must be {bounds}, such as {example}")


def check_sizes(name: str, values: object, example: tuple[int, ...]) -> None:
    """Refuses what is no list or tuple of integers of at least 1.

    Args:
        name: Name of the argument.
        values: What was given.
        example: Values that would do, for the message.

    Raises:
        TypeError: If it is no list or tuple, or an entry no integer.
        ValueError: If an entry is below 1.
    """
    if not isinstance(values, list | tuple):
        raise TypeError(f"{name}={values!r} must hold one size a layer, such as {example}")
    for value in values:
        check_integer(f"an entry of {name}", value, low=1, example=example[0])
