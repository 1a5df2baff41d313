"""The labels of NUS-WIDE in one small file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmsrdl.datasets.npz import name_array, read_npz

__all__ = ["SPLITS", "LabeledImages", "NUSWIDELabels"]

SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class LabeledImages:
    """The images of a split.

    Attributes:
        images: N paths below the folder of the images, with ``/``.
        labels: bool [N, S + U]; S seen classes, then U unseen ones.

    Raises:
        ValueError: If these are not of as many images.
    """

    images: tuple[str, ...]
    labels: np.ndarray

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or len(self.labels) != len(self.images):
            raise ValueError(
                f"labels {list(self.labels.shape)} must have a row for each of {len(self.images)} "
                "images"
            )


@dataclass(frozen=True, eq=False)
class NUSWIDELabels:
    """Seen and unseen classes of NUS-WIDE, and which of them images show.

    On the disk this is an npz without pickles, a bit an entry: some MiB.

    Attributes:
        seen: S names: tags of Flickr's users, 925.
        unseen: U names: concepts that annotators looked for, 81.
        splits: ``'train'`` and ``'test'``.

    Raises:
        ValueError: If labels are not of S + U classes.
    """

    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    splits: Mapping[str, LabeledImages]

    def __post_init__(self) -> None:
        for name, split in self.splits.items():
            if split.labels.shape[1] != len(self.seen) + len(self.unseen):
                raise ValueError(
                    f"labels of {name} {list(split.labels.shape)} must have a column for each of "
                    f"{len(self.seen)} seen and {len(self.unseen)} unseen classes"
                )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the file, as a whole or not at all.

        Args:
            path: File with the ending .npz; its folder is made.

        Raises:
            ValueError: If ``path`` has another ending.
        """
        path = Path(path)
        if path.suffix != ".npz":
            raise ValueError(f"path='{path}' must end in .npz")
        arrays: dict[str, Any] = {
            "seen": name_array(self.seen, "class"),
            "unseen": name_array(self.unseen, "class"),
        }
        for name, split in self.splits.items():
            arrays[f"{name}_images"] = name_array(split.images, "image")
            arrays[f"{name}_labels"] = np.packbits(split.labels, axis=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".npz.part")
        try:
            with partial.open("wb") as file:
                np.savez_compressed(file, **arrays)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], splits: tuple[str, ...] = SPLITS
    ) -> "NUSWIDELabels":
        """Reads some splits of a file.

        Args:
            path: The file.
            splits: Which; others are not touched.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is another one.
        """
        parts = [f"{split}_{part}" for split in splits for part in ("images", "labels")]
        seen, unseen, *arrays = read_npz(path, ("seen", "unseen", *parts), "ann_file")
        try:
            classes = len(seen) + len(unseen)
            tables = [_unpack(packed, classes) for packed in arrays[1::2]]
            found = {
                split: LabeledImages(_names(images), table)
                for split, images, table in zip(splits, arrays[::2], tables, strict=True)
            }
            return cls(_names(seen), _names(unseen), found)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"ann_file='{path}' is no file of `mmsrdl data nuswide`: {error}; write it again"
            ) from error


def _names(array: np.ndarray) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(f"names must be a row of strings, got {array.dtype} {list(array.shape)}")
    return tuple(array.tolist())


def _unpack(packed: np.ndarray, classes: int) -> np.ndarray:
    """Returns bool [N, C] of the bits uint8 [N, C / 8]."""
    if packed.dtype != np.uint8 or packed.shape[1:] != (-(-classes // 8),):
        raise ValueError(
            f"labels {packed.dtype} {list(packed.shape)} do not hold a bit for each of {classes} "
            "classes"
        )
    return np.unpackbits(packed, axis=1, count=classes).astype(np.bool_)
