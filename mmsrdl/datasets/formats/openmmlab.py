"""OpenMMLab's own json, as MMPretrain's MultiLabelDataset reads it."""

import json
from collections.abc import Mapping
from typing import Any

from mmsrdl.datasets.annotation_file import entries_of
from mmsrdl.datasets.data_checks import check_labels, is_index
from mmsrdl.datasets.formats.annotations import Annotations, ImageRecord
from mmsrdl.datasets.formats.checks import (
    Problem,
    check_distinct,
    check_listed_classes,
    check_path,
    collected,
)

__all__ = [
    "check_label_lists",
    "check_metainfo",
    "format_openmmlab",
    "image_of_entry",
    "read_openmmlab",
]

LABEL_KEYS = ("gt_label", "gt_label_difficult")


def check_metainfo(content: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Returns the ``metainfo`` of a file's content.

    Raises:
        ValueError: If it is no dict.
    """
    if not isinstance(content["metainfo"], dict):
        raise ValueError(
            f"'metainfo' of '{path}' must be a dict with 'classes', got "
            f"{str(content['metainfo'])[:120]}"
        )
    return content["metainfo"]


def check_label_lists(entry: dict[str, Any], path: str) -> None:
    """Completes the labels of an entry of ``data_list``, whose ``gt_label_difficult`` may lack.

    Raises:
        ValueError: If they are no lists.
    """
    entry.setdefault("gt_label_difficult", [])
    for key in LABEL_KEYS:
        if not isinstance(entry.get(key), list):
            raise ValueError(
                f"{key} of image '{entry['img_path']}' in '{path}' must be a list of class "
                f"indices, got {str(entry.get(key))[:120]}"
            )


def read_openmmlab(
    path: str, content: dict[str, Any], problems: list[Problem] | None = None
) -> Annotations:
    """Reads ``{"metainfo": {"classes": [...]}, "data_list": [...]}``.

    An entry is ``{"img_path": ..., "gt_label": [...], "gt_label_difficult": [...]}``, with indices
    of ``classes`` counted from 0; the last one is optional, and holds the unknown labels.

    Args:
        path: The file, for messages.
        content: Its content, with both keys.
        problems: Takes what is wrong with entries and labels, which are then left out.

    Raises:
        ValueError: If it is malformed, or names no classes.
    """
    listed = check_metainfo(content, path).get("classes")
    if listed is None:
        raise ValueError(
            f"'{path}' names no classes, so that its labels are numbers without a meaning; write "
            'them into it as "metainfo": {"classes": ["cat", "dog"]}'
        )
    classes = check_listed_classes(listed, path)
    entries = [dict(entry) for entry in entries_of(content, "data_list", ("img_path",), path)]
    sound, places = [], []
    for number, entry in enumerate(entries):
        with collected(problems):
            check_path(entry["img_path"], image_of_entry(number, path))
            check_label_lists(entry, path)
            sound.append(entry)
            places.append(number)
    check_distinct([entry["img_path"] for entry in sound], path, "entries", places, problems)
    with collected(problems):
        if sound:
            check_labels(sound, classes, f"'{path}'")
    records = [
        ImageRecord(
            entry["img_path"],
            _names(entry["gt_label"], classes),
            _names(entry["gt_label_difficult"], classes),
        )
        for entry in sound
    ]
    known = ("img_path", *LABEL_KEYS)
    unread = {key: None for entry in entries for key in entry if key not in known}
    return Annotations(records, classes, source=path, unread=tuple(unread))


def _names(labels: list[Any], classes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(classes[label] for label in labels if is_index(label, len(classes)))


def format_openmmlab(annotations: Annotations) -> str:
    """Returns the text of OpenMMLab's json, with the listed or found classes."""
    classes = annotations.found_classes()
    index = {name: i for i, name in enumerate(classes)}
    data_list = []
    for record in annotations.records:
        entry: dict[str, Any] = {"img_path": record.path}
        entry["gt_label"] = [index[name] for name in record.labels]
        if record.unknown:
            entry["gt_label_difficult"] = [index[name] for name in record.unknown]
        data_list.append(entry)
    content = {"metainfo": {"classes": classes}, "data_list": data_list}
    return json.dumps(content, ensure_ascii=False)


def image_of_entry(number: int, path: str) -> str:
    """Says where an entry's path stands, for messages."""
    return f"'img_path' of entry {number} of 'data_list' in '{path}'"
