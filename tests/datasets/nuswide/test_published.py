import shutil
from pathlib import Path

import numpy as np
import pytest

from mmsrdl.datasets.nuswide import COUNTS, read_published
from tests.datasets.nuswide.published_files import IMAGES, SEEN, write_published

TRAIN = [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0]]
TEST = [[0, 1, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0]]


def test_tags_that_are_no_concept_then_human_labels(tmp_path: Path) -> None:
    found = read_published(write_published(tmp_path), subset=True)
    assert found.seen == SEEN
    assert found.unseen == ("cat", "fire", "sky")
    for split, labels in (("train", TRAIN), ("test", TEST)):
        assert found.splits[split].images == IMAGES[split]
        assert found.splits[split].labels.dtype == np.bool_
        assert found.splits[split].labels.astype(int).tolist() == labels


def test_archives_without_their_outer_folder(tmp_path: Path) -> None:
    root = write_published(tmp_path)
    whole = read_published(root, subset=True)
    (root / "Groundtruth/TrainTestLabels").rename(root / "TrainTestLabels")
    (root / "Groundtruth").rmdir()
    for folder in ("ConceptsList", "NUS_WID_Tags", "ImageList"):
        for path in (root / folder).iterdir():
            path.rename(root / path.name)
    found = read_published(root, subset=True)
    for split in ("train", "test"):
        assert np.array_equal(found.splits[split].labels, whole.splits[split].labels)


def test_archive_with_an_outer_folder(tmp_path: Path) -> None:
    root = write_published(tmp_path)
    (root / "NUS-WIDE").mkdir()
    for folder in ("ConceptsList", "Groundtruth", "ImageList"):
        (root / folder).rename(root / "NUS-WIDE" / folder)
    assert read_published(root, subset=True).seen == SEEN


def test_numbers_are_those_of_the_whole_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_published(tmp_path)
    with pytest.raises(
        ValueError,
        match=r"not the whole NUS-WIDE: 5 tags in place of 1,000, 3 con.*"
        r"3 train in place of 161,789.*--subset takes any",
    ):
        read_published(root)
    own = {"tags": 5, "concepts": 3, "seen": 3, "train": 3, "test": 2}
    assert own.keys() == COUNTS.keys()
    monkeypatch.setattr("mmsrdl.datasets.nuswide.published.COUNTS", own)
    assert read_published(root).seen == SEEN


@pytest.mark.parametrize(
    "name",
    [
        "NUS_WID_Tags/TagList1k.txt",
        "NUS_WID_Tags/Test_Tags1k.dat",
        "ConceptsList/Concepts81.txt",
        "ImageList/TrainImagelist.txt",
        "Groundtruth/TrainTestLabels/Labels_fire_Test.txt",
    ],
)
def test_missing_files(name: str, tmp_path: Path) -> None:
    root = write_published(tmp_path)
    (root / name).unlink()
    file = name.split("/")[-1]
    with pytest.raises(FileNotFoundError, match=rf"{file} is not there; looked in '.*', '") as e:
        read_published(root, subset=True)
    assert str((root / name).parent) in str(e.value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("ImageList/TestImagelist.txt", "a\\1.jpg\n", r"Test_Tags1k.dat' has 2 rows, but Test.* 1"),
        ("ImageList/TestImagelist.txt", "a\\1.jpg\n" * 2, r"each image once, got 2 images, twice"),
        ("ImageList/TrainImagelist.txt", "\n", "each image once, got 0 images"),
        ("ConceptsList/Concepts81.txt", "cat\ncat\n", r"each class once, got 2 names.*\['cat'\]"),
        ("NUS_WID_Tags/Train_Tags1k.dat", "0\t1\n", "line 1: 2 values, and 5 are wanted"),
        (
            "Groundtruth/TrainTestLabels/Labels_sky_Train.txt",
            "1\n",
            r"Labels_sky_Train.txt' has 1 rows, but TrainImagelist.txt names 3 images",
        ),
    ],
)
def test_files_that_do_not_fit(name: str, text: str, message: str, tmp_path: Path) -> None:
    root = write_published(tmp_path)
    (root / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_published(root, subset=True)


def test_images_of_both_splits(tmp_path: Path) -> None:
    root = write_published(tmp_path)
    (root / "ImageList/TestImagelist.txt").write_text("zoo\\0001_98.jpg\nb\\1.jpg\n")
    with pytest.raises(
        ValueError, match=r"1 images .* in TestImagelist.txt: \['zoo/0001_98.jpg'\]"
    ):
        read_published(root, subset=True)


def test_folder_that_is_none(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"docs/data.md shows the layout"):
        read_published(tmp_path)
