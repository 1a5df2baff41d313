from pathlib import Path

import pytest

from mmsrdl.datasets.formats import ImageRecord, read_annotations


def read(path: Path, text: str) -> list[ImageRecord]:
    (path / "a.csv").write_bytes(text.encode())
    return read_annotations(path / "a.csv").records


@pytest.mark.parametrize(
    "text",
    [
        "path,labels\na.jpg,cat;dog\nb c.jpg,\n",
        "\ufeffpath,labels\r\na.jpg, cat ; dog;\r\n\r\nb c.jpg,\r\n",
        'Labels,IMG_PATH\n"cat;dog",a.jpg\n,b c.jpg',
        "tags,filename,unknown\ncat;dog,a.jpg,\n,b c.jpg,\n",
        "a.jpg,cat;dog\nb c.jpg,\n",
    ],
)
def test_the_same_rows(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == [
        ImageRecord("a.jpg", ("cat", "dog")),
        ImageRecord("b c.jpg", ()),
    ]


def test_quoting_unknown_labels_lines_and_further_columns(tmp_path: Path) -> None:
    text = 'path,labels,unknown,split\n"a, ""b"".jpg","cat, big;épée",dog;cow,train\n\nc,x,,val\n'
    records = read(tmp_path, text)
    assert records[0] == ImageRecord('a, "b".jpg', ("cat, big", "épée"), ("dog", "cow"))
    assert [record.line for record in records] == [2, 4]
    annotations = read_annotations(tmp_path / "a.csv", "csv")
    assert annotations.unread == ("split",)
    assert annotations.classes is None
    assert annotations.found_classes() == ("cat, big", "cow", "dog", "x", "épée")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.csv' is empty; give it a first line path,labels"),
        ("\n \n", "a.csv' is empty"),
        ("path;labels\na.jpg;cat\n", r"header of .*\['path;labels'\], has no column of path"),
        ("path,cat,dog\na.jpg,1,0\n", r"no column of labels, which may be named labels, label"),
        ("path,labels,Tags\n", r"has 2 columns of labels, \['labels', 'Tags'\]; leave one"),
        ("path,labels\na.jpg,cat,dog\n", r"line 2 of '.*a.csv' has 3 cells, not 2 .*'dog'\]"),
        ("a.jpg,cat\n\nb.jpg\n", r"line 3 of .* has 1 cells, not 2"),
        ("path,labels\n ,cat\n", "line 2 of '.*' names no image"),
        ("path,labels\na.jpg,cat\nb.jpg,\na.jpg,dog\n", "lines 2 and 4 of '.*' are both of image"),
        ('path,labels\na.jpg,cat\nb.jpg,"dog\nc.jpg,\n', "line 3 of '.*' is no row of a CSV"),
        ("path,labels\na\0.jpg,cat\n", "holds NUL characters"),
    ],
)
def test_malformed(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text)


def test_not_utf8_and_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("path,labels\na.jpg,épée\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a.csv' is not a text file in UTF-8"):
        read_annotations(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError, match=r"b.csv' does not exist"):
        read_annotations(tmp_path / "b.csv")
