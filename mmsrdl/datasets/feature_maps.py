"""Maps of a frozen backbone, kept on the disk, as a data set that heads are trained on."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap

from mmsrdl.datasets.class_names import check_class_names, first_difference
from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset
from mmsrdl.datasets.npz import name_array, read_npy, read_npz
from mmsrdl.datasets.stratified_split import stratified_split
from mmsrdl.datasets.voc import POLICIES
from mmsrdl.registry import DATASETS

__all__ = ["FeatureMapDataset", "FeatureMaps", "write_feature_maps"]

PARTS = ("fit", "held_out")
PACK = dict(
    type="PackInputs",
    input_key="feature_map",
    meta_keys=("sample_idx", "img_path", "gt_label_difficult"),
)


@dataclass(frozen=True)
class FeatureMaps:
    """The maps of N images in V views, and what is known of the images.

    On the disk these are two files: ``NAME.npy``, the maps alone, which is mapped into memory and
    so shared by all processes that read it; and ``NAME.npz``, everything else, without pickles.
    The latter is written last: where it is, the maps are whole.

    Attributes:
        path: The ``.npz`` file.
        labels: int8 [N, C]; 1 positive, 0 negative, -1 unknown.
        difficult: bool [N, C]; which of the unknown entries are classes of which an image shows
            difficult objects alone (VOC).
        classes: C class names.
        images: N paths below the folder of the images.
        source: What the maps were made of: backbone, weights, pipelines, seed, images.
    """

    path: Path
    labels: np.ndarray
    difficult: np.ndarray
    classes: tuple[str, ...]
    images: tuple[str, ...]
    source: dict[str, Any]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "FeatureMaps":
        """Reads all but the maps, which :meth:`maps` opens.

        Args:
            path: The ``.npz`` file.

        Raises:
            FileNotFoundError: If one of the two files is missing.
            ValueError: If they are no such files, or not of the same images.
        """
        keys = ("labels", "difficult", "classes", "images", "source")
        labels, difficult, classes, images, source = read_npz(path, keys, "feature maps")
        _check_labels(labels, difficult, path)
        try:
            names = check_class_names(classes.ravel().tolist())
        except ValueError as error:
            raise ValueError(f"classes of '{path}': {error}; write both files again") from error
        found = cls(
            Path(path),
            labels,
            difficult,
            names,
            tuple(map(str, images.ravel().tolist())),
            _parse_source(str(source), path),
        )
        shape = found.maps().shape
        wanted = (len(found.images), len(found.classes))
        fits = len(shape) == 5 and shape[1] == len(found.images)
        if not (fits and labels.shape == difficult.shape == wanted):
            raise ValueError(
                f"'{found.maps_path}' holds {list(shape)}, which are no maps [views, "
                f"{len(found.images)}, D, h, w] of the images of '{path}'; write both again"
            )
        return found

    @property
    def maps_path(self) -> Path:
        """The ``.npy`` file."""
        return self.path.with_suffix(".npy")

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that differ where the sources do."""
        return fingerprint(self.source)

    def maps(self) -> np.ndarray:
        """Opens the maps: float16 [V, N, D, h, w], read-only; view 0 is not augmented.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If it holds no plain array of half precision.
        """
        if not self.maps_path.is_file():
            raise FileNotFoundError(
                f"the maps '{self.maps_path}' are missing beside '{self.path}'; write both again"
            )
        maps = read_npy(self.maps_path, "maps", "write both files again")
        if maps.dtype != np.float16:
            raise ValueError(f"'{self.maps_path}' holds {maps.dtype}, and maps are float16")
        return maps


def _check_labels(labels: np.ndarray, difficult: np.ndarray, path: str | os.PathLike[str]) -> None:
    fits = labels.dtype == np.int8 and difficult.dtype == np.bool_
    if not fits or labels.shape != difficult.shape or not np.isin(labels, (-1, 0, 1)).all():
        raise ValueError(
            f"'{path}' must hold labels, int8 [N, C] of 1, 0 and -1, and difficult, bool [N, C], "
            f"got {labels.dtype} {list(labels.shape)} and {difficult.dtype} "
            f"{list(difficult.shape)}; write it and the maps again"
        )


def _parse_source(text: str, path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        source = json.loads(text)
        if not isinstance(source, dict):
            raise ValueError(f"it is a {type(source).__name__}")
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"source of '{path}' is no object of JSON: {error}; write it and the maps again"
        ) from error
    return source


def fingerprint(content: Any) -> str:
    """Returns 16 hexadecimal digits of the SHA-256 of what JSON can hold."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_feature_maps(
    path: str | os.PathLike[str],
    shape: Sequence[int],
    fill: Callable[[np.ndarray], None],
    labels: np.ndarray,
    difficult: np.ndarray,
    classes: Sequence[str],
    images: Sequence[str],
    source: Mapping[str, Any],
) -> FeatureMaps:
    """Writes maps so that they are there as a whole or not at all.

    Args:
        path: The ``.npz`` file; the maps go beside it, see :class:`FeatureMaps`.
        shape: [V, N, D, h, w].
        fill: Called with the empty float16 array of that shape, which lies on the disk.
        labels: See :class:`FeatureMaps`, as are the others.
        difficult: Likewise.
        classes: Likewise.
        images: Likewise.
        source: Likewise; what JSON can hold.

    Raises:
        ValueError: If the path does not end in ``.npz``, or labels are of other images or classes.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"path='{path}' must end in .npz")
    if labels.shape != (shape[1], len(classes)) or len(images) != shape[1]:
        raise ValueError(
            f"labels {list(labels.shape)} and {len(images)} names of images do not fit maps "
            f"{list(shape)} and {len(classes)} classes"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_maps, partial = path.with_suffix(".npy.part"), path.with_suffix(".npz.part")
    try:
        maps = open_memmap(partial_maps, mode="w+", dtype=np.float16, shape=tuple(shape))
        fill(maps)
        maps.flush()
        with partial.open("wb") as file:
            np.savez(
                file,
                labels=labels.astype(np.int8),
                difficult=difficult.astype(np.bool_),
                classes=name_array(classes, "class"),
                images=name_array(images, "image"),
                source=np.array(json.dumps(source)),
            )
        path.unlink(missing_ok=True)  # it would vouch for the old maps
        os.replace(partial_maps, path.with_suffix(".npy"))
        os.replace(partial, path)
    finally:
        partial_maps.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
    return FeatureMaps.load(path)


@DATASETS.register_module()
class FeatureMapDataset(MultiLabelDataset):
    """Maps of a frozen backbone with the labels of their images, see :class:`FeatureMaps`.

    A sample's map is float16 [D, h, w]; the data preprocessor makes a batch of them float32. In
    training one of the V views is drawn by (seed, epoch, index), as other data sets draw their
    augmentation; with ``test_mode=True`` it is view 0, which was not augmented.

    Args:
        ann_file: The ``.npz`` file, below ``data_root``.
        data_root: Folder of the maps.
        split: A part of the images: ``dict(part='fit', held_out=0.2, seed=0)`` or the same with
            ``part='held_out'``, which a :func:`stratified_split` with that seed makes. It goes by
            all labels of the file, whatever an :class:`ObservedDataset` hides afterwards, as
            :class:`HeldOutSplit` does not. None takes all images.
        difficult: What a class of only difficult objects is, see :class:`VOCMultiLabel`.
        pipeline: Transforms of the map, which is a tensor in ``feature_map``; the last one packs
            it.
        test_mode: Whether the data set is used for evaluation.
        **kwargs: Passed to :class:`MultiLabelDataset`.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged, classes are given that are not those of the file, or an
            option is unknown or out of range.
    """

    def __init__(
        self,
        ann_file: str,
        data_root: str = "",
        split: Mapping[str, Any] | None = None,
        difficult: str | None = None,
        pipeline: Sequence[Any] = (PACK,),
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if difficult is not None and difficult not in POLICIES:
            raise ValueError(f"difficult must be None or one of {POLICIES}, got '{difficult}'")
        self.split = _checked_split(split)
        self.difficult = difficult or ("unknown" if test_mode else "negative")
        self._maps: np.ndarray | None = None
        super().__init__(
            ann_file=ann_file,
            data_root=data_root,
            pipeline=pipeline,
            test_mode=test_mode,
            check_files=False,  # images are not read
            **kwargs,
        )

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is not forked would get all maps as bytes: it opens the file itself.
        return {**self.__dict__, "_maps": None}

    @property
    def maps(self) -> np.ndarray:
        """All maps of the file, float16 [V, N, D, h, w], of which images may be left out."""
        if self._maps is None:
            self._maps = FeatureMaps.load(self.ann_file).maps()
        return self._maps

    def load_data_list(self) -> list[dict]:
        """Load the labels, and the places of the maps."""
        file = FeatureMaps.load(self.ann_file)
        if self.CLASSES is None:
            self._metainfo["classes"] = file.classes
        elif file.classes != self.CLASSES:
            raise ValueError(
                f"the classes of '{self.ann_file}' are not those that the config gives: "
                f"{first_difference(file.classes, self.CLASSES)}; leave metainfo out"
            )
        labels = file.labels.copy()
        if self.difficult != "unknown":
            labels[file.difficult] = self.difficult == "positive"
        return [
            {
                "img_path": file.images[row],
                "gt_label": np.flatnonzero(labels[row] == 1).tolist(),
                "gt_label_difficult": np.flatnonzero(labels[row] == -1).tolist(),
                "row": row,
            }
            for row in self._rows(file.labels)
        ]

    def _rows(self, labels: np.ndarray) -> list[int]:
        """Return the places of the images of this part."""
        if self.split is None:
            return list(range(len(labels)))
        held_out = self.split["held_out"]
        parts = stratified_split(labels, [1 - held_out, held_out], seed=self.split["seed"])
        return np.flatnonzero(parts == PARTS.index(self.split["part"])).tolist()

    def prepare_data(self, idx: int) -> Any:
        """Return the idx-th map of a view after the pipeline."""
        data_info = self.get_data_info(idx)
        view = 0 if self.test_mode else np.random.randint(len(self.maps))
        # A copy, as the file is read-only.
        data_info["feature_map"] = torch.from_numpy(np.array(self.maps[view, data_info["row"]]))
        return self.pipeline(data_info)


def _checked_split(split: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if split is None:
        return None
    wanted = {"held_out": 0.2, "seed": 0, **split}
    example = "such as dict(part='fit', held_out=0.2, seed=0)"
    if wanted.keys() != {"part", "held_out", "seed"}:
        raise ValueError(f"split={dict(split)} must have part, held_out and seed, {example}")
    if wanted["part"] not in PARTS or not 0 < wanted["held_out"] < 1:
        raise ValueError(
            f"split={dict(split)}: part must be one of {PARTS} and held_out lie inside (0, 1), "
            f"{example}"
        )
    return wanted
