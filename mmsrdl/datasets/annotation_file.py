"""Annotation files are read as data: plain text and JSON, never pickles or YAML."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from mmengine.fileio import get_text

__all__ = [
    "FORMATS",
    "check_json",
    "describe_json",
    "entries_of",
    "first_of",
    "load_json",
    "parse_json",
    "read_json",
    "read_text",
]

FORMATS = {
    "mmsrdl.MultiLabelDataset": ("OpenMMLab json", ("metainfo", "data_list")),
    "mmsrdl.CocoMultiLabel": ("COCO json", ("images", "annotations", "categories")),
}
"""By the class that reads it: the name of a format and the keys that make it."""

LONGEST, LONGEST_VALUE = 1000, 120
"""Characters of what a message quotes of a file, and of each value among several."""

LONE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character outside the first 65,536, which no file or terminal takes alone."""


def read_text(path: str, layout: str) -> str:
    """Read a text file in UTF-8, from whatever place MMEngine can reach.

    Args:
        path: File.
        layout: What should lie where, for the message when there is no such file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or is not text in UTF-8; then the message names the line.
    """
    if "\0" in path:
        raise ValueError(f"{path[:200]!r} is no name of a file, as it holds NUL characters")
    try:
        return get_text(path).removeprefix("\ufeff")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise FileNotFoundError(f"'{path}' does not exist as a file; {layout}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"'{path}' is not a text file in UTF-8: {error} (line {line}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise ValueError(
            f"'{path[:300]}' cannot be read: {error.strerror or error}; mend its name or its rights"
        ) from error


def read_json(path: str, reader: str, layout: str) -> dict[str, Any]:
    """Read an annotation file in one of the JSON formats.

    MMEngine's loader takes the ending of a file for its format, unpickles ``.pkl`` and lets YAML
    make any Python object: a file with another ending than ``.json`` is therefore not opened.

    Args:
        path: The ``ann_file``.
        reader: The class that reads it, a key of ``FORMATS``.
        layout: See :func:`read_text`.

    Returns:
        The content, which has the keys of the format.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is in another format; the message says in which, as far as known.
    """
    if not path.lower().endswith(".json"):
        raise ValueError(
            f"ann_file='{path}' is no .json file and was not opened, as pickles and YAML can run "
            "code. Labels are read from OpenMMLab json (mmsrdl.MultiLabelDataset), COCO json "
            "(mmsrdl.CocoMultiLabel) and VOC's folders (mmsrdl.VOCMultiLabel): write them as json"
        )
    content = parse_json(read_text(path, layout), path)
    check_json(content, reader, path)
    return content


def parse_json(text: str, path: str) -> Any:
    """Parse the text of a JSON file.

    Raises:
        ValueError: See :func:`load_json`.
    """
    try:
        return load_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"'{path}' is not json, whatever its name: {error}. It begins with {text[:40]!r}; "
            "fetch or write the file again"
        ) from error


def load_json(text: str) -> Any:
    """Parse JSON, of which ``json`` would take the last of equal keys.

    Raises:
        ValueError: If it is no JSON, an object has a key twice, or a string holds half a character.
        RecursionError: If it is nested too deeply.
    """
    content = json.loads(text, object_pairs_hook=_unique)
    if LONE.search(text):
        json.dumps(content, ensure_ascii=False).encode()
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        name, count = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {name[:80]!r} stands {count} times in one object")
    return content


def check_json(content: Any, reader: str, path: str) -> None:
    """Refuse the content of a JSON file that is in another format.

    Raises:
        ValueError: If the content lacks a key of the format that ``reader`` reads.
    """
    name, keys = FORMATS[reader]
    if not isinstance(content, dict) or not content.keys() >= set(keys):
        raise ValueError(
            f"'{path}' is not the {name} that {reader} reads, with the keys {list(keys)}: "
            f"{describe_json(content)}"
        )


def describe_json(content: Any) -> str:
    """Say which format the content of a JSON file has, and what reads it."""
    mend = "; convert it to one of the formats of docs/data.md"
    if not isinstance(content, dict):
        size = f" of {len(content)} entries" if isinstance(content, list) else ""
        return f"it holds a {type(content).__name__}{size}{mend}"
    for reader, (name, keys) in FORMATS.items():
        if content.keys() >= set(keys):
            return f"it is {name}, which type='{reader}' reads"
    if "images" in content and "annotations" not in content:
        return (
            "it is COCO json without annotations, as of COCO's test sets (image_info_*.json), "
            "whose labels are not public; take the instances json of a labeled split"
        )
    if {"images", "annotations"} <= content.keys():
        return (
            "it is COCO json without categories, as captions_*.json; take the instances json, or "
            "write the classes as 'categories'"
        )
    return f"it holds the keys {first_of(sorted(content))}{mend}"


def entries_of(content: dict[str, Any], key: str, needs: Sequence[str], path: str) -> list[dict]:
    """Return the list of dicts under a key of an annotation file, after a check.

    Raises:
        ValueError: If it is no list, or an entry is no dict or lacks a key of ``needs``.
    """
    entries = content[key]
    if not isinstance(entries, list):
        raise ValueError(f"'{key}' of '{path}' must be a list, got a {type(entries).__name__}")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or any(need not in entry for need in needs):
            raise ValueError(
                f"entry {number} of '{key}' in '{path}' must have the keys {list(needs)}, got "
                f"{str(entry)[:120]}; mend the file"
            )
    return entries


def first_of(values: Sequence[Any], limit: int = 10) -> str:
    """Write out the first values of what may be a long list; long texts are cut."""
    rest = len(values) - limit
    first = [
        f"{value[:LONGEST_VALUE]}..."
        if isinstance(value, str) and len(value) > LONGEST_VALUE
        else value
        for value in values[:limit]
    ]
    text = f"{first}"
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return text + (f" and {rest} more" if rest > 0 else "")
