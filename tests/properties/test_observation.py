"""Which labels are known depends on the seed and on names alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mmsrdl.datasets.observation import Observation, observe
from mmsrdl.datasets.observation.observation import draws_of, source_of
from tests.properties.strategies import TEXT, labelled, permutation

SEEDS = st.integers(0, 2**40)
SHARES = st.one_of(st.sampled_from([0.1, 0.5, 1.0]), st.floats(0, 1, exclude_min=True))
Labelled = tuple[np.ndarray, list[str], list[str]]


@st.composite
def settings_of(draw: st.DrawFn) -> dict[str, Any]:
    """What can be asked for."""
    keep = draw(st.sampled_from(["entries", "positives", "one_positive"]))
    asked = dict(keep=keep, seed=draw(SEEDS))
    if keep == "entries":
        asked["p"] = draw(SHARES)
    if keep == "positives":
        asked["n"] = draw(st.integers(1, 4))
    return asked


@given(data=labelled(), low=SHARES, high=SHARES, seed=SEEDS)
def test_what_is_known_at_a_lower_share_is_known_at_a_higher(
    data: Labelled, low: float, high: float, seed: int
) -> None:
    low, high = min(low, high), max(low, high)
    few, many = (observe(*data, keep="entries", seed=seed, p=p).known for p in (low, high))
    assert (few <= many).all()
    everything = observe(*data, keep="entries", seed=seed, p=1.0).known
    assert np.array_equal(everything, data[0] != -1)


@given(data=labelled(), number=st.integers(1, 5), seed=SEEDS)
def test_positives_are_nested_and_as_many_as_asked_for(
    data: Labelled, number: int, seed: int
) -> None:
    labels = data[0]
    some, more = (
        observe(*data, keep="positives", seed=seed, n=n).known for n in (number, number + 1)
    )
    assert (some <= more).all()
    assert (some <= (labels == 1)).all()
    assert np.array_equal(some.sum(1), np.minimum((labels == 1).sum(1), number))
    one = observe(*data, keep="one_positive", seed=seed).known
    assert np.array_equal(one, observe(*data, keep="positives", seed=seed, n=1).known)


@given(data=labelled(), asked=settings_of(), order=st.data())
def test_order_does_not_matter(data: Labelled, asked: dict[str, Any], order: st.DataObject) -> None:
    labels, images, classes = data
    rows, columns = (permutation(order.draw, len(names)) for names in (images, classes))
    moved = (labels[rows][:, columns], [images[i] for i in rows], [classes[i] for i in columns])
    before, after = observe(*data, **asked), observe(*moved, **asked)
    assert np.array_equal(after.known, before.known[rows][:, columns])
    assert after.source == before.source
    aligned = before.aligned(*moved)
    assert np.array_equal(aligned.known, after.known)
    assert (aligned.images, aligned.classes) == (after.images, after.classes)


@given(data=labelled(), asked=settings_of(), order=st.data())
def test_other_images_do_not_matter(
    data: Labelled, asked: dict[str, Any], order: st.DataObject
) -> None:
    labels, images, classes = data
    kept = order.draw(st.lists(st.sampled_from(range(len(images))), min_size=1, unique=True))
    alone = observe(labels[kept], [images[i] for i in kept], classes, **asked)
    assert np.array_equal(alone.known, observe(*data, **asked).known[kept])


@given(data=labelled(), asked=settings_of())
def test_what_was_unknown_stays_so(data: Labelled, asked: dict[str, Any]) -> None:
    labels = data[0]
    made = observe(*data, **asked)
    assert not made.known[labels == -1].any()
    counted = made.statistics(labels)
    assert counted.known_positives.sum() + counted.known_negatives.sum() == made.known.sum()
    assert 0 <= counted.known_share <= 1


@given(data=labelled(), asked=settings_of(), order=st.data())
def test_a_changed_label_is_found(
    data: Labelled, asked: dict[str, Any], order: st.DataObject
) -> None:
    labels, images, classes = data
    made = observe(*data, **asked)
    row = order.draw(st.integers(0, len(images) - 1))
    column = order.draw(st.integers(0, len(classes) - 1))
    changed = labels.copy()
    changed[row, column] = order.draw(st.sampled_from([-1, 0, 1]))
    assume(changed[row, column] != labels[row, column])
    with pytest.raises(ValueError, match="other labels of the same images and classes"):
        made.aligned(changed, images, classes)


@given(
    names=st.lists(TEXT, min_size=2, max_size=7, unique=True),
    data=st.data(),
    asked=settings_of(),
)
def test_files_come_back(
    names: list[str], data: st.DataObject, asked: dict[str, Any], tmp_path_factory
) -> None:
    number = data.draw(st.integers(1, len(names) - 1))
    images, classes = names[:number], names[number:]
    assume(all(name.strip() for name in classes))
    cells = st.lists(st.integers(-1, 1), min_size=len(classes), max_size=len(classes))
    labels = np.array([data.draw(cells) for _ in images])
    made = observe(labels, images, classes, **asked)
    file = Path(tmp_path_factory.getbasetemp()) / "observation.npz"
    if any(name.endswith("\0") for name in names):
        with pytest.raises(ValueError, match="ends with NUL, which no array keeps"):
            made.save(file)
        return
    made.save(file)
    read = Observation.load(file)
    assert np.array_equal(read.known, made.known)
    for key in ("images", "classes", "settings", "source"):
        assert getattr(read, key) == getattr(made, key)


@given(image=TEXT, seed=SEEDS, number=st.integers(1, 50), more=st.integers(1, 50))
def test_draws_are_numbers_from_0_to_1_that_more_classes_do_not_change(
    image: str, seed: int, number: int, more: int
) -> None:
    draws = draws_of(image, number + more, seed)
    assert ((draws >= 0) & (draws < 1)).all()
    assert np.array_equal(draws[:number], draws_of(image, number, seed))


@given(data=labelled(), order=st.data())
def test_the_source_tells_labels_apart(data: Labelled, order: st.DataObject) -> None:
    labels, images, classes = data
    other = order.draw(st.permutations(classes))
    same_labels = np.array_equal(labels[:, [classes.index(name) for name in other]], labels)
    assert (source_of(labels, images, other) == source_of(*data)) == same_labels
