import numpy as np
import pytest

from mmsrdl.arguments import check_integer, check_number, check_sizes


@pytest.mark.parametrize("value", [1, 7, np.int64(3)])
def test_integers(value: int) -> None:
    check_integer("n", value, low=1, example=3)


@pytest.mark.parametrize("value", [True, 1.0, float("nan"), "3", None, [3]])
def test_no_integer(value: object) -> None:
    with pytest.raises(TypeError, match="must be an integer of at least 1, such as 3") as info:
        check_integer("n", value, low=1, example=3)
    assert str(info.value).startswith(f"n={value!r} ")


def test_integer_too_small() -> None:
    with pytest.raises(ValueError, match="n=0 must be at least 1, such as 3"):
        check_integer("n", 0, low=1, example=3)


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.25)])
def test_numbers(value: float) -> None:
    check_number("x", value, low=0, high=1)


@pytest.mark.parametrize("value", [True, "0.5", None, [0.5], 1j])
def test_no_number(value: object) -> None:
    with pytest.raises(TypeError, match=r"must be a number in \[0, 1\], such as 0.5") as info:
        check_number("x", value, low=0, high=1)
    assert str(info.value).startswith(f"x={value!r} ")


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_number_out_of_range(value: float) -> None:
    with pytest.raises(ValueError, match=rf"x={value} must be a number in \[0, 1\]"):
        check_number("x", value, low=0, high=1)


@pytest.mark.parametrize("value", [-1, float("nan"), float("-inf")])
def test_number_without_an_upper_end(value: float) -> None:
    with pytest.raises(ValueError, match=f"x={value} must be a finite number of at least 0"):
        check_number("x", value, low=0)


@pytest.mark.parametrize("values", [(4, 1), [3], ()])
def test_sizes(values: object) -> None:
    check_sizes("dims", values, example=(1024, 1))


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (1024, TypeError, r"dims=1024 must hold one size a layer, such as \(1024, 1\)"),
        ("4", TypeError, "dims='4' must hold one size a layer"),
        ((4, 1.5), TypeError, "an entry of dims=1.5 must be an integer of at least 1"),
        ((4, 0), ValueError, "an entry of dims=0 must be at least 1, such as 1024"),
    ],
)
def test_no_sizes(values: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_sizes("dims", values, example=(1024, 1))
