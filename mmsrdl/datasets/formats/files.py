"""Annotation files of any format: opened, read and written."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmsrdl.datasets.annotation_file import (
    FORMATS,
    check_json,
    describe_json,
    first_of,
    parse_json,
    read_text,
)
from mmsrdl.datasets.formats.annotations import Annotations
from mmsrdl.datasets.formats.checks import Problem, collected
from mmsrdl.datasets.formats.coco_json import read_coco
from mmsrdl.datasets.formats.csv_file import read_csv
from mmsrdl.datasets.formats.jsonl import read_jsonl
from mmsrdl.datasets.formats.openmmlab import read_openmmlab
from mmsrdl.datasets.formats.voc_folder import read_voc

__all__ = ["READERS", "AnnotationFile", "open_annotations", "parse_annotations", "read_annotations"]

READERS: dict[str, Callable[[str, Any, list[Problem] | None], Annotations]] = {
    "csv": read_csv,
    "jsonl": read_jsonl,
    "openmmlab": read_openmmlab,
    "coco": read_coco,
    "voc": read_voc,
}
"""By format: takes path, content, and a list for what is wrong with single entries, or None."""

JSON = {"openmmlab": "mmsrdl.MultiLabelDataset", "coco": "mmsrdl.CocoMultiLabel"}
"""By format: its key in ``annotation_file.FORMATS``."""

ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@dataclass(frozen=True)
class AnnotationFile:
    """An annotation file that was opened.

    Attributes:
        path: Its path.
        format: A key of ``READERS``.
        content: Its text, or what its JSON holds.
    """

    path: str
    format: str
    content: Any


def read_annotations(path: str | os.PathLike[str], format: str = "auto") -> Annotations:
    """Reads an annotation file, as data that never runs code.

    Args:
        path: The file; for VOC the list of images, such as ``VOC2007/ImageSets/Main/train.txt``, or
            the folder ``VOC2007`` if it has one such list.
        format: ``'csv'``, ``'jsonl'``, ``'openmmlab'``, ``'coco'``, ``'voc'``, or ``'auto'``, which
            goes by the ending, and in a json by its keys.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of the format; the message names file, place and mend.
    """
    return parse_annotations(open_annotations(path, format))


def open_annotations(
    path: str | os.PathLike[str], format: str = "auto", layout: str = "mend the path"
) -> AnnotationFile:
    """Opens an annotation file and finds its format.

    Args:
        path: See :func:`read_annotations`.
        format: Likewise.
        layout: What should lie where, for the message when there is no such file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If its format cannot be told, or is none that is read.
    """
    path = os.path.expanduser(os.fspath(path))
    if format not in ("auto", *READERS):
        raise ValueError(f"format={format!r} must be 'auto' or one of {list(READERS)}")
    if format in ("auto", "voc") and os.path.isdir(os.path.join(path, "ImageSets")):
        path = _list_of_folder(path)
    found = _format_of_name(path) if format == "auto" else format
    text = read_text(path, layout)
    if found not in ("json", *JSON):
        return AnnotationFile(path, found, text)
    content = parse_json(text, path)
    found = _format_of_json(content, path) if found == "json" else found
    check_json(content, JSON[found], path)
    return AnnotationFile(path, found, content)


def parse_annotations(file: AnnotationFile, problems: list[Problem] | None = None) -> Annotations:
    """Reads what was opened.

    Args:
        file: See :func:`open_annotations`.
        problems: Takes what is wrong; as much as can be read is returned. Without such a list the
            first problem is an error.

    Raises:
        FileNotFoundError: If one of VOC's XML files is missing.
        ValueError: If it is malformed.
    """
    annotations = Annotations([], source=file.path)
    with collected(problems):
        annotations = READERS[file.format](file.path, file.content, problems)
    annotations.images = annotations.images or os.path.dirname(file.path) or "."
    return annotations


def _list_of_folder(path: str) -> str:
    """Returns the one list of images of a folder of VOC."""
    folder = os.path.join(path, "ImageSets", "Main")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    lists = [name for name in names if name.endswith(".txt")]
    if len(lists) != 1:
        raise ValueError(
            f"'{path}' is a folder with {len(lists)} lists of images in ImageSets/Main"
            + (f", {first_of(lists)}" if lists else "")
            + "; give one file: one of these lists, or a .csv, .jsonl or .json"
        )
    return os.path.join(folder, lists[0])


def _format_of_name(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    if ending == ".json":
        return "json"
    if ending == ".txt" and "ImageSets" in os.path.abspath(path).split(os.sep):
        return "voc"
    if ending not in ENDINGS:
        raise ValueError(
            f"'{path}' is no .csv, .jsonl, .ndjson or .json file, nor a .txt below VOC's ImageSets,"
            " and was not opened, as pickles and YAML can run code; write the labels in one of "
            f"these formats, or name its format, one of {list(READERS)}"
        )
    return ENDINGS[ending]


def _format_of_json(content: Any, path: str) -> str:
    for format, reader in JSON.items():
        if isinstance(content, dict) and content.keys() >= set(FORMATS[reader][1]):
            return format
    raise ValueError(f"'{path}' is neither OpenMMLab json nor COCO json: {describe_json(content)}")
