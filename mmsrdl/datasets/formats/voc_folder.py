"""Pascal VOC's folders: a list of image names, and an XML file an image."""

import math
import os
import re
import xml.etree.ElementTree as ET

from mmengine.fileio import join_path

from mmsrdl.datasets.annotation_file import first_of, read_text
from mmsrdl.datasets.formats.annotations import Annotations, Box, ImageRecord
from mmsrdl.datasets.formats.checks import Problem, check_distinct, collected

__all__ = [
    "NOT_IN_XML",
    "VOC_LAYOUT",
    "VOCObject",
    "format_voc",
    "is_bare_name",
    "read_voc",
    "voc_image_names",
    "voc_objects",
]

VOC_LAYOUT = "JPEGImages/, Annotations/ and ImageSets/Main/{train,val,trainval,test}.txt"

NOT_IN_XML = re.compile("[^\x20-\x7e\xa0-\ufffd\U00010000-\U0010ffff]")
"""Control characters, and the two codes that are none."""


class VOCObject:
    """One object of a VOC annotation.

    Attributes:
        name: Its class.
        difficult: Whether it is marked difficult.
    """

    def __init__(self, item: ET.Element, path: str) -> None:
        self.name = (item.findtext("name") or "").strip()
        if not self.name:
            raise ValueError(
                f"annotation '{path}' has an object without a <name>; give it one, or take "
                "the object out"
            )
        difficult = (item.findtext("difficult") or "0").strip()
        if difficult not in ("0", "1"):
            raise ValueError(
                f"annotation '{path}' has an object '{self.name}' with <difficult>{difficult}"
                "</difficult>; write 0 or 1"
            )
        self.difficult = difficult == "1"
        self._item = item
        self._path = path

    def box(self) -> Box | None:
        """Returns its box, or None where it has none; VOC's corners are pixels, from 1.

        Raises:
            ValueError: If the corners are no finite numbers in order.
        """
        corners = self._item.find("bndbox")
        if corners is None:
            return None
        texts = [corners.findtext(key) for key in ("xmin", "ymin", "xmax", "ymax")]
        try:
            left, top, right, bottom = (float(text or "") for text in texts)
            bbox = (left - 1, top - 1, right - left + 1, bottom - top + 1)
            is_box = all(map(math.isfinite, bbox)) and min(bbox[2:]) >= 0
        except ValueError:
            is_box = False
        if not is_box:
            raise ValueError(
                f"annotation '{self._path}' has an object '{self.name}' whose <bndbox> is no box: "
                f"xmin, ymin, xmax, ymax are {texts}; mend it, or take it out"
            )
        return Box(self.name, bbox, self.difficult)


def voc_image_names(text: str, path: str) -> list[str]:
    """Returns the image names of a list of VOC, such as ``ImageSets/Main/train.txt``.

    Args:
        text: Content of the list.
        path: Its path, for messages.

    Raises:
        ValueError: If it is json, or a line is no bare name or repeats one; the message names it.
    """
    if text.lstrip()[:1] in ("{", "["):
        raise ValueError(
            f"ann_file '{path}' is json, but VOCMultiLabel reads a list of image "
            "names, one a line; mmsrdl.CocoMultiLabel reads COCO json, "
            "mmsrdl.MultiLabelDataset OpenMMLab json"
        )
    lines = {i: line.strip() for i, line in enumerate(text.split("\n"), start=1) if line.strip()}
    odd = {i: name for i, name in lines.items() if not is_bare_name(name)}
    if odd:
        raise ValueError(
            f"ann_file '{path}' must be a list of bare image names, one a line, as "
            f"ImageSets/Main/train.txt, got {first_of(list(odd.values()), 3)} (line "
            f"{min(odd)}); lists of one class, such as cat_train.txt, have a second column"
        )
    names = list(lines.values())
    check_distinct(names, path, places=lines)
    return names


def is_bare_name(name: str) -> bool:
    """Returns whether it is the name of an image without its ending, below the folders of VOC."""
    is_below = not name.startswith("/") and ".." not in re.split(r"[/\\]", name)
    is_plain = len(name.split()) == 1 and not NOT_IN_XML.search(name)
    return is_below and is_plain and not name.endswith((".jpg", ".xml"))


def voc_objects(path: str, layout: str) -> list[VOCObject]:
    """Returns the objects of one annotation.

    Args:
        path: The XML file.
        layout: What should lie where, for the message when there is no such file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not the plain XML of a VOC annotation.
    """
    return [VOCObject(item, path) for item in _parse(path, layout).findall("object")]


def read_voc(path: str, text: str, problems: list[Problem] | None = None) -> Annotations:
    """Reads a list of images below ``ImageSets`` and their annotations.

    A class with an ordinary object is a label; one with only objects marked difficult is unknown.
    Paths are below ``JPEGImages``: ``NAME.jpg``, or the annotation's ``<filename>`` if that is NAME
    with another ending.

    Args:
        path: The list, such as ``VOC2007/ImageSets/Main/train.txt``.
        text: Its content.
        problems: Takes what is wrong with single annotations, which are then left out.

    Raises:
        FileNotFoundError: If an annotation is missing.
        ValueError: If list or annotations are malformed; the message names the file.
    """
    root = _root(path)
    layout = f"'{root}' should hold {VOC_LAYOUT}"
    records = []
    for name in voc_image_names(text, path):
        with collected(problems):
            records.append(_record(name, join_path(root, "Annotations", f"{name}.xml"), layout))
    return Annotations(records, source=path, images=join_path(root, "JPEGImages"))


def format_voc(record: ImageRecord) -> str:
    """Returns the XML of one image.

    Labels without a box become objects without one, and unknown ones difficult objects.
    """
    root = ET.Element("annotation")
    ET.SubElement(root, "filename").text = record.path.rsplit("/", maxsplit=1)[-1]
    if record.size:
        size = ET.SubElement(root, "size")
        for key, side in zip(("width", "height", "depth"), (*record.size, 3), strict=True):
            ET.SubElement(size, key).text = str(side)
    positive = set(record.labels)
    boxed = set()
    for box in record.boxes:
        difficult = box.difficult or box.name not in positive
        boxed.add((box.name, difficult))
        item = _add_object(root, box.name, difficult)
        x, y, width, height = box.bbox
        corners = ET.SubElement(item, "bndbox")
        for key, number in dict(xmin=x + 1, ymin=y + 1, xmax=x + width, ymax=y + height).items():
            ET.SubElement(corners, key).text = f"{number:.10g}"
    for name in dict.fromkeys(record.labels):
        if (name, False) not in boxed:
            _add_object(root, name, False)
    for name in dict.fromkeys(record.unknown):
        if name not in positive and (name, True) not in boxed:
            _add_object(root, name, True)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _root(path: str) -> str:
    parts = (path if "://" in path else os.path.abspath(path)).rsplit("/", maxsplit=3)
    if len(parts) < 4 or parts[1] != "ImageSets":
        raise ValueError(
            f"'{path}' is no list of VOC's folders, as it does not lie in ImageSets/Main beside "
            "Annotations/ and JPEGImages/; put it there, or use mmsrdl.VOCMultiLabel with ann_file"
        )
    return parts[0]


def _record(name: str, path: str, layout: str) -> ImageRecord:
    root = _parse(path, layout)
    objects = [VOCObject(item, path) for item in root.findall("object")]
    labels = dict.fromkeys(item.name for item in objects if not item.difficult)
    unknown = dict.fromkeys(item.name for item in objects if item.name not in labels)
    boxes = [item.box() for item in objects]
    file_name = (root.findtext("filename") or "").strip()
    folder, _, stem = name.rpartition("/")
    if os.path.splitext(file_name)[0] != stem:
        file_name = f"{stem}.jpg"
    return ImageRecord(
        f"{folder}/{file_name}" if folder else file_name,
        tuple(labels),
        tuple(unknown),
        tuple(box for box in boxes if box is not None),
        _size(root),
    )


def _size(root: ET.Element) -> tuple[int, int] | None:
    texts = [(root.findtext(f"size/{key}") or "").strip() for key in ("width", "height")]
    if not all(re.fullmatch("[1-9][0-9]{0,8}", text) for text in texts):
        return None
    return int(texts[0]), int(texts[1])


def _add_object(root: ET.Element, name: str, difficult: bool) -> ET.Element:
    item = ET.SubElement(root, "object")
    ET.SubElement(item, "name").text = name
    ET.SubElement(item, "difficult").text = str(int(difficult))
    return item


def _parse(path: str, layout: str) -> ET.Element:
    text = read_text(path, layout)
    # Entities can blow a small file up to gigabytes; VOC's annotations have none. A NUL
    # would let expat read the text as UTF-16 and find declarations that are not seen here.
    if "<!DOCTYPE" in text or "<!ENTITY" in text or "\0" in text:
        raise ValueError(
            f"annotation '{path}' declares a DOCTYPE or ENTITY or holds NUL characters; write "
            "it as plain XML in UTF-8"
        )
    try:
        root = ET.fromstring(text)
    except ET.ParseError as error:
        raise ValueError(
            f"annotation '{path}' is not valid XML: {error}; fetch or write it again"
        ) from error
    if root.tag != "annotation":
        raise ValueError(
            f"'{path}' is not a VOC annotation: its root is <{root.tag}>, not <annotation>; "
            "check data_prefix=dict(ann_path=...)"
        )
    return root
