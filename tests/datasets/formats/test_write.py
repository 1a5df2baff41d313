"""What is written is read again, and what a format cannot hold is said."""

import json
import os
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from mmsrdl.datasets import CocoMultiLabel, VOCMultiLabel
from mmsrdl.datasets.formats import (
    Annotations,
    Box,
    ImageRecord,
    add_sizes,
    read_annotations,
    what_is_lost,
    write_annotations,
)
from tests.datasets.conftest import write_images

NAMES = {
    "csv": "out.csv",
    "jsonl": "out.jsonl",
    "openmmlab": "out.json",
    "coco": "out.json",
    "voc": "VOC/ImageSets/Main/out.txt",
}
HOLDS_CLASSES = ("openmmlab", "coco")
HOLDS_UNKNOWN = ("csv", "jsonl", "openmmlab", "voc")
HOLDS_BOXES = HOLDS_SIZES = ("jsonl", "coco", "voc")


def write(annotations: Annotations, path: Path, format: str) -> list[str]:
    """Write and return the warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_annotations(annotations, path, format)
    return [str(warning.message) for warning in caught]


def what_a_format_holds(annotations: Annotations, format: str) -> Annotations:
    """The same annotations with labels in a fixed order, without what the format has not."""
    records = []
    for record in annotations.records:
        unknown = record.unknown if format in HOLDS_UNKNOWN else ()
        boxes = [box for box in record.boxes if box.name in (*record.labels, *unknown)]
        records.append(
            ImageRecord(
                record.path,
                tuple(sorted(record.labels)),
                tuple(sorted(unknown)),
                tuple(boxes) if format in HOLDS_BOXES else (),
                record.size if format in HOLDS_SIZES else None,
            )
        )
    return Annotations(records, annotations.classes if format in HOLDS_CLASSES else None)


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_round_trips_lose_nothing_that_both_hold(
    source: str, target: str, everything: Annotations, tmp_path: Path
) -> None:
    """Into one format and from there into the other: what is left is what both have."""
    write(everything, tmp_path / "1" / NAMES[source], source)
    first = read_annotations(tmp_path / "1" / NAMES[source])
    assert what_a_format_holds(first, source) == what_a_format_holds(everything, source)
    sized = [
        replace(a, size=b.size) for a, b in zip(first.records, everything.records, strict=True)
    ]
    first = replace(first, records=sized, classes=everything.classes)
    write(first, tmp_path / "2" / NAMES[target], target)
    second = read_annotations(tmp_path / "2" / NAMES[target])
    assert what_a_format_holds(second, target) == what_a_format_holds(first, target)


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("csv", ["no class list: keep", "no boxes: 3 are", "no width and height: those of 3"]),
        ("jsonl", ["no class list: keep the names and the order of the 4 classes"]),
        ("openmmlab", ["no boxes", "no width and height"]),
        ("coco", ["coco holds no unknown labels: 3 are left out, so that they become negative"]),
        ("voc", ["no class list", "3 unknown labels are written as objects marked difficult"]),
    ],
)
def test_losses_are_said(
    format: str, expected: list[str], everything: Annotations, tmp_path: Path
) -> None:
    found = write(everything, tmp_path / NAMES[format], format)
    assert found == what_is_lost(everything, format)
    assert len(found) == len(expected)
    for text, part in zip(found, expected, strict=True):
        assert part in text


def test_other_losses(tmp_path: Path) -> None:
    annotations = Annotations([ImageRecord("a.png", ())], source="a.csv", unread=("split",))
    assert write(annotations, tmp_path / "a.jsonl", "jsonl") == [
        "'a.csv' holds ['split'], not converted"
    ]
    assert "1 images are no .jpg" in what_is_lost(annotations, "voc")[1]


def test_written_coco_and_voc_are_read_by_their_data_sets(
    everything: Annotations, tmp_path: Path
) -> None:
    write(everything, tmp_path / "a.json", "coco")
    metainfo = {"classes": everything.classes}
    coco = CocoMultiLabel(
        "a.json", data_root=str(tmp_path), filter_empty=False, metainfo=metainfo, with_boxes=True
    )
    assert [coco.get_cat_ids(i) for i in range(3)] == [[1, 3], [], [2]]
    assert coco.get_data_info(0)["gt_bboxes"].tolist() == [[1, 2, 31.5, 6], [0, 0, 8, 8]]
    write(everything, tmp_path / "VOC", "voc")
    voc = VOCMultiLabel(str(tmp_path / "VOC"), ann_file="ImageSets/Main/all.txt", metainfo=metainfo)
    assert [voc.get_cat_ids(i) for i in range(3)] == [[1, 3], [], [2]]


def test_categories_of_coco(everything: Annotations, tmp_path: Path) -> None:
    write(everything, tmp_path / "a.json", "coco")
    content = json.loads((tmp_path / "a.json").read_text())
    assert [category["name"] for category in content["categories"]] == list(everything.classes)
    assert content["images"][0] == dict(id=1, file_name="a.jpg", width=48, height=40)


@pytest.mark.parametrize(
    ("record", "format", "message"),
    [
        (ImageRecord("a", ("b;c",)), "csv", r"csv cannot hold \['b;c'\]: its labels are separated"),
        (ImageRecord("a", (" b",)), "voc", r"voc cannot hold \[' b'\]: blanks at the ends"),
        (ImageRecord("a\x01", ()), "voc", "XML cannot hold such characters"),
        (ImageRecord("a\0", ()), "jsonl", "no file has NUL in its name"),
        (ImageRecord("../a.jpg", ()), "voc", r"\['../a.jpg'\]: images lie in JPEGImages"),
        (ImageRecord("a b.jpg", ()), "voc", "images lie in JPEGImages"),
        (ImageRecord("a.jpg", ("c",)), "coco", "1 labels of 'x' are not among the 1 classes.*'c'"),
        (ImageRecord("a.jpg", ()), "coco", "needs the size of every image, and that of 'a.jpg'"),
        (ImageRecord("a.jpg", ()), "xml", "format='xml' must be one of"),
    ],
)
def test_what_cannot_be_written(
    record: ImageRecord, format: str, message: str, tmp_path: Path
) -> None:
    classes = ("dog",) if format == "coco" else None
    with pytest.raises(ValueError, match=message):
        write_annotations(Annotations([record], classes, "x"), tmp_path / "out", format)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("paths", "format", "message"),
    [
        (["a.jpg", "a.jpg"], "csv", r"csv cannot hold \['a.jpg'\]: images stand in it twice"),
        (["a.jpg", "a.png"], "voc", r"voc cannot hold \['a'\]: names of images must differ"),
    ],
)
def test_images_that_clash(paths: list[str], format: str, message: str, tmp_path: Path) -> None:
    records = [ImageRecord(path, ()) for path in paths]
    with pytest.raises(ValueError, match=message):
        write_annotations(Annotations(records), tmp_path / "out", format)


def test_files_are_replaced_only_on_request(everything: Annotations, tmp_path: Path) -> None:
    write(everything, tmp_path / "VOC", "voc")
    write(everything, tmp_path / "VOC", "voc")
    list_file = tmp_path / "VOC/ImageSets/Main/all.txt"
    (tmp_path / "VOC/Annotations/a.xml").write_text("mine")
    list_file.unlink()
    with pytest.raises(
        FileExistsError, match=r"a.xml'\] would be replaced.*overwrite=True, --overwrite"
    ):
        write_annotations(everything, tmp_path / "VOC", "voc")
    assert not list_file.exists()
    with pytest.warns(UserWarning, match="voc"):
        write_annotations(everything, tmp_path / "VOC", "voc", overwrite=True)
    assert list_file.read_text() == "a\nsub/b\nc\n"
    assert not list(tmp_path.rglob("*.part"))


def test_voc_reads_every_name_that_it_writes(tmp_path: Path) -> None:
    """Joiners are no printable characters, and spell Persian and Hindi."""
    names = ["\u06cc\u200c\u062e.jpg", "\u0915\u094d\u200d\u0937.jpg", "é.jpg"]
    made = Annotations([ImageRecord(name, ("cat",), size=(4, 3)) for name in names])
    write(made, tmp_path / NAMES["voc"], "voc")
    read = read_annotations(tmp_path / NAMES["voc"])
    assert [record.path for record in read.records] == names


def test_voc_lists_lie_below_image_sets(everything: Annotations, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"train.txt' is no place for a list of VOC"):
        write_annotations(everything, tmp_path / "train.txt", "voc")


def test_voc_boxes_count_from_one(tmp_path: Path) -> None:
    record = ImageRecord("a.jpg", ("dog",), boxes=(Box("dog", (0, 0, 10, 5)),))
    write(Annotations([record]), tmp_path, "voc")
    text = (tmp_path / "Annotations/a.xml").read_text()
    for line in ("<xmin>1</xmin>", "<ymin>1</ymin>", "<xmax>10</xmax>", "<ymax>5</ymax>"):
        assert line in text


def test_sizes_are_those_of_the_decoded_image(tmp_path: Path) -> None:
    from PIL import Image

    write_images(tmp_path, ["a.jpg"])
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, as phones write it
    Image.new("RGB", (8, 6)).save(tmp_path / "b.jpg", exif=exif)
    records = [
        ImageRecord("a.jpg", ()),
        ImageRecord("b.jpg", ()),
        ImageRecord("c", (), size=(1, 2)),
    ]
    sized = add_sizes(Annotations(records), str(tmp_path))
    assert [record.size for record in sized.records] == [(48, 40), (6, 8), (1, 2)]
    (tmp_path / "b.jpg").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"b.jpg' is no image that can be read"):
        add_sizes(Annotations(records), str(tmp_path))
    os.unlink(tmp_path / "b.jpg")
    with pytest.raises(FileNotFoundError, match=r"1 of 3 images are not in images='.*\['b.jpg'\]"):
        add_sizes(Annotations(records), str(tmp_path))
