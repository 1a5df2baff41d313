"""Annotation files of any format, written."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats.annotations import Annotations, ImageRecord
from mmsrdl.datasets.formats.coco_json import format_coco
from mmsrdl.datasets.formats.csv_file import SEPARATOR, annotation_rows, format_csv
from mmsrdl.datasets.formats.jsonl import format_jsonl
from mmsrdl.datasets.formats.openmmlab import format_openmmlab
from mmsrdl.datasets.formats.voc_folder import NOT_IN_XML, format_voc, is_bare_name

__all__ = [
    "check_voc_paths",
    "voc_root_and_list",
    "what_is_lost",
    "write_annotations",
    "write_files",
]

WRITERS: dict[str, Callable[[Annotations], str]] = {
    "csv": lambda annotations: format_csv(annotation_rows(annotations)),
    "jsonl": format_jsonl,
    "openmmlab": format_openmmlab,
    "coco": format_coco,
}


NOT_IN_UTF8 = re.compile("[\ud800-\udfff]")
"""Halves of characters, of which a JSON can hold one alone."""


def write_annotations(
    annotations: Annotations,
    path: str | os.PathLike[str],
    format: str,
    overwrite: bool = False,
) -> None:
    """Writes annotations in a format; warns of what the format cannot hold.

    VOC is written into a folder: ``Annotations/NAME.xml`` and a list of the names. Images are not
    copied; VOC expects them in ``JPEGImages``.

    Args:
        annotations: What to write. COCO needs the size of every image (``add_sizes``).
        path: The file; for VOC the folder, whose list is then named as ``annotations.source``, or
            the list, such as ``VOC2007/ImageSets/Main/train.txt``.
        format: ``'csv'``, ``'jsonl'``, ``'openmmlab'``, ``'coco'`` or ``'voc'``.
        overwrite: Whether files of other content are replaced.

    Raises:
        FileExistsError: If a file of other content is there, and ``overwrite`` is False.
        ValueError: If the format cannot hold a name or a path, images repeat, or labels are not
            among the listed classes.
    """
    path = os.path.expanduser(os.fspath(path))
    if format not in (*WRITERS, "voc"):
        raise ValueError(f"format={format!r} must be one of {[*WRITERS, 'voc']}")
    _check_labels(annotations)
    _check_names(annotations, format)
    if format == "voc":
        files = _voc_files(annotations, path)
    else:
        files = {path: WRITERS[format](annotations)}
    write_files(files, overwrite)
    for loss in what_is_lost(annotations, format):
        warnings.warn(loss, stacklevel=2)


def what_is_lost(annotations: Annotations, format: str) -> list[str]:
    """Returns what a format cannot hold of annotations, a sentence each."""
    records = annotations.records
    unknown = sum(len(set(record.unknown) - set(record.labels)) for record in records)
    lost = []
    if annotations.unread:
        lost.append(f"'{annotations.source}' holds {first_of(annotations.unread)}, not converted")
    if format in ("csv", "jsonl", "voc") and annotations.classes is not None:
        lost.append(
            f"{format} holds no class list: keep the names and the order of the "
            f"{len(annotations.classes)} classes in a file of one name a line"
        )
    if format in ("csv", "openmmlab"):
        boxes = sum(len(record.boxes) for record in records)
        sizes = sum(record.size is not None for record in records)
        if boxes:
            lost.append(f"{format} holds no boxes: {boxes} are left out")
        if sizes:
            lost.append(f"{format} holds no width and height: those of {sizes} images are left out")
    if format == "coco" and unknown:
        lost.append(
            f"coco holds no unknown labels: {unknown} are left out, so that they become negative"
        )
    if format == "voc" and unknown:
        lost.append(
            f"voc: {unknown} unknown labels are written as objects marked difficult, on which "
            "mmsrdl.VOCMultiLabel trains as negatives unless difficult='unknown'"
        )
    others = [record.path for record in records if not record.path.endswith(".jpg")]
    if format == "voc" and others:
        lost.append(
            f"voc: {len(others)} images are no .jpg, which mmsrdl.VOCMultiLabel expects, "
            f"{first_of(others, 3)}; read them with mmsrdl.MultiLabelDataset, or save them as JPEG"
        )
    return lost


def write_files(files: Mapping[str, str], overwrite: bool) -> None:
    """Writes texts to paths, all of them or, if one must not be replaced, none.

    Raises:
        FileExistsError: If a file of other content is there, and ``overwrite`` is False.
    """
    taken = [path for path, text in files.items() if not overwrite and _differs(path, text)]
    if taken:
        raise FileExistsError(
            f"{first_of(taken, 3)} would be replaced; write elsewhere, or give overwrite=True, "
            "--overwrite"
        )
    for path, text in files.items():
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        part = f"{path}.part"
        try:
            with open(part, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            os.replace(part, path)
        finally:
            with suppress(FileNotFoundError):
                os.remove(part)


def voc_root_and_list(path: str, source: str) -> tuple[str, str]:
    """Returns the folder of VOC and the list in it that are written to ``path``.

    Args:
        path: The folder, or the list.
        source: The file of the annotations, which a list in a folder is named after.

    Raises:
        ValueError: If a list does not lie below ``ImageSets``.
    """
    if not path.endswith(".txt"):
        name = os.path.splitext(os.path.basename(source))[0] or "trainval"
        return path, os.path.join(path, "ImageSets", "Main", f"{name}.txt")
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.basename(os.path.dirname(folder)) != "ImageSets":
        raise ValueError(
            f"'{path}' is no place for a list of VOC; give a folder such as VOC2007, or a file "
            "such as VOC2007/ImageSets/Main/train.txt"
        )
    return os.path.dirname(os.path.dirname(folder)), path


def _differs(path: str, text: str) -> bool:
    if not os.path.exists(path):
        return False
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read() != text
    except (OSError, UnicodeDecodeError):
        return True


def _voc_files(annotations: Annotations, path: str) -> dict[str, str]:
    root, names_file = voc_root_and_list(path, annotations.source)
    names = [os.path.splitext(record.path)[0] for record in annotations.records]
    files = {
        os.path.join(root, "Annotations", f"{name}.xml"): format_voc(record)
        for name, record in zip(names, annotations.records, strict=True)
    }
    return files | {names_file: "".join(f"{name}\n" for name in names)}


def _check_labels(annotations: Annotations) -> None:
    """Refuses labels that are not among the listed classes."""
    known = set(annotations.found_classes())
    counts = Counter(name for r in annotations.records for name in _all_names(r))
    outside = {name: count for name, count in counts.items() if name not in known}
    if outside:
        raise ValueError(
            f"{sum(outside.values())} labels of '{annotations.source}' are not among the "
            f"{len(known)} classes: {outside}; add them, or mend the labels"
        )


def _check_names(annotations: Annotations, format: str) -> None:
    """Refuses what a format has no way to write."""
    paths = [record.path for record in annotations.records]
    names = sorted({name for record in annotations.records for name in _all_names(record)})
    classes = annotations.found_classes()
    blank = [text for text in (*classes, *paths) if not text.strip()]
    _refuse(blank, "names of classes and images must not be blank; rename them", format)
    odd = [text for text in (*classes, *paths) if NOT_IN_UTF8.search(text)]
    _refuse(odd, "UTF-8 has no such characters; rename them", format)
    odd = [path for path in paths if "\0" in path]
    _refuse(odd, "no file has NUL in its name; rename them", format)
    repeated = [path for path, count in Counter(paths).items() if count > 1]
    _refuse(repeated, "images stand in it twice; join their labels first", format)
    if format == "csv":
        odd = [name for name in names if SEPARATOR in name]
        _refuse(odd, f"its labels are separated by '{SEPARATOR}'; rename the classes", format)
        odd = [text for text in (*names, *paths) if "\0" in text or "\r" in text]
        _refuse(odd, "NUL and carriage returns are not kept; rename them", format)
    if format == "openmmlab" and len(classes) == 2 and paths:
        odd = [record.path for record in annotations.records if len(record.labels) == 2]
        if len(odd) == len(paths):  # [0, 1] each: see check_labels
            _refuse(odd, "lists of both of two classes look like zeros and ones; use jsonl", format)
    if format in ("csv", "voc"):
        odd = [text for text in (*names, *paths) if text != text.strip() or not text]
        _refuse(odd, "blanks at the ends are not kept; rename them", format)
    if format == "voc":
        odd = [text for text in (*names, *paths) if NOT_IN_XML.search(text)]
        _refuse(odd, "XML cannot hold such characters; rename them", format)
        check_voc_paths(paths)
        stems = Counter(os.path.splitext(path)[0] for path in paths)
        twice = [stem for stem, count in stems.items() if count > 1]
        _refuse(twice, "names of images must differ without their ending; rename them", format)


def check_voc_paths(paths: Iterable[str]) -> None:
    """Refuses paths of images that do not lie below VOC's folders.

    Raises:
        ValueError: If there are any.
    """
    odd = [path for path in paths if not is_bare_name(os.path.splitext(path)[0])]
    _refuse(odd, "images lie in JPEGImages, with plain names", "voc")


def _refuse(odd: list[str], reason: str, format: str) -> None:
    if odd:
        raise ValueError(f"{format} cannot hold {first_of(odd, 5)}: {reason}")


def _all_names(record: ImageRecord) -> tuple[str, ...]:
    return *record.labels, *record.unknown
