"""An annotation file divided into files of parts."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats import (
    Annotations,
    format_subset,
    open_annotations,
    parse_annotations,
    write_files,
)
from mmsrdl.datasets.formats.subset import SUBSET_ENDINGS
from mmsrdl.datasets.same_content import same_content
from mmsrdl.datasets.stratified_split import part_sizes, stratified_split

__all__ = ["Split", "split_file"]


@dataclass(frozen=True)
class Split:
    """How images were divided.

    Attributes:
        files: The file of each part, by name.
        part: int64 [N], the part of each image.
        classes: C class names.
        positives: int64 [P, C], positive images of each class in each part.
        images: Folder that the images' paths are below.
        missing: Number of images that are not in it, so that their content is not known; None where
            content was not looked at.
        duplicates: Number of images whose content another one has, too.
    """

    files: dict[str, str]
    part: np.ndarray
    classes: tuple[str, ...]
    positives: np.ndarray
    images: str
    missing: int | None
    duplicates: int

    def sizes(self) -> list[int]:
        """Returns the number of images of each part."""
        return np.bincount(self.part, minlength=len(self.files)).tolist()

    def too_rare(self) -> list[str]:
        """Returns the classes that have fewer positive images than there are parts."""
        totals = self.positives.sum(0)
        return [self.classes[i] for i in np.flatnonzero(totals < len(self.files))]


def split_file(
    path: str,
    parts: Mapping[str, float],
    out_dir: str | None = None,
    format: str = "auto",
    seed: int = 0,
    images: str | None = None,
    by_content: bool = True,
    group_by: str | None = None,
    overwrite: bool = False,
    progress: Callable[[Sequence], Iterable] = iter,
) -> Split:
    """Divides an annotation file into parts with like shares of every class, and writes them.

    Parts are written in the format of the file, with all that it holds of their images. Those of
    VOC are lists of image names.

    Args:
        path: The file; see :func:`read_annotations`.
        parts: Share of each part by name; they sum to 1.
        out_dir: Folder of the parts, ``NAME.csv`` and so on. Defaults to that of the file.
        format: See :func:`read_annotations`.
        seed: Seed of :func:`stratified_split`.
        images: Folder that the images' paths are below. Defaults to that of the file, or VOC's
            ``JPEGImages``.
        by_content: Whether images of the same content are kept in one part, as far as their files
            are there.
        group_by: Regular expression that is searched in each path; images of which it finds the
            same (its first group, if it has one) are kept in one part.
        overwrite: Whether files of other content are replaced.
        progress: Wraps the images while they are compared, as :func:`rich.progress.track`.

    Raises:
        FileExistsError: If a part's file would be replaced, and ``overwrite`` is False.
        ValueError: If shares, names or ``group_by`` do not fit, or a part gets no image.
    """
    file = open_annotations(path, format)
    annotations = parse_annotations(file)
    _check_parts(parts, len(annotations.records), path)
    folder = os.path.expanduser(images) if images else annotations.images
    bound = _same_keys(annotations, group_by) if group_by is not None else []
    missing, duplicates = None, []
    if by_content:
        paths = [os.path.join(folder, record.path) for record in annotations.records]
        missing = sum(not os.path.isfile(each) for each in paths)
        if images and missing == len(paths):
            raise FileNotFoundError(
                f"none of the {len(paths)} images of '{path}' is in images='{images}', such as "
                f"'{paths[0]}'; give the folder that the paths are below"
            )
        duplicates = same_content(paths, progress)
    labels, classes = _label_matrix(annotations)
    groups = _join(len(labels), bound + duplicates)
    part = stratified_split(labels, list(parts.values()), groups, seed)
    out_dir = os.path.dirname(file.path) if out_dir is None else os.path.expanduser(out_dir)
    ending = SUBSET_ENDINGS[file.format]
    files = {name: os.path.join(out_dir, f"{name}{ending}") for name in parts}
    texts = [format_subset(file, np.flatnonzero(part == p).tolist()) for p in range(len(parts))]
    write_files(dict(zip(files.values(), texts, strict=True)), overwrite)
    return Split(
        files,
        part,
        classes,
        np.stack([labels[part == p].sum(0) for p in range(len(parts))]),
        folder,
        missing,
        sum(map(len, duplicates)),
    )


def _check_parts(parts: Mapping[str, float], number: int, path: str) -> None:
    odd = [name for name in parts if not re.fullmatch(r"[\w.-]+", name)]
    if odd:
        raise ValueError(f"names of parts must be of letters, digits, '_', '-' and '.', got {odd}")
    if len(parts) < 2 or min(parts.values()) <= 0 or abs(sum(parts.values()) - 1) > 1e-6:
        raise ValueError(
            f"parts={dict(parts)} must be two or more with positive shares that sum to 1, such as "
            f"train=0.8 val=0.2; they sum to {sum(parts.values()):g}"
        )
    sizes = part_sizes(number, list(parts.values()))
    if not all(sizes):
        raise ValueError(
            f"'{path}' has {number} images, of which the parts get {sizes}; give larger shares, or "
            "fewer parts"
        )


def _label_matrix(annotations: Annotations) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns bool [N, C] of the positives, and the C class names."""
    classes = annotations.found_classes()
    index = {name: i for i, name in enumerate(classes)}
    labels = np.zeros((len(annotations.records), len(classes)), dtype=np.bool_)
    for row, record in zip(labels, annotations.records, strict=True):
        row[[index[name] for name in record.labels]] = True
    return labels, classes


def _same_keys(annotations: Annotations, group_by: str) -> list[list[int]]:
    """Returns the images of each key."""
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise ValueError(f"group_by={group_by!r} is no regular expression: {error}") from error
    paths = [record.path for record in annotations.records]
    found = [pattern.search(path) for path in paths]
    without = [path for path, match in zip(paths, found, strict=True) if match is None]
    if without:
        raise ValueError(
            f"group_by={group_by!r} finds nothing in {len(without)} of {len(paths)} paths, such as "
            f"{first_of(without, 3)}; give an expression that finds the key of every image"
        )
    places = defaultdict(list)
    for place, match in enumerate(found):
        assert match is not None
        places[match[1] if pattern.groups else match[0]].append(place)
    return list(places.values())


def _join(number: int, bound: list[list[int]]) -> list[int]:
    """Returns a number a group for images, of which some lists are bound together."""
    root = list(range(number))

    def find(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    for first, *others in bound:
        for other in others:
            root[find(other)] = find(first)
    return [find(place) for place in range(number)]
