"""Parts of a data set hold every image once, whatever its labels and groups."""

import warnings
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmsrdl.datasets.formats import Annotations, ImageRecord, read_annotations, write_annotations
from mmsrdl.datasets.split_file import split_file
from mmsrdl.datasets.stratified_split import part_sizes, stratified_split
from tests.properties.strategies import NAMES, names

WEIGHTS = st.lists(st.integers(1, 20), min_size=2, max_size=4)


def shares_of(weights: list[int]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


@st.composite
def positives(draw: st.DrawFn, max_images: int = 30, max_classes: int = 5) -> np.ndarray:
    """Labels bool [N, C]."""
    shape = draw(st.tuples(st.integers(1, max_images), st.integers(1, max_classes)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random.random(shape) < draw(st.sampled_from([0.05, 0.3, 0.9]))


@given(number=st.integers(0, 10**6), weights=WEIGHTS)
def test_sizes_are_next_to_the_shares(number: int, weights: list[int]) -> None:
    sizes = part_sizes(number, weights)
    assert sum(sizes) == number
    for size, share in zip(sizes, shares_of(weights), strict=True):
        assert abs(size - share * number) < 1 + 1e-6


@given(labels=positives(), weights=WEIGHTS, seed=st.integers(0, 2**32))
def test_every_image_is_in_one_part(labels: np.ndarray, weights: list[int], seed: int) -> None:
    shares = shares_of(weights)
    part = stratified_split(labels, shares, seed=seed)
    counts = np.bincount(part, minlength=len(shares))
    assert counts.tolist() == part_sizes(len(labels), shares)
    assert np.array_equal(stratified_split(labels, shares, seed=seed), part)


@given(labels=positives(), weights=WEIGHTS, data=st.data())
def test_groups_stay_together(labels: np.ndarray, weights: list[int], data: st.DataObject) -> None:
    number = st.integers(0, 6)
    groups = [data.draw(number) for _ in labels]
    part = stratified_split(labels, shares_of(weights), groups)
    assert all(len({part[i] for i, g in enumerate(groups) if g == each}) == 1 for each in groups)


@st.composite
def files(draw: st.DrawFn) -> Annotations:
    """Images that differ, with labels of their own."""
    classes = draw(names(max_size=3).map(lambda n: [each.replace(";", ",") for each in n]))
    paths = draw(st.lists(NAMES, min_size=4, max_size=12, unique_by=str.strip))
    labels = [tuple(name for name in classes if draw(st.booleans())) for _ in paths]
    records = [
        ImageRecord(f"{path}.jpg", row, size=(2, 3))
        for path, row in zip(paths, labels, strict=True)
    ]
    return Annotations(records, tuple(dict.fromkeys(classes)), "a.csv")


def path_of(record: ImageRecord) -> str:
    return record.path


@given(
    made=files(),
    format=st.sampled_from(["csv", "jsonl", "openmmlab", "coco"]),
    seed=st.integers(0, 99),
    bound=st.booleans(),
)
def test_the_parts_of_a_file_are_the_file(
    made: Annotations, format: str, seed: int, bound: bool, tmp_path_factory
) -> None:
    if format == "openmmlab" and len(made.classes or ()) == 2:
        return  # a part whose images all show both classes is refused
    group_by = "^." if bound and len({record.path[0] for record in made.records}) > 2 else None
    folder = Path(tmp_path_factory.getbasetemp())
    source = folder / {"csv": "a.csv", "jsonl": "a.jsonl"}.get(format, "a.json")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is lost
        write_annotations(made, source, format, overwrite=True)
    split = split_file(
        str(source),
        {"train": 0.5, "val": 0.25, "test": 0.25},
        str(folder / "parts"),
        seed=seed,
        by_content=False,
        group_by=group_by,
        overwrite=True,
    )
    texts = {name: Path(path).read_text(encoding="utf-8") for name, path in split.files.items()}
    # A part that large groups left empty is an empty file of JSON lines, which is none to read.
    found = {
        name: read_annotations(path).records if texts[name].strip() else []
        for name, path in split.files.items()
    }
    everything = [record for records in found.values() for record in records]
    whole = read_annotations(source).records
    assert sorted(everything, key=path_of) == sorted(whole, key=path_of)
    assert [len(records) for records in found.values()] == split.sizes()
    if group_by:
        first = [{record.path[0] for record in records} for records in found.values()]
        assert len(set().union(*first)) == sum(map(len, first))
