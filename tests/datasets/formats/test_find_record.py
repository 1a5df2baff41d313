from pathlib import Path

import pytest

from mmsrdl.datasets.formats import Annotations, ImageRecord
from mmsrdl.datasets.formats.find_record import find_record, find_records


def annotations(*paths: str) -> Annotations:
    return Annotations([ImageRecord(path, (path,)) for path in paths], source="a.csv")


@pytest.mark.parametrize(
    ("image", "found"),
    [
        ("/data/val/1.jpg", "val/1.jpg"),  # the longest end
        ("/data/train/1.jpg", "1.jpg"),
        ("/data/2.jpg", "/data/2.jpg"),
        ("/data/3.jpg", "./3.jpg"),
    ],
)
def test_longest_end(image: str, found: str) -> None:
    held = annotations("1.jpg", "val/1.jpg", "/data/2.jpg", "2.jpg", "./3.jpg")
    assert find_record(held, image).path == found


def test_relative_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_record(annotations(f"{tmp_path.name}/1.jpg"), "1.jpg")


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match=r"'a.csv' has no labels of the image '9.jpg'; its images"):
        find_record(annotations("1.jpg"), "9.jpg")
    with pytest.raises(ValueError, match=r"'a.csv' has 2 images of the path '1.jpg'"):
        find_record(annotations("1.jpg", "1.jpg"), "/1.jpg")


def test_several_images() -> None:
    held = annotations("a/1.jpg", "b/1.jpg", "2.jpg")
    found = find_records(held, ["/data/b/1.jpg", "x/2.jpg", "/data/a/1.jpg"])
    assert [record.path for record in found] == ["b/1.jpg", "2.jpg", "a/1.jpg"]
    assert find_records(held, []) == []
    with pytest.raises(ValueError, match=r"no labels of the image '9\.jpg'"):
        find_records(held, ["2.jpg", "9.jpg"])
