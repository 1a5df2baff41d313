"""What would go wrong quietly in a data set: labels that mean nothing, files that are not there."""

import logging
import os
import reprlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmsrdl.datasets.annotation_file import first_of

__all__ = [
    "check_images",
    "check_labels",
    "check_positives",
    "is_index",
    "missing_images",
    "reads_local_files",
]

LABEL_KEYS = ("gt_label", "gt_label_difficult")
STORAGE_ARGUMENTS = ("backend_args", "file_client_args")
"""Attributes of mmcv's loading transforms."""


def check_labels(data_list: Sequence[dict], classes: Sequence[str], owner: str) -> None:
    """Refuse labels that are no indices of the class list.

    Args:
        data_list: Data infos with ``img_path``, ``gt_label`` and ``gt_label_difficult``.
        classes: C class names.
        owner: Name of the data set for the message.

    Raises:
        ValueError: If there are any, or if every image has C zeros and ones.
    """
    size = len(classes)
    if size > 1 and all(_is_multi_hot(info["gt_label"], size) for info in data_list):
        info = data_list[0]
        raise ValueError(
            f"gt_label of image '{info['img_path']}' and of all others of {owner} is a row of "
            f"{size} zeros and ones, {first_of(info['gt_label'])}; give the indices of the "
            "positive classes instead, such as [0, 2]"
        )
    wrong = [
        (label, info["img_path"])
        for info in data_list
        for key in LABEL_KEYS
        for label in info[key]
        if not is_index(label, size)
    ]
    if wrong:
        label, path = wrong[0]
        name = f" (it is the name of class {classes.index(label)})" if label in classes else ""
        images = len({path for _, path in wrong})
        raise ValueError(
            f"label {reprlib.repr(label)} of image '{path}' is outside the {size} classes of "
            f"{owner}, which are the indices 0 to {size - 1}{name}; {len(wrong)} such labels in "
            f"{images} of {len(data_list)} images: {first_of([label for label, _ in wrong])}. Mend "
            "the annotation, or give all classes as metainfo=dict(classes=[...])"
        )


def check_positives(
    data_list: Sequence[dict], classes: Sequence[str], owner: str, ann_file: str
) -> None:
    """Refuse a data set without a positive label, and warn of classes that have none.

    Raises:
        ValueError: If no image is positive for any class.
    """
    labels = [label for info in data_list for label in info["gt_label"]]
    if not labels:
        left_out = sum(bool(info["gt_label_difficult"]) for info in data_list)
        raise ValueError(
            f"none of the {len(data_list)} images of {owner} is positive for any class"
            + (f" ({left_out} have labels that are left out)" if left_out else "")
            + ": nothing can be learned or measured. Check that "
            f"'{ann_file}' is a labeled split of this data set, whose objects are not all difficult"
        )
    counts = np.bincount(labels, minlength=len(classes))
    empty = [name for name, count in zip(classes, counts, strict=True) if not count]
    if empty:
        print_log(
            f"{owner}: {len(empty)} of {len(classes)} classes have no positive image in "
            f"'{ann_file}', which can teach or measure nothing of them: {first_of(empty)}",
            logger="current",
            level=logging.WARNING,
        )


def reads_local_files(transforms: Sequence[Any]) -> bool:
    """Return whether there are transforms, and none that reads from another storage."""
    storages = [getattr(t, key, None) for t in transforms for key in STORAGE_ARGUMENTS]
    return bool(transforms) and all(
        storage.get("backend", "local") in ("local", "disk") for storage in storages if storage
    )


def check_images(paths: Sequence[str], owner: str, ann_file: str, where: str) -> None:
    """Refuse images that are not there; each folder is listed once.

    Args:
        paths: Images. Addresses with ``://`` are left out.
        owner: Name of the data set for the message.
        ann_file: Annotation file, likewise.
        where: Where the images are looked for, likewise.

    Raises:
        FileNotFoundError: If there are any.
    """
    missing = missing_images(paths)
    if missing:
        raise FileNotFoundError(
            f"{len(missing)} of {len(paths)} images of {owner} do not exist: {first_of(missing)}. "
            f"'{ann_file}' names them, under {where}: mend data_root or "
            "data_prefix=dict(img_path=...), or fetch the images; check_files=False leaves this "
            "check out"
        )


def missing_images(paths: Iterable[str]) -> list[str]:
    """Return the images that are not there; each folder is listed once.

    Args:
        paths: Images. Addresses with ``://`` are left out.
    """
    listings: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        if "://" in path:
            continue
        folder, name = os.path.split(path)
        if folder not in listings:
            listings[folder] = _names_in(folder)
        # A listing may spell a name differently (upper case, Unicode), or may not be allowed.
        if name not in listings[folder] and not os.path.exists(path):
            missing.append(path)
    return missing


def _names_in(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder or "."))
    except OSError:
        return set()


def is_index(label: Any, size: int) -> bool:
    """Return whether a label is the index of one of ``size`` classes."""
    is_integer = isinstance(label, (int, np.integer)) and not isinstance(label, bool)
    return is_integer and 0 <= label < size


def _is_multi_hot(labels: Sequence[Any], size: int) -> bool:
    return len(labels) == size and all(label in (0, 1) for label in labels)
