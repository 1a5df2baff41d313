"""Planted faults of every kind, each found by name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmsrdl.datasets.check import check_data
from mmsrdl.datasets.findings import DataReport, Finding
from mmsrdl.datasets.formats import Annotations, ImageRecord
from mmsrdl.datasets.image_check import inspect_image
from mmsrdl.datasets.splits import DataSplit, split_of_file


def paint(path: Path, seed: int, mode: str = "RGB", size: tuple[int, int] = (60, 50)) -> None:
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(coarse).resize(size).convert(mode).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four sound images: a and b to train, c and d to validate."""
    for seed, name in enumerate("abcd"):
        paint(tmp_path / f"{name}.jpg", seed)
    (tmp_path / "train.csv").write_text("path,labels\na.jpg,cat;dog\nb.jpg,cat\n")
    (tmp_path / "val.csv").write_text("path,labels\nc.jpg,cat\nd.jpg,dog\n")
    return tmp_path


def check(folder: Path, **options) -> DataReport:
    splits = [split_of_file(name, str(folder / f"{name}.csv")) for name in ("train", "val")]
    return check_data(splits, **options)


def add(folder: Path, row: str, file: str = "train.csv") -> None:
    with open(folder / file, "a") as lines:
        lines.write(f"{row}\n")


def the(report: DataReport, kind: str) -> Finding:
    """The one finding of a kind."""
    (found,) = [finding for finding in report.findings if finding.kind == kind]
    return found


def kinds(report: DataReport) -> list[str]:
    return [finding.kind for finding in report.findings]


def test_sound_data(folder: Path) -> None:
    report = check(folder)
    assert report.findings == []
    assert report.classes == ("cat", "dog")
    assert report.images == {"train": 2, "val": 2}


@pytest.mark.parametrize(
    ("labels", "joined"),
    [
        (["'cat,dog'", "'dog,cow'", "cow"], "2 of 3 labels hold ',', such as 'cat,dog'"),
        (["cat|dog", "dog", "cow"], "1 of 3 labels hold '|', such as 'cat|dog'"),
        (["clear sky", "clear sea", "sky sea", "sea"], "3 of 4 labels hold ' ', such as 'clear se"),
        (["cat;dog", "'cat,dog'", "cow"], "1 of 4 labels hold ',', such as 'cat,dog'"),
        (["'bird, small;dog'", "'bird, small'", "dog"], None),
        (["red car;car", "red", "car"], None),
        (["traffic light", "fire hydrant", "traffic light"], None),
    ],
)
def test_labels_separated_by_something_else(
    folder: Path, labels: list[str], joined: str | None
) -> None:
    (folder / "val.csv").unlink()
    rows = [f"{name}.jpg,{cell}\n" for name, cell in zip("abcd", labels, strict=False)]
    (folder / "train.csv").write_text("path,labels\n" + "".join(rows).replace("'", '"'))
    report = check_data([split_of_file("train", str(folder / "train.csv"))])
    if joined is None:
        assert "joined-labels" not in kinds(report)
    else:
        assert joined in the(report, "joined-labels").message


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "spoil", "kind"),
    [
        ("new.jpg", lambda path: path.unlink(), "missing-file"),
        ("new.jpg", lambda path: path.write_bytes(b""), "empty-file"),
        ("new.jpg", lambda path: path.write_bytes(b"<html>404</html>"), "not-an-image"),
        ("new.jpg", cut, "truncated-image"),
        ("new.png", cut, "truncated-image"),
        ("new.png", damage, "broken-image"),
    ],
)
def test_files_that_are_unfit(folder: Path, name: str, spoil, kind: str) -> None:
    paint(folder / name, 9)
    spoil(folder / name)
    add(folder, f"{name},cat")
    report = check(folder)
    found = the(report, kind)
    assert (found.level, found.split, found.line, found.image) == ("error", "train", 4, name)
    assert found.file.endswith("train.csv")
    assert found.message.startswith(f"'{name}': ")
    assert str(folder / name) in found.message
    assert kinds(report) == [kind]


def test_folder_in_place_of_an_image(folder: Path) -> None:
    (folder / "sub.jpg").mkdir()
    add(folder, "sub.jpg,cat")
    assert the(check(folder), "unreadable-in-training").image == "sub.jpg"


def test_what_the_loader_of_training_cannot_read(folder: Path) -> None:
    def load(results: dict) -> dict | None:
        if results["img_path"].endswith("b.jpg"):
            raise ValueError("no such codec")
        return None if results["img_path"].endswith("c.jpg") else {"img": 1}

    report = check(folder, load=load)
    first, second = report.findings
    assert (first.kind, first.image) == ("unreadable-in-training", "b.jpg")
    assert "ValueError: no such codec" in first.message
    assert (second.kind, second.image) == ("unreadable-in-training", "c.jpg")


def test_loader_may_read_what_pillow_does_not(tmp_path: Path) -> None:
    (tmp_path / "own.fmt").write_bytes(b"an own format")
    facts = inspect_image(str(tmp_path / "own.fmt"), lambda results: {"img": 1})
    assert facts.fault == ""
    assert len(facts.digest) == 64


def test_unknown_label(folder: Path) -> None:
    add(folder, "d.jpg,dgo;cat", "val.csv")
    (folder / "val.csv").write_text((folder / "val.csv").read_text().replace("\nd.jpg,dog", ""))
    found = the(check(folder), "unknown-label")
    assert (found.level, found.split, found.line, found.name) == ("error", "val", 3, "dgo")
    assert found.message == "'d.jpg': 'dgo' is none of the classes; did you mean 'dog'?"


def test_classes_without_images(folder: Path) -> None:
    (folder / "val.csv").write_text("path,labels\nc.jpg,cat\n")
    report = check(folder, classes=["cat", "dog", "kite"])
    found = [(f.level, f.kind, f.split, f.name) for f in report.findings]
    kind = "class-without-images"
    assert found == [
        ("error", kind, "train", "kite"),
        ("warning", kind, "val", "dog"),
        ("warning", kind, "val", "kite"),
    ]


def test_several_files_of_one_split_count_together(folder: Path) -> None:
    parts = [split_of_file("train", str(folder / f"{name}.csv")) for name in ("train", "val")]
    (folder / "train.csv").write_text("path,labels\na.jpg,cat\n")
    parts[0] = split_of_file("train", str(folder / "train.csv"))
    report = check_data(parts, classes=["cat", "dog"])
    assert report.findings == []
    assert report.images == {"train": 3}


def test_same_image_in_two_splits(folder: Path) -> None:
    (folder / "other.jpg").write_bytes((folder / "b.jpg").read_bytes())
    add(folder, "other.jpg,cat", "val.csv")
    report = check(folder)
    found = the(report, "image-in-two-splits")
    assert (found.level, found.split, found.line, found.image) == ("error", "val", 4, "other.jpg")
    assert "the same image as 'b.jpg' of train, line 3" in found.message
    assert kinds(report) == ["image-in-two-splits"]


def test_same_image_twice_with_other_labels(folder: Path) -> None:
    (folder / "copy.jpg").write_bytes((folder / "a.jpg").read_bytes())
    add(folder, "copy.jpg,dog")
    report = check(folder)
    assert kinds(report) == ["repeated-image", "contradictory-labels"]
    assert all(f.level == "warning" and f.image == "copy.jpg" for f in report.findings)
    assert "has the labels ['dog'], but the same image 'a.jpg'" in report.findings[1].message


def test_labels_that_repeat_or_contradict(folder: Path) -> None:
    (folder / "train.csv").write_text("path,labels,unknown\na.jpg,cat;dog;cat,dog\nb.jpg,,cat\n")
    report = check(folder)
    assert kinds(report) == ["repeated-label", "label-and-unknown", "no-labels"]
    assert [finding.name for finding in report.findings] == ["cat", "dog", ""]
    assert [finding.line for finding in report.findings] == [2, 2, 3]


@pytest.mark.parametrize("other", ["Cat", "c at", "ca_t", "CA-T", "\uff43at"])
def test_class_names_that_are_nearly_the_same(folder: Path, other: str) -> None:
    (folder / "train.csv").write_text(f"path,labels\na.jpg,cat;dog\nb.jpg,{other}\n", "utf-8")
    found = the(check(folder), "similar-class-names")
    assert found.level == "warning"
    assert f"'{other}'" in found.message
    assert "'cat'" in found.message


def test_small_images_and_unusual_pixels_are_noted(folder: Path) -> None:
    paint(folder / "small.jpg", 7, size=(20, 90))
    paint(folder / "print.jpg", 8, "CMYK")
    paint(folder / "clear.png", 9, "RGBA")
    paint(folder / "grey.png", 10, "L")
    for name in ("small.jpg", "print.jpg", "clear.png", "grey.png"):
        add(folder, f"{name},cat")
    report = check(folder)
    found = [(f.level, f.kind, f.image) for f in report.findings]
    assert found == [
        ("note", "small-image", "small.jpg"),
        ("note", "unusual-pixels", "print.jpg"),
        ("note", "unusual-pixels", "clear.png"),
    ]
    assert "20 x 90" in report.findings[0].message
    assert "CMYK" in report.findings[1].message


def test_rows_that_cannot_be_read_do_not_hide_others(folder: Path) -> None:
    add(folder, 'x.jpg,"cat"s')
    add(folder, "one,two,three")
    add(folder, "a.jpg,cat")
    add(folder, "gone.jpg,cat")
    report = check(folder)
    rows = [(f.kind, f.line) for f in report.findings if f.kind == "unreadable-annotation"]
    assert rows == [("unreadable-annotation", line) for line in (4, 5, 6)]
    assert the(report, "missing-file").line == 7


def test_file_that_cannot_be_read_at_all(folder: Path) -> None:
    (folder / "val.csv").write_text("name;of;columns\n")
    found = the(check(folder), "unreadable-annotation")
    assert (found.split, found.line) == ("val", 0)
    assert "has no column of path" in found.message


def test_empty_file_of_annotations(folder: Path) -> None:
    (folder / "val.csv").write_text("path,labels\n")
    assert the(check(folder), "no-images").split == "val"


def test_addresses_are_not_checked() -> None:
    records = [ImageRecord("s3://bucket/a.jpg", ("cat",)), ImageRecord("s3://bucket/a.jpg", ())]
    report = check_data([DataSplit("train", Annotations(records), "")])
    assert kinds(report).count("not-checked") == 2
    assert "repeated-image" in kinds(report)


def test_every_file_is_read_once_and_progress_is_told(folder: Path) -> None:
    seen = []

    def progress(found, total: int):
        for fact in found:
            seen.append(total)
            yield fact

    (folder / "val.csv").write_text("path,labels\na.jpg,cat;dog\n")
    check(folder, progress=progress, workers=3)
    assert seen == [2, 2]


def test_as_json(folder: Path) -> None:
    add(folder, "gone.jpg,cat")
    content = check(folder).to_dict()
    assert (content["errors"], content["warnings"], content["notes"]) == (1, 0, 0)
    (found,) = content["findings"]
    assert (found["kind"], found["image"], found["line"]) == ("missing-file", "gone.jpg", 4)


def test_no_split() -> None:
    with pytest.raises(ValueError, match="at least one DataSplit"):
        check_data([])
