import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmsrdl.datasets.formats import (
    Annotations,
    Box,
    ImageRecord,
    read_annotations,
    write_annotations,
)
from mmsrdl.datasets.split_file import split_file

PARTS = {"train": 0.6, "val": 0.4}


def annotations(number: int = 20) -> Annotations:
    random = np.random.default_rng(0)
    records = []
    for i in range(number):
        labels = tuple(name for name in ("cat", "dog") if random.random() < 0.5)
        box = tuple(Box(name, (0, 0, 2, 2)) for name in labels)
        records.append(ImageRecord(f"{i % 5}/{i}.jpg", labels, (), box, (4, 4)))
    return Annotations(records, ("dog", "cat"), source="all")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("format", "name"),
    [
        ("csv", "all.csv"),
        ("jsonl", "all.jsonl"),
        ("openmmlab", "all.json"),
        ("coco", "all.json"),
        ("voc", "ImageSets/Main/all.txt"),
    ],
)
def test_parts_are_the_whole(format: str, name: str, tmp_path: Path) -> None:
    write_annotations(annotations(), tmp_path / name, format)
    whole = read_annotations(tmp_path / name)
    split = split_file(str(tmp_path / name), PARTS)
    assert split.sizes() == [12, 8]
    assert (split.missing, split.duplicates) == (20, 0)
    found = []
    for part, path in enumerate(split.files.values()):
        assert Path(path).parent == (tmp_path / name).parent
        read = read_annotations(path)
        assert read.classes == whole.classes
        assert read.records == [whole.records[i] for i in np.flatnonzero(split.part == part)]
        counts = [sum(c in record.labels for record in read.records) for c in split.classes]
        assert split.positives[part].tolist() == counts
        found += read.records
    assert sorted(record.path for record in found) == sorted(r.path for r in whole.records)


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("a.csv", "Image,Labels,camera\n0,x;y,7\n1,,7\n2,x,7\n", "Image,Labels,camera\n"),
        ("a.csv", "0.jpg,x;y\n1.jpg,\n2.jpg,x\n", ",x"),
        ("a.jsonl", '{"path": "0", "labels": ["x"], "id": 7}\n\n{"path": "1", "labels": []}', "id"),
    ],
)
def test_all_that_a_file_holds_stays(name: str, text: str, kept: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    split = split_file(str(tmp_path / name), {"p": 0.5, "q": 0.5}, str(tmp_path / "parts"))
    texts = [Path(path).read_text() for path in split.files.values()]
    assert kept in "".join(texts)
    lines = [line for line in text.splitlines() if line]
    header = kept.endswith("\n")
    assert sorted(line for part in texts for line in part.splitlines()[header:]) == sorted(
        lines[header:]
    )


def test_ids_and_masks_of_coco_stay(tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "info": {"year": 2014},
        "images": [{"id": i, "file_name": f"{i}.jpg"} for i in (5, 7, 9)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 2, "segmentation": [[i]]} for i in (9, 7, 5)
        ],
        "categories": [{"id": 2, "name": "dog"}],
    }
    (tmp_path / "all.json").write_text(json.dumps(content))
    split = split_file(str(tmp_path / "all.json"), PARTS)
    parts = [json.loads(Path(path).read_text()) for path in split.files.values()]
    for part in parts:
        assert (part["info"], part["categories"]) == (content["info"], content["categories"])
        ids = {image["id"] for image in part["images"]}
        assert {a["image_id"] for a in part["annotations"]} == ids
    found = [a for part in parts for a in part["annotations"]]
    assert sorted(found, key=str) == sorted(content["annotations"], key=str)


def test_same_images_and_keys_stay_together(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    with pytest.warns(UserWarning, match="class list"):
        write_annotations(annotations(), path, "jsonl")
    for i in range(20):
        file = tmp_path / "images" / f"{i % 5}/{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes([i // 2]))
    (tmp_path / "images/4/19.jpg").unlink()
    images = str(tmp_path / "images")
    split = split_file(str(path), PARTS, images=images, overwrite=True)
    assert (split.missing, split.duplicates) == (1, 18)
    assert all(split.part[i] == split.part[i + 1] for i in range(0, 18, 2))
    other = split_file(str(path), PARTS, images=images, by_content=False, overwrite=True)
    assert (other.missing, other.duplicates) == (None, 0)
    assert any(other.part[i] != other.part[i + 1] for i in range(0, 18, 2))
    for pattern in (r"^\d+", r"^(\d+)/.*"):
        keyed = split_file(
            str(path), {"a": 0.4, "b": 0.6}, group_by=pattern, by_content=False, overwrite=True
        )
        assert all(len(set(keyed.part[i::5])) == 1 for i in range(5))
        assert keyed.sizes() == [8, 12]
    # The images i and i + 1, and all of i, i + 5, ... joined are one group.
    with_both = split_file(str(path), PARTS, images=images, group_by=r"^\d+", overwrite=True)
    assert len(set(with_both.part)) == 1


def test_classes_that_are_too_rare(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0.jpg,x;y\n1.jpg,x\n2.jpg,x;z\n3.jpg,x;z\n")
    split = split_file(str(tmp_path / "a.csv"), {"p": 0.5, "q": 0.5})
    assert split.too_rare() == ["y"]
    assert split.positives[:, split.classes.index("z")].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"parts": {"p": 0.5, "q": 0.4}}, "sum to 1, such as .*; they sum to 0.9"),
        ({"parts": {"p": 1.0}}, "must be two or more"),
        ({"parts": {"p": 0.5, "../q": 0.5}}, r"names of parts .* got \['../q'\]"),
        ({"parts": {"p": 0.99, "q": 0.01}}, r"a.csv' has 4 images, of which the parts get \[4, 0"),
        ({"group_by": "("}, r"group_by='\(' is no regular expression"),
        ({"group_by": "[0-2]"}, r"finds nothing in 1 of 4 paths, such as \['3.jpg'\]"),
    ],
)
def test_wrong_arguments(kwargs: dict, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("".join(f"{i}.jpg,x\n" for i in range(4)))
    with pytest.raises(ValueError, match=message):
        split_file(str(tmp_path / "a.csv"), **{"parts": PARTS, **kwargs})
    assert len(list(tmp_path.iterdir())) == 1


def test_files_that_are_there_or_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("".join(f"{i}.jpg,x\n" for i in range(4)))
    (tmp_path / "val.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"val.csv'\] would be replaced"):
        split_file(str(tmp_path / "a.csv"), PARTS)
    assert not (tmp_path / "train.csv").exists()
    message = r"none of the 4 images of '.*a.csv' is in images='.*no'.* '.*no/0.jpg'"
    with pytest.raises(FileNotFoundError, match=message):
        split_file(str(tmp_path / "a.csv"), PARTS, images=str(tmp_path / "no"))
