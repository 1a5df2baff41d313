"""Annotation files turned into other formats."""

import filecmp
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats.annotations import Annotations
from mmsrdl.datasets.formats.files import ENDINGS, open_annotations, parse_annotations
from mmsrdl.datasets.formats.image_sizes import add_sizes
from mmsrdl.datasets.formats.write import (
    check_voc_paths,
    voc_root_and_list,
    write_annotations,
)

__all__ = ["convert_annotations", "copy_images", "format_to_write"]


def format_to_write(path: str) -> str:
    """Returns the format that the ending of a new file tells.

    Raises:
        ValueError: If it tells none, or two.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending == ".txt" and "ImageSets" in os.path.abspath(path).split(os.sep):
        return "voc"
    if ending not in ENDINGS:
        raise ValueError(
            f"the ending of '{path}' tells no format; name it: coco or openmmlab for a .json, voc "
            "for a folder, or write to a .csv or .jsonl"
        )
    return ENDINGS[ending]


def convert_annotations(
    source: str,
    target: str,
    source_format: str = "auto",
    target_format: str = "auto",
    images: str | None = None,
    classes: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Callable[[Sequence], Iterable] = iter,
) -> Annotations:
    """Reads an annotation file and writes it in another format; warns of what that cannot hold.

    Args:
        source: The file; see :func:`read_annotations`.
        target: The file or VOC's folder to write; see :func:`write_annotations`.
        source_format: See :func:`read_annotations`.
        target_format: A format, or ``'auto'``, which goes by the ending.
        images: Folder that the images' paths are below, for COCO, which needs their sizes. Defaults
            to the source's folder, or VOC's ``JPEGImages``.
        classes: Class names in order. Defaults to those that the file lists, or else to all of the
            labels, sorted.
        overwrite: Whether files of other content are replaced.
        progress: Wraps the images while sizes are read, as :func:`rich.progress.track`.

    Returns:
        What was written, with ``images``.
    """
    if target_format == "auto":
        target_format = format_to_write(target)
    annotations = parse_annotations(open_annotations(source, source_format))
    folder = os.path.expanduser(images) if images else annotations.images
    annotations = replace(
        annotations,
        classes=annotations.classes if classes is None else tuple(classes),
        images=folder,
    )
    if target_format == "coco" or (target_format == "voc" and images):
        annotations = add_sizes(annotations, folder, progress)
    write_annotations(annotations, target, target_format, overwrite)
    return annotations


def copy_images(
    annotations: Annotations,
    target: str,
    overwrite: bool = False,
    progress: Callable[[Sequence], Iterable] = iter,
) -> str:
    """Copies the images of annotations into the folder of VOC that they were written to.

    Args:
        annotations: Annotations, with ``images``.
        target: VOC's folder, or the list in it.
        overwrite: Whether images of other content are replaced.
        progress: Wraps the images, as :func:`rich.progress.track`.

    Returns:
        The folder of the copies.

    Raises:
        ValueError: If a path leads out of the folder.
        FileNotFoundError: If images are not there.
        FileExistsError: If there is a file of another content, and ``overwrite`` is False.
    """
    root, _ = voc_root_and_list(target, annotations.source)
    check_voc_paths([record.path for record in annotations.records])
    folder = os.path.join(root, "JPEGImages")
    pairs = [
        (os.path.join(annotations.images, record.path), os.path.join(folder, record.path))
        for record in annotations.records
    ]
    missing = [start for start, _ in pairs if not os.path.isfile(start)]
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(pairs)} images are not there, so that none was copied: "
            f"{first_of(missing, 3)}; give the folder that the paths are below"
        )
    pairs = [
        (start, end)
        for start, end in pairs
        if not (os.path.exists(end) and filecmp.cmp(start, end, shallow=False))
    ]
    taken = [end for _, end in pairs if os.path.exists(end) and not overwrite]
    if taken:
        raise FileExistsError(
            f"{first_of(taken, 3)} would be replaced; write elsewhere, or give overwrite=True, "
            "--overwrite"
        )
    for start, end in progress(pairs):
        os.makedirs(os.path.dirname(end), exist_ok=True)
        shutil.copy2(start, end)
    return folder
