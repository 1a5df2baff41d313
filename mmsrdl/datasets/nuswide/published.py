"""NUS-WIDE as it is published: text files of tags, concepts and images."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmsrdl.datasets.annotation_file import first_of, read_text
from mmsrdl.datasets.nuswide.binary_table import read_binary_table
from mmsrdl.datasets.nuswide.labels import SPLITS, LabeledImages, NUSWIDELabels

__all__ = ["COUNTS", "read_published"]

COUNTS: Mapping[str, int] = {
    "tags": 1000,
    "concepts": 81,
    "seen": 925,
    "train": 161_789,
    "test": 107_859,
}
"""How many of what the whole data set has."""

PLACES = {
    "Labels": (
        "Groundtruth/TrainTestLabels",
        "NUS-WIDE/Groundtruth/TrainTestLabels",
        "TrainTestLabels",
    ),
    "Concepts": ("ConceptsList", "NUS-WIDE/ConceptsList", "."),
    "Tags": ("NUS_WID_Tags", "."),
    "Images": ("ImageList", "NUS-WIDE/ImageList", "."),
}
"""Folders of the archives; some releases have an outer one, others lack the inner one."""


def read_published(root: str | os.PathLike[str], subset: bool = False) -> NUSWIDELabels:
    """Reads the labels of NUS-WIDE from the published text files.

    Unseen classes are the 81 concepts, whose labels are human; seen ones are those of the 1000
    most frequent tags that are no concept. The files, below ``root``::

        Groundtruth/TrainTestLabels/Labels_CONCEPT_{Train,Test}.txt
        ConceptsList/Concepts81.txt
        NUS_WID_Tags/{TagList1k.txt,Train_Tags1k.dat,Test_Tags1k.dat}
        ImageList/{TrainImagelist,TestImagelist}.txt

    ``Train_Tags81.txt`` and ``Test_Tags81.txt`` are not read: they are tags of the concepts' names,
    which some take for the human labels.

    Args:
        root: Folder of the unpacked archives.
        subset: Whether other numbers of tags, concepts and images than :data:`COUNTS` are taken.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, files do not fit each other, or numbers are others.
    """
    root = Path(root).expanduser()
    tags = _names(_find(root, "Tags", "TagList1k.txt"))
    concepts = _names(_find(root, "Concepts", "Concepts81.txt"))
    columns = [column for column, tag in enumerate(tags) if tag not in set(concepts)]
    images = {
        split: _image_paths(_find(root, "Images", f"{split.title()}Imagelist.txt"))
        for split in SPLITS
    }
    if not subset:
        _check_counts(
            {
                "tags": len(tags),
                "concepts": len(concepts),
                "seen": len(columns),
                **{split: len(paths) for split, paths in images.items()},
            },
            root,
        )
    _check_disjoint(images, root)
    splits = {
        split: LabeledImages(
            tuple(paths), _labels(root, split, len(paths), len(tags), columns, concepts)
        )
        for split, paths in images.items()
    }
    return NUSWIDELabels(tuple(tags[column] for column in columns), tuple(concepts), splits)


def _labels(
    root: Path,
    split: str,
    images: int,
    tags: int,
    columns: Sequence[int],
    concepts: Sequence[str],
) -> np.ndarray:
    """Returns the labels of a split, bool [N, S + U]."""
    labels = np.empty((images, len(columns) + len(concepts)), dtype=np.bool_)
    path = _find(root, "Tags", f"{split.title()}_Tags1k.dat")
    labels[:, : len(columns)] = _table(path, images, tags, split)[:, columns]
    for place, concept in enumerate(concepts, len(columns)):
        path = _find(root, "Labels", f"Labels_{concept}_{split.title()}.txt")
        labels[:, place] = _table(path, images, 1, split)[:, 0]
    return labels


def _table(path: Path, images: int, columns: int, split: str) -> np.ndarray:
    table = read_binary_table(path, columns)
    if len(table) != images:
        raise ValueError(
            f"'{path}' has {len(table):,} rows, but {split.title()}Imagelist.txt names {images:,} "
            "images; fetch both again"
        )
    return table


def _find(root: Path, kind: str, name: str) -> Path:
    """Returns the path of a published file."""
    for place in PLACES[kind]:
        if (root / place / name).is_file():
            return root / place / name
    looked = ", ".join(f"'{(root / place).as_posix()}'" for place in PLACES[kind])
    raise FileNotFoundError(
        f"NUS-WIDE's {name} is not there; looked in {looked}. Give the folder that NUS-WIDE's "
        "archives were unpacked in; docs/data.md shows the layout"
    )


def _names(path: Path) -> list[str]:
    names = [line.strip() for line in _lines(path)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice or not names:
        raise ValueError(
            f"'{path}' must name each class once, got {len(names)} names, twice: {first_of(twice)}"
        )
    for number, name in enumerate(names, start=1):
        if not name.isprintable() or "/" in name or "\\" in name:  # files are named after them
            raise ValueError(
                f"name {number} of '{path}', {name[:80]!r}, is no class; fetch it again"
            )
    return names


def _image_paths(path: Path) -> list[str]:
    # Windows wrote them: "actor\0001_2124494179.jpg".
    paths = [line.strip().replace("\\", "/") for line in _lines(path)]
    for number, name in enumerate(paths, start=1):
        if not name.isprintable() or name.startswith("/") or ".." in name.split("/"):
            raise ValueError(
                f"image {number} of '{path}', {name[:80]!r}, does not lie below the folder of the "
                "images; fetch it again"
            )
    twice = [name for name, count in Counter(paths).items() if count > 1]
    if twice or not paths:
        raise ValueError(
            f"'{path}' must name each image once, got {len(paths)} images, twice: "
            f"{first_of(twice)}; fetch it again"
        )
    return paths


def _lines(path: Path) -> list[str]:
    return [line for line in read_text(str(path), "").splitlines() if line.strip()]


def _check_counts(found: Mapping[str, int], root: Path) -> None:
    wrong = [
        f"{found[name]:,} {name} in place of {wanted:,}"
        for name, wanted in COUNTS.items()
        if found[name] != wanted
    ]
    if wrong:
        raise ValueError(
            f"'{root}' is not the whole NUS-WIDE: {', '.join(wrong)} (train and test are images, "
            "seen are tags that are no concept). Fetch the lists again; for a part of it on "
            "purpose, --subset takes any numbers"
        )


def _check_disjoint(images: Mapping[str, Sequence[str]], root: Path) -> None:
    train, test = (set(images[split]) for split in SPLITS)
    if shared := sorted(train & test):
        raise ValueError(
            f"{len(shared)} images of '{root}' are in TrainImagelist.txt and in TestImagelist.txt: "
            f"{first_of(shared)}; fetch both again"
        )
