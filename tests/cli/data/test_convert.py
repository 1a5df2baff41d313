import json
import os
from pathlib import Path

import pytest

from mmsrdl.cli import main
from mmsrdl.datasets.formats import read_annotations
from tests.datasets.conftest import write_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two photographs and a CSV of them."""
    write_images(tmp_path / "photos", ["a.jpg", "b.jpg"])
    (tmp_path / "all.csv").write_text("path,labels,unknown\na.jpg,cat;dog,\nb.jpg,,cat\n")
    return tmp_path


def convert(folder: Path, *arguments: str) -> int:
    return main(["data", "convert", *(each.replace("@", str(folder)) for each in arguments)])


def test_to_coco_and_classes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "names.txt").write_text("dog\ncat\nzebra\n")
    options = ["--to", "coco", "--images", "@/photos", "--classes", "@/names.txt"]
    options += ["--write-classes", "@/classes.txt"]
    assert convert(folder, "@/all.csv", "@/all.json", *options) == 0
    out, err = capsys.readouterr()
    assert f"{folder}/all.json: 2 images, 3 classes, coco" in out
    assert f"The images' paths are below {folder}/photos" in out
    assert "warning: coco holds no unknown labels: 1 are left out" in err
    content = json.loads((folder / "all.json").read_text())
    assert [category["name"] for category in content["categories"]] == ["dog", "cat", "zebra"]
    assert content["images"][0] == dict(id=1, file_name="a.jpg", width=48, height=40)
    assert (folder / "classes.txt").read_text() == "dog\ncat\nzebra\n"


@pytest.mark.parametrize("copy", [False, True])
def test_to_voc(copy: bool, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--images", "@/photos"] + ["--copy-images"] * copy
    target = "@/VOC/ImageSets/Main/train.txt" if copy else "@/VOC"
    assert convert(folder, "@/all.csv", target, "--to", "voc", *options) == 0
    out = capsys.readouterr().out
    name = "train" if copy else "all"
    annotations = read_annotations(folder / f"VOC/ImageSets/Main/{name}.txt")
    assert [record.size for record in annotations.records] == [(48, 40)] * 2
    assert annotations.records[1].unknown == ("cat",)
    assert os.path.exists(folder / "VOC/JPEGImages/b.jpg") == copy
    assert ("Images were not copied: VOC expects them in JPEGImages" in out) != copy
    if copy:
        assert f"below {folder}/VOC/JPEGImages" in out
        (folder / "VOC/JPEGImages/a.jpg").write_bytes(b"mine")
        with pytest.raises(SystemExit):
            convert(folder, "@/all.csv", target, "--to", "voc", *options)
        assert "a.jpg'] would be replaced" in capsys.readouterr().err
        assert convert(folder, "@/all.csv", target, "--to", "voc", *options, "--overwrite") == 0
        assert (folder / "VOC/JPEGImages/a.jpg").read_bytes() != b"mine"


def test_to_jsonl_by_the_ending(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert convert(folder, "@/all.csv", "@/all.jsonl") == 0
    assert capsys.readouterr().err == ""
    assert read_annotations(folder / "all.jsonl") == read_annotations(folder / "all.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["@/all.csv", "@/all.json"], "all.json' tells no format; name it: coco or openmmlab"),
        (["@/all.csv", "@/b.jsonl", "--copy-images"], "--copy-images is for voc, not for jsonl"),
        (["@/all.csv", "@/b.json", "--to", "coco"], "2 of 2 images are not in images='"),
        (["@/none.csv", "@/b.jsonl"], "none.csv' does not exist as a file; mend the path"),
        (["@/all.csv", "@/photos/a.jpg", "--to", "csv"], "a.jpg'] would be replaced"),
        (
            ["@/all.csv", "@/b.jsonl", "--classes", "@/names.txt"],
            "labels of '@/all.csv' are not among the 1 classes: {'cat': 2}",
        ),
    ],
)
def test_mistakes(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "names.txt").write_text("dog\n")
    with pytest.raises(SystemExit) as end:
        convert(folder, *arguments)
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("mmsrdl data convert: error: ")
    assert message.replace("@", str(folder)) in error
    assert len(error.splitlines()) == 1
