"""What properties are tried on."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor

SCORES = st.one_of(
    st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]),  # of which many are equal
    st.floats(0, 1, width=32),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
"""Any text that UTF-8 can hold."""

NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=8),
    st.sampled_from(["a", "A", "b", "traffic light", "Hüte", "犬", "0", "-1", "None", "nan", "🦄"]),
)
"""Names of classes as people write them: any script, no control characters."""


def names(min_size: int = 1, max_size: int = 5) -> st.SearchStrategy[list[str]]:
    """Names that differ."""
    return st.lists(NAMES, min_size=min_size, max_size=max_size, unique=True)


@st.composite
def scored(
    draw: st.DrawFn,
    max_images: int = 12,
    max_classes: int = 5,
    values: st.SearchStrategy[float] = SCORES,
    unknown: bool = True,
    dtype: Any = np.float32,
) -> tuple[Tensor, Tensor]:
    """Scores and targets [N, C] of at least one image and class."""
    shape = draw(st.tuples(st.integers(1, max_images), st.integers(1, max_classes)))
    scores = draw(hnp.arrays(dtype, shape, elements=values))
    targets = draw(hnp.arrays(np.int8, shape, elements=st.integers(-1 if unknown else 0, 1)))
    return torch.from_numpy(scores), torch.from_numpy(targets)


@st.composite
def maps(draw: st.DrawFn, max_side: int = 6, planes: int = 2) -> Tensor:
    """Spatial attention [P, H, W] in [0, 1], where equal entries are as frequent as others."""
    side = st.integers(1, max_side)
    shape = (planes, draw(side), draw(side))
    values = st.one_of(st.integers(0, 4).map(lambda n: n / 4), st.floats(0, 1, width=32))
    return torch.from_numpy(draw(hnp.arrays(np.float32, shape, elements=values)))


@st.composite
def labelled(
    draw: st.DrawFn, max_images: int = 6, max_classes: int = 5
) -> tuple[np.ndarray, list[str], list[str]]:
    """Labels [N, C] of 1, 0 and -1, N images and C classes."""
    images = draw(st.lists(NAMES, min_size=1, max_size=max_images, unique=True))
    classes = draw(names(max_size=max_classes))
    shape = (len(images), len(classes))
    return draw(hnp.arrays(np.int8, shape, elements=st.integers(-1, 1))), images, classes


def error_of(call: Callable[[], Any], *kinds: type[BaseException]) -> BaseException | None:
    """What a call raises of these kinds, or None; others pass."""
    try:
        call()
    except kinds as error:
        return error
    return None


def permutation(draw: st.DrawFn, number: int) -> list[int]:
    """A random order of 0 to ``number`` - 1."""
    return draw(st.permutations(range(number)))
