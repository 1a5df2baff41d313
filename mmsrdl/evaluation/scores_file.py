"""Scores and labels of a data set in an npz file, for what comes after a test."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmsrdl.datasets.npz import name_array, read_npz, write_npz
from mmsrdl.evaluation.functional.validation import check_scores_and_targets

__all__ = ["ScoresFile"]


@dataclass(frozen=True, eq=False)
class ScoresFile:
    """What ``mmsrdl test --out`` writes: scores and labels of N images and C classes.

    Attributes:
        names: C class names.
        scores: [N, C], float32 or float64; probabilities in [0, 1]. What is made for
            :class:`mmsrdl.models.VLPLLoss` may hold others, such as cosines.
        targets: [N, C], int8 of 1 (positive), 0 (negative) and -1 (unknown or difficult).
        sample_idx: [N], int64; the index in the data set, -1 where a sample has none.
        img_path: N paths, '' where a sample has none; empty if no sample has one.
        difficult: [N, C], bool: which entries of -1 are classes of difficult objects alone (VOC),
            which some protocols count (see :class:`Protocol`); the others are unknown. None: no
            entry is said to be difficult.

    Raises:
        TypeError: Scores or targets are no tensors.
        ValueError: The parts do not fit each other, two classes share a name, a score is NaN,
            a target none of 1, 0 and -1, or a difficult entry not -1.
    """

    names: tuple[str, ...]
    scores: Tensor
    targets: Tensor
    sample_idx: Tensor
    img_path: tuple[str, ...] = ()
    difficult: Tensor | None = None

    def __post_init__(self) -> None:
        check_scores_and_targets(self.scores, self.targets)
        if not self.scores.is_floating_point():
            raise ValueError(f"scores must be floating-point numbers, got {self.scores.dtype}")
        images, classes = self.scores.shape
        if len(self.names) != classes:
            raise ValueError(f"names has {len(self.names)} names for {classes} classes of scores")
        if len(set(self.names)) < classes:
            twice = [name for name, count in Counter(self.names).most_common(10) if count > 1]
            raise ValueError(f"names must be distinct, got {', '.join(twice)} more than once")
        if self.sample_idx.shape != (images,):
            raise ValueError(
                f"sample_idx must have the shape [{images}], got {list(self.sample_idx.shape)}"
            )
        if self.img_path and len(self.img_path) != images:
            raise ValueError(f"img_path has {len(self.img_path)} paths for {images} images")
        if self.difficult is not None:
            self._check_difficult(self.difficult)

    def _check_difficult(self, difficult: Tensor) -> None:
        if difficult.dtype != torch.bool or difficult.shape != self.targets.shape:
            raise ValueError(
                f"difficult must be bool of the shape {list(self.targets.shape)}, got "
                f"{difficult.dtype} {list(difficult.shape)}"
            )
        if (difficult & (self.targets != -1)).any():
            raise ValueError("difficult must mark entries whose target is -1 alone")

    def rows(self, index: Tensor) -> "ScoresFile":
        """Keeps the images of the indices [n], in their order."""
        paths = tuple(self.img_path[i] for i in index.tolist()) if self.img_path else ()
        parts = (self.scores[index], self.targets[index], self.sample_idx[index])
        difficult = None if self.difficult is None else self.difficult[index]
        return ScoresFile(self.names, *parts, paths, difficult)

    def scores_of(self, images: Sequence[str], classes: Sequence[str]) -> Tensor:
        """Picks scores by the names of images and classes.

        Args:
            images: N paths; each is that of the file's image whose path ends with it, so that the
                folder of the images may be another one.
            classes: C names.

        Returns:
            [N, C].

        Raises:
            ValueError: An image or a class is not in the file, or a path fits several.
        """
        missing = [name for name in classes if name not in self.names]
        if missing:
            raise ValueError(
                f"the scores have no class {missing[0]!r} ({len(missing)} of {len(classes)} "
                "missing); score the images on these classes"
            )
        tails: dict[int, dict[str, list[int]]] = {}
        rows, lacking = [], []
        for image in images:
            name = image.replace("\\", "/")
            depth = name.count("/") + 1
            if depth not in tails:
                tails[depth] = self._tails(depth)
            found = tails[depth].get(name, [])
            if len(found) > 1:
                raise ValueError(
                    f"the scores have {len(found)} images whose path ends with {image!r}; score "
                    "every image once"
                )
            rows += found
            lacking += [] if found else [image]
        if lacking:
            raise ValueError(
                f"the scores have no image {lacking[0]!r} ({len(lacking)} of {len(images)} "
                "missing); score these images"
            )
        columns = [self.names.index(name) for name in classes]
        return self.scores[rows][:, columns]

    def _tails(self, depth: int) -> dict[str, list[int]]:
        """Returns which images have which last ``depth`` parts of a path."""
        places: dict[str, list[int]] = {}
        for row, path in enumerate(self.img_path):
            tail = "/".join(path.replace("\\", "/").split("/")[-depth:])
            places.setdefault(tail, []).append(row)
        return places

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the arrays, without ``img_path`` and ``difficult`` where there is none.

        Args:
            path: File with the ending .npz; its folder is made. It holds no pickles, and is written
                as a whole or not at all.

        Raises:
            ValueError: ``path`` has another ending.
        """
        if Path(path).suffix != ".npz":
            raise ValueError(f"scores='{path}' must end with .npz")
        arrays = {
            "names": name_array(self.names, "class"),
            "scores": self.scores.cpu().numpy(),
            "targets": self.targets.cpu().numpy(),
            "sample_idx": self.sample_idx.cpu().numpy(),
        }
        if any(self.img_path):
            arrays["img_path"] = name_array(self.img_path, "image")
        if self.difficult is not None and self.difficult.any():
            arrays["difficult"] = self.difficult.cpu().numpy()
        write_npz(path, arrays, compressed=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "ScoresFile":
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is something else.
        """
        keys = ("names", "scores", "targets", "sample_idx")
        names, scores, targets, sample_idx, img_path, difficult = read_npz(
            path, keys, "scores", optional=("img_path", "difficult")
        )
        try:
            if scores.dtype.kind != "f" or not np.isin(targets, (-1, 0, 1)).all():
                # Conversion would make -1, 0 or 1 of 255, 0.5 or 257.
                raise ValueError("scores must be floating-point numbers and targets 1, 0 or -1")
            return cls(
                tuple(map(str, names.tolist())),
                torch.from_numpy(scores),
                torch.from_numpy(targets).to(torch.int8),
                torch.from_numpy(sample_idx).long(),
                tuple(map(str, img_path.tolist())),
                torch.from_numpy(difficult) if difficult.ndim == 2 else None,
            )
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"scores='{path}' is no file of `mmsrdl test --out`: {error}; write it again"
            ) from error
