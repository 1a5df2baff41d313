"""Annotation files: what is written comes back, and no bytes give another than a clear error."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsrdl.datasets.formats import (
    Annotations,
    Box,
    ImageRecord,
    Problem,
    open_annotations,
    parse_annotations,
    read_annotations,
    write_annotations,
)
from tests.properties.strategies import NAMES, TEXT, error_of, names

CLEAR = (ValueError, FileNotFoundError)
FILES = {
    "csv": "a.csv",
    "jsonl": "a.jsonl",
    "openmmlab": "a.json",
    "coco": "a.json",
    "voc": "VOC/ImageSets/Main/a.txt",
}
PIXELS = st.integers(0, 5000).map(float)


@st.composite
def annotations(draw: st.DrawFn, names_of: st.SearchStrategy[str] = TEXT) -> Annotations:
    """Images with labels, unknown ones, boxes and sizes of at least one class."""
    classes = draw(st.lists(names_of, min_size=1, max_size=4, unique=True))
    paths = draw(st.lists(st.one_of(names_of, names_of.map("{}.jpg".format)), max_size=4))
    return Annotations([_record(draw, path, classes) for path in paths], tuple(classes), "a.csv")


def _record(draw: st.DrawFn, path: str, classes: list[str]) -> ImageRecord:
    state = [draw(st.sampled_from("plu")) for _ in classes]  # positive, left out, unknown
    labels, unknown = (
        tuple(name for name, s in zip(classes, state, strict=True) if s == kind) for kind in "pu"
    )
    boxes = []
    for _ in range(draw(st.integers(0, 2)) if labels or unknown else 0):
        name = draw(st.sampled_from([*labels, *unknown]))
        bbox = tuple(draw(PIXELS) for _ in range(4))
        boxes.append(Box(name, bbox, draw(st.booleans())))
    size = draw(st.tuples(st.integers(1, 9999), st.integers(1, 9999)))
    return ImageRecord(path, labels, unknown, tuple(boxes), size)


def written(made: Annotations, format: str, folder: Path) -> str | None:
    """The file, or None where the format cannot hold a name and says so."""
    path = str(folder / FILES[format])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is lost
        error = error_of(lambda: write_annotations(made, path, format, overwrite=True), ValueError)
    assert error is None or "cannot hold" in str(error), str(error)
    return path if error is None else None


def kept_by(record: ImageRecord, format: str) -> dict[str, Any]:
    """What a format holds of an image, apart from order."""
    kept: dict[str, Any] = dict(path=record.path, labels=set(record.labels))
    if format != "coco":
        kept["unknown"] = set(record.unknown)
    if format in ("jsonl", "coco", "voc"):
        kept["size"] = record.size
    if format == "jsonl":
        kept["boxes"] = list(record.boxes)
    if format == "coco":  # boxes of labels alone
        kept["boxes"] = [box for box in record.boxes if box.name in record.labels]
    return kept


@pytest.mark.parametrize("format", FILES)
@given(made=annotations())
def test_what_is_written_comes_back(format: str, made: Annotations, tmp_path_factory) -> None:
    path = written(made, format, tmp_path_factory.getbasetemp())
    if path is None or (format == "jsonl" and not made.records):
        return
    read = read_annotations(path, format)
    if format == "voc":  # an object that is not difficult makes its class a label
        made = replace(made, records=[replace(r, boxes=()) for r in made.records])
        read = replace(read, records=[replace(r, boxes=()) for r in read.records])
    assert [kept_by(r, format) for r in read.records] == [kept_by(r, format) for r in made.records]
    if format in ("openmmlab", "coco"):
        assert read.classes == made.classes


@pytest.mark.parametrize("format", FILES)
@given(made=annotations(names_of=NAMES.map(lambda name: name.replace(";", ","))))
def test_usual_names_are_held(format: str, made: Annotations, tmp_path_factory) -> None:
    unique = {str(i): replace(r, path=f"{i}.jpg") for i, r in enumerate(made.records)}
    made = replace(made, records=list(unique.values()))
    if format == "openmmlab" and len(made.classes or ()) == 2:
        return  # lists of both classes alone are refused
    assert written(made, format, tmp_path_factory.getbasetemp()) is not None


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.integers(),
        st.floats(),
        st.text(max_size=3),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
"""Anything that Python's json reads: NaN, infinite and huge numbers, lone surrogates."""

SOUND: dict[str, Any] = {
    "openmmlab": {
        "metainfo": {"classes": ["cat", "dog"]},
        "data_list": [
            {"img_path": "1.jpg", "gt_label": [0], "gt_label_difficult": [1]},
            {"img_path": "2.jpg", "gt_label": []},
        ],
    },
    "coco": {
        "images": [{"id": 1, "file_name": "1.jpg", "width": 8, "height": 9}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 2], "iscrowd": 0},
            {"image_id": 1, "category_id": 2},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    },
    "jsonl": {
        "path": "1.jpg",
        "labels": ["cat", "dog"],
        "unknown": ["cow"],
        "boxes": [{"name": "cat", "bbox": [0, 0, 1, 2], "difficult": True}],
        "width": 8,
        "height": 9,
    },
}


def places(content: Any) -> list[tuple]:
    """The path to every value of a json."""
    if not isinstance(content, dict | list):
        return [()]
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    return [(), *((key, *rest) for key, value in inner for rest in places(value))]


def replaced(content: Any, place: tuple, value: Any) -> Any:
    """A json with another value at a place; ``...`` takes it out."""
    if not place:
        return value
    key, *rest = place
    items = list(content.items()) if isinstance(content, dict) else list(enumerate(content))
    changed = [(k, replaced(v, tuple(rest), value) if k == key else v) for k, v in items]
    changed = [(k, v) for k, v in changed if v is not ...]
    return dict(changed) if isinstance(content, dict) else [v for _, v in changed]


def read_all_ways(path: Path, format: str) -> None:
    """Reads a file strictly, and as far as it can be read; errors other than clear ones pass."""
    error = error_of(lambda: read_annotations(path, format), *CLEAR)
    assert error is None or 0 < len(str(error)) < 10_000
    if error_of(lambda: open_annotations(path, format), *CLEAR):
        return
    problems: list[Problem] = []
    found = parse_annotations(open_annotations(path, format), problems)
    assert all(problem.message for problem in problems)
    assert (error is None) == (not problems)
    assert error is not None or found.records == read_annotations(path, format).records


@pytest.mark.parametrize("format", SOUND)
@given(data=st.data())
def test_no_json_gives_another_error(format: str, data: st.DataObject, tmp_path_factory) -> None:
    content = SOUND[format]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.sampled_from(places(content)))
        content = replaced(content, place, data.draw(st.one_of(JSON, st.just(...))))
        if content is ...:
            content = None
    path = tmp_path_factory.getbasetemp() / FILES[format]
    path.write_text(json.dumps(content), encoding="utf-8")
    read_all_ways(path, format)


BYTES: dict[str, bytes] = {
    "csv": b'path,labels,unknown\n1.jpg,cat;dog,\n"2, b.jpg",,cow\n',
    "jsonl": json.dumps(SOUND["jsonl"]).encode() + b'\n{"path": "2.jpg", "labels": []}\n',
    "openmmlab": json.dumps(SOUND["openmmlab"]).encode(),
    "coco": json.dumps(SOUND["coco"]).encode(),
    "voc": b"1\n2\n",
}
SOUND_XML = (
    b"<annotation><filename>1.jpg</filename><size><width>8</width><height>9</height></size>"
    b"<object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>"
    b"<xmax>4</xmax><ymax>5</ymax></bndbox></object></annotation>"
)
ODD = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b'"', b"\n", b"\r", b",", b";", b"\0", b"\xff", b"\xef\xbb\xbf", b"[" * 3000]),
    st.sampled_from([b"<", b"&", b"]]>", b"<!DOCTYPE x>", b"1e999", b"NaN", b"../", b"{}", b"nan"]),
)


@st.composite
def damaged(draw: st.DrawFn, sound: bytes) -> bytes:
    """Bytes cut, doubled or with others in between; or any others."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=40))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(sound)))
        stop = draw(st.integers(start, min(len(sound), start + 12)))
        sound = sound[:start] + draw(ODD) + sound[stop:]
    return sound


@pytest.mark.parametrize("format", FILES)
@given(data=st.data())
def test_no_bytes_give_another_error(format: str, data: st.DataObject, tmp_path_factory) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes" / FILES[format]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.draw(damaged(BYTES[format])))
    read_all_ways(path, format)


@given(data=st.data())
def test_no_xml_gives_another_error(data: st.DataObject, tmp_path_factory) -> None:
    root = tmp_path_factory.getbasetemp() / "xml" / "VOC"
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    path = root / "ImageSets" / "Main" / "train.txt"
    path.write_text("1\n")
    (root / "Annotations" / "1.xml").write_bytes(data.draw(damaged(SOUND_XML)))
    read_all_ways(path, "voc")


@given(text=st.text(max_size=8), format=st.sampled_from(sorted(FILES)), classes=names())
def test_text_that_utf8_cannot_hold_is_refused(
    text: str, format: str, classes: list[str], tmp_path_factory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "surrogates"
    odd = f"a{text}\udc80.jpg"
    for record in (
        ImageRecord(odd, (classes[0],), size=(1, 1)),
        ImageRecord("a.jpg", (odd,), size=(1, 1)),
    ):
        made = Annotations([record], (*classes, odd), "a.csv")
        assert written(made, format, folder) is None
        assert not [path for path in folder.rglob("*") if path.is_file()]
