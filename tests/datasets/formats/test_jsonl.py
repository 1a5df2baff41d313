import json
from pathlib import Path

import pytest

from mmsrdl.datasets.formats import Annotations, Box, ImageRecord, read_annotations


def read(folder: Path, text: str) -> Annotations:
    (folder / "a.ndjson").write_bytes(text.encode())
    return read_annotations(folder / "a.ndjson")


def test_all_keys(tmp_path: Path) -> None:
    lines = [
        {"path": "a.jpg", "labels": ["cat"], "unknown": ["dog"], "width": 4, "height": 3,
         "boxes": [{"name": "dog", "bbox": [0, 1, 2.5, 3], "difficult": True}]},
        {"path": "b\u2028.jpg", "labels": [], "caption": "none"},
    ]  # fmt: skip
    text = "\ufeff" + "\r\n\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    annotations = read(tmp_path, text)
    box = Box("dog", (0.0, 1.0, 2.5, 3.0), difficult=True)
    assert annotations.records == [
        ImageRecord("a.jpg", ("cat",), ("dog",), (box,), (4, 3)),
        ImageRecord("b\u2028.jpg", ()),
    ]
    assert [record.line for record in annotations.records] == [1, 3]
    assert annotations.unread == ("caption",)
    assert annotations.images == str(tmp_path)


GOOD = '{"path": "a.jpg", "labels": []}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", r"a.ndjson' is empty; write an image a line, such as \{"),
        (GOOD + "{'path'", r"line 2 of '.*a.ndjson' is not json: .*begins with \"\{'path'\""),
        ("[" * 100_000, "line 1 of '.*' is not json"),
        (GOOD + "\n[1]", r"line 3 of .* must be an object with the keys \['path', 'labels'\]"),
        ('{"path": "a.jpg", "label": []}', r"must be an object with the keys .*got \{\"path\""),
        ('{"path": 3, "labels": []}', "'path' of line 1 .* must be the name of an image, got 3"),
        ('{"path": "a", "labels": "cat"}', "'labels' of line 1 .* list of class names, got cat"),
        ('{"path": "a", "labels": [1]}', r"'labels' of line 1 .* list of class names, got \[1\]"),
        ('{"path": "a", "labels": [], "unknown": null}', "'unknown' of line 1 .* got None"),
        (GOOD + GOOD, "lines 1 and 2 of '.*' are both of image 'a.jpg'"),
        ('{"path": "a", "labels": [], "width": 3}', "width and height of line 1 .* 3 and None"),
        ('{"path": "a", "labels": [], "boxes": {}}', "'boxes' of line 1 .* must be a list"),
        ('{"path": "a", "labels": [], "boxes": [[0, 0, 1, 1]]}', r"box of line 1 .*\['name', 'b"),
        (
            '{"path": "a", "labels": ["b"], "boxes": [{"name": "c", "bbox": [0, 0, 1, 1]}]}',
            r"box of line 1 of .* is of 'c', which is none of the image's labels .*\['b'\]",
        ),
        (
            '{"path": "a", "labels": ["b"], "boxes": [{"name": ["b"], "bbox": [0, 0, 1, 1]}]}',
            r"box of line 1 of .* is of \['b'\], which is none of the image's labels",
        ),
        (
            '{"path": "a", "labels": ["b"], "boxes": [{"name": "b", "bbox": [0, 0, -1, 1]}]}',
            r"box of 'b' in line 1 of .* must be \[x, y, width, height\].*got \[0, 0, -1, 1\]",
        ),
        (
            '{"path": "a", "labels": ["b"], "boxes": [{"name": "b", "bbox": [0, 0, NaN, 1]}]}',
            "four finite numbers",
        ),
        (
            '{"path": "a", "labels": ["b"], "boxes": [{"name": "b", "bbox": [0, 0, 1, 1%s]}]}'
            % ("0" * 400),
            "four finite numbers",
        ),
        (
            '{"path": "a", "labels": ["b"], "boxes": '
            '[{"name": "b", "bbox": [0, 0, 1, 1], "difficult": 1}]}',
            "'difficult' of a box of line 1 .* must be true or false, got 1",
        ),
    ],
)  # fmt: skip
def test_malformed(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)
