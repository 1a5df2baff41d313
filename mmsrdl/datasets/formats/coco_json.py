"""COCO's instances json."""

import io
import json
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

from mmengine.logging import print_log
from pycocotools.coco import COCO

from mmsrdl.datasets.annotation_file import entries_of, first_of
from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord
from mmsrdl.datasets.formats.checks import (
    Problem,
    check_bbox,
    check_distinct,
    check_listed_classes,
    check_path,
    check_size,
    collected,
)

__all__ = [
    "check_file_names",
    "check_image_ids",
    "coco_box",
    "format_coco",
    "index_coco",
    "read_coco",
]

NEEDED = {
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}

KEYS = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "bbox", "area", "iscrowd"),
}
"""What is read, or follows from it."""


def index_coco(content: dict[str, Any], path: str) -> COCO:
    """Returns pycocotools' index of a file's content, whose images stay in ``dataset``.

    Raises:
        ValueError: If an image, annotation or category lacks a key that is needed, has an id that
            is no number or string, or categories have an id or a name twice.
    """
    for part, keys in NEEDED.items():
        _check_ids(entries_of(content, part, keys, path), part, path)
    categories = content["categories"]
    check_listed_classes([category["name"] for category in categories], path)
    twice = [i for i, count in Counter(each["id"] for each in categories).items() if count > 1]
    if twice:
        raise ValueError(
            f"several categories of '{path}' have one id, {first_of(twice)}, so that labels have "
            "no clear class; give every category an id of its own"
        )
    for number, item in enumerate(content["annotations"]):
        item.setdefault("id", number)  # the index asks for it, labels do not
    index = COCO()
    index.dataset = content
    with redirect_stdout(io.StringIO()):  # it reports its progress
        index.createIndex()
    return index


def _check_ids(entries: Sequence[dict[str, Any]], part: str, path: str) -> None:
    for key in ("id", "image_id", "category_id"):
        for number, entry in enumerate(entries):
            value = entry.get(key, 0)
            if type(value) in (int, str) or (type(value) is float and value == value):
                continue
            raise ValueError(
                f"'{key}' of entry {number} of '{part}' in '{path}' must be a number, got "
                f"{str(value)[:80]}; mend the file"
            )


def check_image_ids(index: COCO, path: str) -> None:
    """Refuses images of one id, and warns of annotations without an image.

    Raises:
        ValueError: If ids repeat, or those of images and annotations have nothing in common.
    """
    images = index.dataset["images"]
    if len(index.imgs) < len(images):
        first: dict[Any, int] = {}
        second = next(i for i, each in enumerate(images) if first.setdefault(each["id"], i) != i)
        raise ValueError(
            f"'{path}' lists {len(images)} images but {len(index.imgs)} ids, so that labels have "
            f"no clear image: entries {first[images[second]['id']]} and {second} of 'images' have "
            f"the id {images[second]['id']}; give every image an id of its own"
        )
    strangers = [image_id for image_id in index.imgToAnns if image_id not in index.imgs]
    if strangers and len(strangers) == len(index.imgToAnns):
        raise ValueError(
            f"no annotation of '{path}' is of an image that it lists: image_id "
            f"{first_of(strangers, 3)} against ids {first_of(list(index.imgs), 3)}; write the "
            "ids of both alike, as numbers"
        )
    if strangers:
        print_log(
            f"'{path}' annotates {len(strangers)} images that it does not list, "
            f"whose labels are left out: image ids {first_of(strangers)}",
            logger="current",
            level=logging.WARNING,
        )


def check_file_names(
    images: Sequence[dict[str, Any]], path: str, problems: list[Problem] | None = None
) -> None:
    """Refuses files that stand under several ids, or notes each in ``problems``.

    Raises:
        ValueError: If there are any.
    """
    names = [str(image["file_name"]) for image in images]
    check_distinct(names, path, "entries of 'images'", problems=problems)


def coco_box(annotation: dict[str, Any], name: str, path: str) -> Box | None:
    """Returns the box of an annotation of class ``name``; None where it has none.

    Crowds are left out by COCO's own evaluation, and are therefore ``difficult``.

    Raises:
        ValueError: If the box is malformed.
    """
    if not annotation.get("bbox"):
        return None
    where = f"annotation {annotation['id']} ('{name}') of '{path}'"
    if annotation.get("iscrowd", 0) not in (0, 1):
        raise ValueError(f"'iscrowd' of {where} must be 0 or 1, got {annotation['iscrowd']!r}")
    return Box(name, check_bbox(annotation["bbox"], where), bool(annotation.get("iscrowd")))


def read_coco(
    path: str, content: dict[str, Any], problems: list[Problem] | None = None
) -> Annotations:
    """Reads ``images``, ``annotations`` and ``categories``; boxes are not needed.

    An image is positive for every class of which it has an annotation, crowds included. Classes
    are in the order of ``categories``.

    Args:
        path: The file, for messages.
        content: Its content, with the three keys.
        problems: Takes what is wrong with single images, which are then left out, and with
            annotations of categories that are not listed.

    Raises:
        ValueError: If it is malformed; the message names the entry.
    """
    index = index_coco(content, path)
    check_image_ids(index, path)
    names = {category["id"]: category["name"] for category in content["categories"]}
    classes = check_listed_classes([each["name"] for each in content["categories"]], path)
    outside = [a for a in content["annotations"] if a["category_id"] not in names]
    with collected(problems):
        if outside:
            raise ValueError(
                f"{len(outside)} annotations of '{path}' are of categories that it does not list, "
                f"{first_of(sorted({str(a['category_id']) for a in outside}))}, the first one "
                f"annotation {outside[0]['id']} of image {outside[0]['image_id']}; add them to "
                "'categories', or take the annotations out"
            )
    check_file_names(content["images"], path, problems)
    records = []
    for image in content["images"]:
        items = [a for a in index.imgToAnns.get(image["id"], []) if a["category_id"] in names]
        with collected(problems):
            records.append(_record(image, items, names, path))
    return Annotations(records, classes, source=path, unread=_unread(content))


def format_coco(annotations: Annotations) -> str:
    """Returns the text of a COCO json, with ids from 1.

    Labels without a box become annotations without one; unknown labels are left out.

    Raises:
        ValueError: If the width and height of an image are not known.
    """
    classes = annotations.found_classes()
    category_ids = {name: i for i, name in enumerate(classes, start=1)}
    images: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for image_id, record in enumerate(annotations.records, start=1):
        if record.size is None:
            raise ValueError(
                f"COCO json needs the size of every image, and that of '{record.path}' is not "
                "known; give the images' folder, so that it is read from the files"
            )
        width, height = record.size
        images.append(dict(id=image_id, file_name=record.path, width=width, height=height))
        for name, extra in _items(record):
            item = dict(id=len(items) + 1, image_id=image_id, category_id=category_ids[name])
            items.append(item | extra)
    categories = [dict(id=i, name=name) for name, i in category_ids.items()]
    content = dict(images=images, annotations=items, categories=categories)
    return json.dumps(content, ensure_ascii=False)


def _record(
    image: dict[str, Any], items: list[dict[str, Any]], names: dict[Any, str], path: str
) -> ImageRecord:
    where = f"image {image['id']} of '{path}'"
    check_path(image["file_name"], f"'file_name' of {where}")
    labels = dict.fromkeys(names[item["category_id"]] for item in items)
    boxes = [coco_box(item, names[item["category_id"]], path) for item in items]
    size = check_size(image.get("width"), image.get("height"), where)
    found = tuple(box for box in boxes if box is not None)
    return ImageRecord(image["file_name"], tuple(labels), boxes=found, size=size)


def _items(record: ImageRecord) -> list[tuple[str, dict[str, Any]]]:
    """Returns the class and the further keys of every annotation of an image."""
    boxes = [box for box in record.boxes if box.name in record.labels]
    boxed = {box.name for box in boxes}
    items = [
        (
            box.name,
            dict(bbox=box.bbox, area=box.bbox[2] * box.bbox[3], iscrowd=int(box.difficult)),
        )
        for box in boxes
    ]
    bare = dict.fromkeys(name for name in record.labels if name not in boxed)
    return items + [(name, dict(iscrowd=0)) for name in bare]


def _unread(content: dict[str, Any]) -> tuple[str, ...]:
    found = {
        key: None
        for part, known in KEYS.items()
        for entry in content[part]
        for key, value in entry.items()
        if key not in known and value not in ([], {}, None, "")
    }
    return tuple(found)
