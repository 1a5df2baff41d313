"""JSON lines: an image a line, as an object with its path, labels and boxes."""

import json
from typing import Any

from mmsrdl.datasets.annotation_file import first_of, load_json
from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord
from mmsrdl.datasets.formats.checks import (
    Problem,
    check_bbox,
    check_distinct,
    check_path,
    check_size,
    collected,
)

__all__ = ["format_jsonl", "read_jsonl"]

KEYS = ("path", "labels", "unknown", "boxes", "width", "height")
EXAMPLE = '{"path": "a.jpg", "labels": ["cat", "dog"]}'


def read_jsonl(path: str, text: str, problems: list[Problem] | None = None) -> Annotations:
    """Reads JSON lines: ``{"path": ..., "labels": [...]}``, an image a line.

    Further keys, each optional: ``unknown``, a list of class names; ``boxes``, a list of
    ``{"name": ..., "bbox": [x, y, width, height], "difficult": false}``, pixels from 0; ``width``
    and ``height``. Others are not read.

    Args:
        path: The file, for messages.
        text: Its content.
        problems: Takes what is wrong with single lines, which are then left out.

    Raises:
        ValueError: If a line is no such object; the message names it.
    """
    records = []
    unread: dict[str, None] = {}
    # Not splitlines, which would also part a line at characters that a JSON string may hold.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            with collected(problems, number):
                entry = _parse(line, f"line {number} of '{path}'")
                records.append(_record(entry, number, f"line {number} of '{path}'"))
                unread.update(dict.fromkeys(key for key in entry if key not in KEYS))
    if not records and not problems:
        raise ValueError(f"'{path}' is empty; write an image a line, such as {EXAMPLE}")
    lines = [record.line for record in records]
    check_distinct([record.path for record in records], path, places=lines, problems=problems)
    return Annotations(records, source=path, unread=tuple(unread))


def format_jsonl(annotations: Annotations) -> str:
    """Returns the text of a file of JSON lines."""
    return "".join(
        json.dumps(_entry(record), ensure_ascii=False) + "\n" for record in annotations.records
    )


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        entry = load_json(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{where} is not json: {error}. It begins with {line[:40]!r}; write an image a line, "
            f"such as {EXAMPLE}"
        ) from error
    if not isinstance(entry, dict) or not {"path", "labels"} <= entry.keys():
        raise ValueError(
            f"{where} must be an object with the keys ['path', 'labels'], such as {EXAMPLE}, got "
            f"{line.strip()[:120]}"
        )
    return entry


def _record(entry: dict[str, Any], number: int, where: str) -> ImageRecord:
    path = check_path(entry["path"], f"'path' of {where}")
    labels, unknown = (_names(entry.get(key, []), key, where) for key in ("labels", "unknown"))
    boxes = entry.get("boxes", [])
    if not isinstance(boxes, list):
        raise ValueError(f"'boxes' of {where} must be a list, got {str(boxes)[:80]}")
    return ImageRecord(
        path,
        labels,
        unknown,
        tuple(_box(box, {*labels, *unknown}, where) for box in boxes),
        check_size(entry.get("width"), entry.get("height"), where),
        number,
    )


def _names(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(n, str) and n.strip() for n in value):
        raise ValueError(
            f"'{key}' of {where} must be a list of class names, got {str(value)[:120]}; write such "
            'as ["cat", "dog"], and [] for none'
        )
    return tuple(value)


def _box(value: Any, names: set[str], where: str) -> Box:
    if not isinstance(value, dict) or not {"name", "bbox"} <= value.keys():
        raise ValueError(
            f"a box of {where} must have the keys ['name', 'bbox'], got {str(value)[:120]}"
        )
    name, difficult = value["name"], value.get("difficult", False)
    if not isinstance(name, str) or name not in names:
        raise ValueError(
            f"a box of {where} is of {name!r}, which is none of the image's labels and unknown "
            f"ones, {first_of(sorted(names))}; add it to one of them"
        )
    if not isinstance(difficult, bool):
        raise ValueError(f"'difficult' of a box of {where} must be true or false, got {difficult}")
    return Box(name, check_bbox(value["bbox"], f"'{name}' in {where}"), difficult)


def _entry(record: ImageRecord) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": record.path, "labels": record.labels}
    if record.unknown:
        entry["unknown"] = record.unknown
    if record.boxes:
        entry["boxes"] = [
            {"name": box.name, "bbox": box.bbox} | ({"difficult": True} if box.difficult else {})
            for box in record.boxes
        ]
    if record.size:
        entry["width"], entry["height"] = record.size
    return entry
