"""Annotation files that are read as far as they can be."""

import json
from pathlib import Path

import pytest

from mmsrdl.datasets.formats import Problem, open_annotations, parse_annotations


def read(path: Path) -> tuple[list[str], list[Problem]]:
    """The paths of what could be read, and the problems; strict reading must fail."""
    with pytest.raises((ValueError, FileNotFoundError)):
        parse_annotations(open_annotations(path))
    problems: list[Problem] = []
    annotations = parse_annotations(open_annotations(path), problems)
    return [record.path for record in annotations.records], problems


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('path,labels\na.jpg,cat\nb,c,d\n,cat\n"x"y,cat\nc.jpg,dog\na.jpg,dog\n')
    paths, problems = read(path)
    assert paths == ["a.jpg", "c.jpg", "a.jpg"]
    assert [problem.line for problem in problems] == [3, 4, 5, 7]
    assert "has 3 cells" in problems[0].message
    assert "lines 2 and 7" in problems[3].message


def test_csv_without_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a.jpg,cat,dog\nb.jpg,cat\n")
    paths, problems = read(path)
    assert (paths, [problem.line for problem in problems]) == (["b.jpg"], [1])


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"path": "a.jpg", "labels": []}\n{\n{"path": "b.jpg", "labels": "cat"}\n')
    paths, problems = read(path)
    assert (paths, [problem.line for problem in problems]) == (["a.jpg"], [2, 3])
    path.write_text("{\n")
    assert read(path)[0] == []


def test_openmmlab(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    entries = [
        {"img_path": "a.jpg", "gt_label": [0, 7]},
        {"img_path": "b.jpg", "gt_label": "cat"},
        {"img_path": "c.jpg", "gt_label": [1]},
    ]
    content = {"metainfo": {"classes": ["cat", "dog"]}, "data_list": entries}
    path.write_text(json.dumps(content))
    paths, problems = read(path)
    assert paths == ["a.jpg", "c.jpg"]
    assert "gt_label of image 'b.jpg' in" in problems[0].message
    assert "label 7 of image 'a.jpg' is outside" in problems[1].message
    records = parse_annotations(open_annotations(path), []).records
    assert [record.labels for record in records] == [("cat",), ("dog",)]


def test_repeated_images_are_named_by_their_place_in_the_file(tmp_path: Path) -> None:
    """What was left out before them counts."""
    names = ["", "a.jpg", "b.jpg", "a.jpg", "a.jpg"]
    entries = [{"img_path": name, "gt_label": [0]} for name in names]
    content = {"metainfo": {"classes": ["cat", "dog"]}, "data_list": entries}
    (tmp_path / "a.json").write_text(json.dumps(content))
    _, problems = read(tmp_path / "a.json")
    assert "entries 1 and 3 of" in problems[1].message
    assert "entries 1 and 4 of" in problems[2].message

    coco = {
        "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
        "annotations": [],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "b.json").write_text(json.dumps(coco))
    _, problems = read(tmp_path / "b.json")
    assert "entries of 'images' 1 and 3 of" in problems[0].message
    assert "RepeatDataset" in problems[1].message


def test_coco(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": 5}]
    annotations = [{"image_id": 1, "category_id": 1}, {"image_id": 1, "category_id": 9}]
    categories = [{"id": 1, "name": "cat"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))
    paths, problems = read(path)
    assert paths == ["a.jpg"]
    assert "categories that it does not list, ['9']" in problems[0].message
    assert "'file_name' of image 2" in problems[1].message


def test_voc(tmp_path: Path) -> None:
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (tmp_path / "Annotations").mkdir()
    (lists / "train.txt").write_text("a\nb\nc\n")
    (tmp_path / "Annotations" / "a.xml").write_text("<annotation/>")
    (tmp_path / "Annotations" / "b.xml").write_text("<annotation")
    paths, problems = read(lists / "train.txt")
    assert paths == ["a.jpg"]
    assert "b.xml' is not valid XML" in problems[0].message
    assert "c.xml' does not exist" in problems[1].message


def test_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a;b\n")
    paths, problems = read(tmp_path / "a.csv")
    assert (paths, len(problems), problems[0].line) == ([], 1, 0)
