from typing import Any

import pytest

from mmsrdl.visualization import choose_classes

SCORES = [0.2, 0.9, 0.6, 0.9]


@pytest.mark.parametrize(
    ("options", "indices"),
    [
        ({}, [1, 3, 2]),
        ({"topk": 1}, [1]),  # of equal ones the first
        ({"topk": 9}, [1, 3, 2, 0]),
        ({"topk": None}, [1, 3, 2]),
        ({"topk": None, "thr": 0.95}, []),
        ({"topk": None, "thr": [0.1, 0.95, 0.5, 0.5]}, [3, 2, 0]),
        ({"chosen": ["d", "a", "d"]}, [3, 0]),
    ],
)
def test_choice(options: dict[str, Any], indices: list[int]) -> None:
    assert choose_classes(SCORES, list("abcd"), **options) == indices


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match=r"chosen holds 'x', unknown to the model; .* a, b, c, d"):
        choose_classes(SCORES, list("abcd"), chosen=["a", "x"])
    with pytest.raises(ValueError, match="topk=0 must be at least 1"):
        choose_classes(SCORES, list("abcd"), topk=0)
    with pytest.raises(TypeError, match=r"topk=1.5 must be an integer"):
        choose_classes(SCORES, list("abcd"), topk=1.5)  # type: ignore[arg-type]
