"""Base class of the multi-label data sets: tri-state labels, randomness by sample."""

import errno
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.fileio import join_path
from mmengine.logging import print_log
from mmpretrain.datasets.base_dataset import BaseDataset

from mmsrdl.datasets.annotation_file import entries_of, first_of
from mmsrdl.datasets.bad_images import BadImageError, BadImages
from mmsrdl.datasets.class_names import check_class_names, read_class_names
from mmsrdl.datasets.data_checks import (
    check_images,
    check_labels,
    check_positives,
    missing_images,
    reads_local_files,
)
from mmsrdl.datasets.formats import (
    Annotations,
    Box,
    ImageRecord,
    open_annotations,
    parse_annotations,
)
from mmsrdl.datasets.formats.checks import check_distinct, check_listed_classes, check_path
from mmsrdl.datasets.formats.openmmlab import check_label_lists, check_metainfo, image_of_entry
from mmsrdl.datasets.sample_seed import SampleSeed
from mmsrdl.datasets.transforms.load_whole_image import load_whole_images
from mmsrdl.registry import DATASETS

__all__ = ["MultiLabelDataset"]

OnBadImage = Literal["raise", "skip"]
OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors of the machine, of which no image is to blame."""

SHOWN = 100
"""Labels outside the class list that an error names."""


@DATASETS.register_module()
class MultiLabelDataset(BaseDataset):
    """Images with any number of labels each, every label positive, negative or unknown.

    Used by itself it reads five formats, which docs/data.md describes: CSV, JSON lines,
    OpenMMLab's own json, COCO's and VOC's. Each data info holds

    - ``img_path``: path of the image;
    - ``gt_label``: sorted indices of the positive classes, may be empty;
    - ``gt_label_difficult``: sorted indices of the classes that losses and metrics leave
      out; MMPretrain's VOC metrics read it;
    - ``gt_label_unknown``, where there are any: those of ``gt_label_difficult`` that are not known,
      which are all of other formats than VOC's, whose are classes of difficult objects alone
      (see :class:`mmsrdl.evaluation.Protocol`, which may count the latter, never the former);
    - ``gt_score``: float32 [C]; 1 positive, 0 negative, -1 left out;
    - with ``with_boxes=True``, for M objects: ``gt_bboxes``, float32 [M, 4], the corners x1, y1,
      x2, y2 in pixels of the image file, from 0; ``gt_bboxes_labels``, int64 [M], their classes;
      ``gt_bboxes_difficult``, bool [M], whether evaluations leave them out.

    Randomness: once :meth:`set_epoch` was called (``mmsrdl.SeededSampler`` does), a sample
    depends on (seed, epoch, index) alone, whatever the number of workers; before that it is
    drawn as in MMPretrain. A wrapper that shows an image several times in an epoch
    (``RepeatDataset``, ``ClassBalancedDataset``) asks for the same index each time and gets
    the same augmentation each time; it changes with the epoch.

    Images that cannot be loaded (missing, empty, cut short, no image: docs/data.md lists them) are
    raised with their path and size by ``on_bad_image='raise'``. By ``'skip'``, in training another
    image takes the place of such a one, drawn by (seed, epoch, index) as all else; with
    ``test_mode=True`` another one keeps its place in the batch, marked by ``is_bad_image`` in the
    data sample, and the metrics leave the place out of all figures. ``mmsrdl.BadImagesHook``
    counts and lists them after every epoch and evaluation. Whatever fails later in the pipeline,
    once an image is loaded, is raised. As in MMEngine, in training another image is also drawn
    where a pipeline returns None.

    The annotation file is read as data, in UTF-8, never as a pickle or YAML. Classes without a
    positive image are named in a warning.

    Relative paths of images are below ``data_prefix``, which is below ``data_root``; without a
    ``data_prefix``, those of VOC are below ``JPEGImages`` beside the lists.

    ``image_root`` is that folder, once annotations are loaded; None if it is the prefix.

    Args:
        *args: Passed to :class:`mmpretrain.datasets.BaseDataset`, which names them.
        format: Format of the annotation file: ``'csv'``, ``'jsonl'``, ``'openmmlab'``, ``'coco'``,
            ``'voc'``, or ``'auto'``, which goes by its ending, and in a json by its keys.
        with_boxes: Whether data infos hold the boxes, of formats that have them.
        check_files: Whether to look for all image files when the annotations are loaded. Each
            folder is listed once; addresses, other storage than local files and data sets
            without a pipeline are left out.
        ignore_other_classes: Whether labels of classes that are not in the class list are left
            out, as for a part of the classes; they are an error otherwise.
        on_bad_image: ``'raise'`` or ``'skip'``, see above. With ``'skip'``, images that are not
            there when the annotations are loaded are warned of, unless it is all of them.
        **kwargs: Likewise. ``metainfo=dict(classes=[...])`` or ``classes=[...]`` names the
            classes; ``classes='names.txt'`` reads them from a file of one name a line. A json may
            name them itself; where both do, labels are matched by name.

    Raises:
        FileNotFoundError: If the annotation file or images are missing.
        ValueError: On an annotation file of another format, an empty data set, one without a
            positive label, missing or repeated class names, labels outside the class list, or boxes
            that are asked for and not there.
    """

    def __init__(
        self,
        *args: Any,
        format: str = "auto",
        with_boxes: bool = False,
        check_files: bool = True,
        ignore_other_classes: bool = False,
        on_bad_image: OnBadImage = "raise",
        **kwargs: Any,
    ) -> None:
        if on_bad_image not in get_args(OnBadImage):
            raise ValueError(
                f"on_bad_image={on_bad_image!r} must be one of {get_args(OnBadImage)}: 'raise' "
                "stops at an image that cannot be loaded, 'skip' leaves it out and says so"
            )
        # Before the base class, which may load the annotations at once.
        self._sample_seed = SampleSeed()
        self.format = format
        self.with_boxes = with_boxes
        self.check_files = check_files
        self.ignore_other_classes = ignore_other_classes
        self._has_difficult = format == "voc"
        self.on_bad_image = on_bad_image
        self.bad_images = BadImages()
        self.image_root: str | None = None
        super().__init__(*args, **kwargs)
        self.pipeline.transforms = load_whole_images(self.pipeline.transforms)

    def full_init(self) -> None:
        """Load the annotations, once."""
        if not self._fully_initialized:
            super().full_init()
            if self.on_bad_image == "skip":
                self.bad_images.allocate(len(self))

    def _join_prefix(self) -> None:
        if "img_path" not in self.data_prefix:
            raise ValueError(
                f"data_prefix={self.data_prefix!r} must name the folder of the images as "
                "dict(img_path=...), or be that folder"
            )
        self.data_root: str = os.path.expanduser(self.data_root)
        self.ann_file: str = os.path.expanduser(self.ann_file)
        self._has_prefix = bool(self.data_prefix["img_path"])
        super()._join_prefix()

    def _compat_classes(self, metainfo: Any, classes: Any) -> dict:
        names = read_class_names(classes) if isinstance(classes, str) else classes
        return super()._compat_classes(metainfo, names)

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict:
        if isinstance(metainfo, (Mapping, Config)) and isinstance(metainfo.get("classes"), str):
            metainfo = {**metainfo, "classes": read_class_names(metainfo["classes"])}
        loaded = super()._load_metainfo(metainfo)
        if loaded.get("classes") is not None:
            loaded["classes"] = check_class_names(loaded["classes"])
        # Checkpoints hold it, and plain dicts can be read there by anyone.
        return ConfigDict(loaded).to_dict()

    def set_epoch(self, epoch: int, seed: int) -> None:
        """Make every sample a function of (seed, epoch, index), in all workers."""
        self._sample_seed.set(epoch, seed)

    def __getitem__(self, idx: int) -> Any:
        """Return the idx-th sample after the pipeline."""
        index = int(idx) if idx >= 0 else len(self) + int(idx)
        with self._sample_seed.applied(index):
            return super().__getitem__(idx) if self.on_bad_image == "raise" else self._good(index)

    def _good(self, index: int) -> Any:
        """Return the sample of an index, or of one that takes its place."""
        # Without a sampler that seeds, an evaluation must not depend on the workers either.
        draw = np.random.default_rng(index).integers if self.test_mode else np.random.randint
        place = index
        for _ in range(self.max_refetch + 1):
            try:
                data = super().__getitem__(place)
            except BadImageError as error:
                self.bad_images.add(error.index)
                place, last = int(draw(len(self))), error
                continue
            return data if place == index or not self.test_mode else self._marked(data, index)
        raise RuntimeError(
            f"on_bad_image='skip': {self.max_refetch + 1} images drawn for sample {index} of "
            f"{type(self).__name__} could not be loaded either, of which the last: {last}"
        ) from last

    def _marked(self, data: Any, index: int) -> Any:
        """Mark a sample that keeps the place of a bad image in an evaluation."""
        samples = data.get("data_samples") if isinstance(data, dict) else None
        if samples is None:
            raise TypeError(
                "on_bad_image='skip' with test_mode=True marks data samples, of which the pipeline "
                "packs none: end it with PackInputs"
            )
        path = self.get_data_info(index)["img_path"]
        for sample in samples if isinstance(samples, list) else [samples]:  # of TestTimeAug
            sample.set_metainfo(dict(is_bad_image=True, sample_idx=index, img_path=path))
        return data

    def bad_image_reason(self, idx: int) -> str:
        """Return why the idx-th image cannot be loaded, by trying it again."""
        with self._sample_seed.applied(idx):
            try:
                self.prepare_data(idx)
            except BadImageError as error:
                return error.reason
        return "it could not be loaded before, and now it can"

    def prepare_data(self, idx: int) -> Any:
        """Return the idx-th sample after the pipeline; None if the pipeline gave it up.

        Raises:
            BadImageError: If the image cannot be loaded and is to be skipped.
        """
        data_info = self.get_data_info(idx)
        img_path = data_info["img_path"]
        try:
            return self.pipeline(data_info)
        except Exception as error:
            is_bad = "img" not in data_info and not _is_out_of_resources(error)
            reason = f"{type(error).__name__}: {str(error).strip()}"
            if isinstance(error, OSError) and img_path in str(error):
                if is_bad and self.on_bad_image == "skip":
                    raise BadImageError(idx, reason, str(error)) from error
                raise  # such as "no such file"
            message = f"the pipeline failed on image '{img_path}' (sample {idx}): {reason}"
            if not is_bad:
                raise RuntimeError(message) from error
            message += self._damage_hint(img_path)
            raise BadImageError(idx, reason, message) from error

    def _damage_hint(self, img_path: str) -> str:
        """Return what to do where loading failed, not a later transform."""
        size = f" of {os.path.getsize(img_path)} bytes" if os.path.isfile(img_path) else ""
        hint = (
            f". No image was loaded from the file{size}: if it is damaged or no image, fetch it "
            f"again or take it out of '{self.ann_file}'"
        )
        return hint if self.on_bad_image == "skip" else f"{hint}; on_bad_image='skip' leaves it out"

    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of the idx-th image, with ``gt_score``, float32 [C]."""
        data_info = super().get_data_info(idx)
        score = np.zeros(len(self.CLASSES), dtype=np.float32)
        score[data_info["gt_label_difficult"]] = -1
        score[data_info["gt_label"]] = 1
        data_info["gt_score"] = score
        return data_info

    def get_gt_labels(self) -> np.ndarray:
        """Return ``gt_score`` of all images, float32 [N, C]."""
        return np.stack([self.get_data_info(i)["gt_score"] for i in range(len(self))])

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the positive classes of the idx-th image (``ClassBalancedDataset`` asks)."""
        return self.get_data_info(idx)["gt_label"]

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """Join the path of one entry of an OpenMMLab json."""
        data_info = super().parse_data_info(raw_data_info)
        check_label_lists(data_info, self.ann_file)
        return data_info

    def load_data_list(self) -> list[dict]:
        """Load the images and labels of the annotation file."""
        layout = f"check ann_file, which is relative to data_root '{self.data_root}'"
        file = open_annotations(self.ann_file, self.format, layout)
        self._has_difficult = file.format == "voc"
        if file.format == "openmmlab":
            return self._load_openmmlab(file.content)
        annotations = parse_annotations(file)
        self._take_classes(annotations)
        if file.format in ("csv", "jsonl") and annotations.unread:
            print_log(
                f"'{self.ann_file}' holds {first_of(annotations.unread)}, which are not read",
                logger="current",
                level=logging.WARNING,
            )
        self.image_root = self.image_folder(file.format, annotations)
        return [self._info_of(record, self.image_root) for record in annotations.records]

    def image_folder(self, format: str, annotations: Annotations) -> str:
        """Return the folder that relative paths of images are below."""
        is_voc = format == "voc" and not self._has_prefix
        return annotations.images if is_voc else self.img_prefix

    def _take_classes(self, annotations: Annotations) -> None:
        """Take the file's classes where none are given, and refuse labels of others."""
        if self.CLASSES is None and annotations.classes is None:
            names = annotations.found_classes()
            raise ValueError(
                f"'{self.ann_file}' lists no classes; give them, in an order that stays: "
                "classes='classes.txt', a file of one name a line, or "
                f"metainfo=dict(classes=[...]). Its labels are of {len(names)}: {first_of(names)}"
            )
        if self.CLASSES is None:
            self._metainfo["classes"] = annotations.classes
        classes = self.class_to_idx
        outside = [
            (name, record)
            for record in annotations.records
            for name in (*record.labels, *record.unknown)
            if name not in classes
        ]
        if outside and not self.ignore_other_classes:
            name, record = outside[0]
            line = f" (line {record.line})" if record.line else ""
            counts = Counter(name for name, _ in outside).most_common()
            raise ValueError(
                f"label '{name}' of image '{record.path}'{line} in '{self.ann_file}' is not among "
                f"the {len(classes)} classes of {type(self).__name__}; in all {len(outside)} such "
                f"labels in {len({id(record) for _, record in outside})} of "
                f"{len(annotations.records)} images: "
                + ", ".join(f"'{name}' ({count})" for name, count in counts[:SHOWN])
                + (f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else "")
                + ". Add them to metainfo=dict(classes=[...]), or mend the labels; "
                "ignore_other_classes=True leaves them out"
            )

    def _info_of(self, record: ImageRecord, prefix: str) -> dict:
        classes = self.class_to_idx
        data_info = {
            "img_path": record.path if "://" in record.path else join_path(prefix, record.path),
            "gt_label": [classes[name] for name in record.labels if name in classes],
            "gt_label_difficult": [classes[name] for name in record.unknown if name in classes],
        }
        return data_info | (self.box_fields(record.boxes) if self.with_boxes else {})

    def box_fields(self, boxes: Iterable[Box]) -> dict[str, np.ndarray]:
        """Return the fields of a data info that hold the boxes of classes of the data set."""
        boxes = [box for box in boxes if box.name in self.class_to_idx]
        corners = [(x, y, x + w, y + h) for x, y, w, h in (box.bbox for box in boxes)]
        labels = [self.class_to_idx[box.name] for box in boxes]
        return {
            "gt_bboxes": np.array(corners, dtype=np.float32).reshape(-1, 4),
            "gt_bboxes_labels": np.array(labels, dtype=np.int64),
            "gt_bboxes_difficult": np.array([box.difficult for box in boxes], dtype=np.bool_),
        }

    def _load_openmmlab(self, content: dict[str, Any]) -> list[dict]:
        """Load the content of an OpenMMLab json, whose entries may have fields of their own."""
        metainfo = check_metainfo(content, self.ann_file)
        for key, value in metainfo.items():
            self._metainfo.setdefault(key, value)
        if self.CLASSES is None:
            raise ValueError(
                f"{self.ann_file} names no classes; give them as metainfo=dict(classes=[...])"
            )
        self._metainfo["classes"] = check_listed_classes(self.CLASSES, self.ann_file)
        entries = entries_of(content, "data_list", list(self.data_prefix), self.ann_file)
        for number, entry in enumerate(entries):
            check_path(entry["img_path"], image_of_entry(number, self.ann_file))
        check_distinct([entry["img_path"] for entry in entries], self.ann_file, "entries")
        data_list = [self.parse_data_info(entry) for entry in entries]
        own = metainfo.get("classes")
        if own is not None and tuple(own) != self.CLASSES:
            self._renumber(data_list, check_class_names(own))
        return data_list

    def _renumber(self, data_list: list[dict], own: tuple[str, ...]) -> None:
        """Turn indices of the json's class list into those of the data set's, by name."""
        strangers = [name for name in own if name not in self.class_to_idx]
        if strangers and not self.ignore_other_classes:
            raise ValueError(
                f"'{self.ann_file}' numbers its labels by its own {len(own)} classes, of which "
                f"{first_of(strangers)} are not among the {len(self.CLASSES)} given ones; give "
                "metainfo=dict(classes=[...]) all of them, in any order, or leave it out; "
                "ignore_other_classes=True leaves out what is not among them"
            )
        check_labels(data_list, own, type(self).__name__)
        place = {i: self.class_to_idx[name] for i, name in enumerate(own) if name not in strangers}
        for data_info in data_list:
            for key in ("gt_label", "gt_label_difficult"):
                data_info[key] = [place[label] for label in data_info[key] if label in place]

    def filter_data(self) -> list[dict]:
        """Check the data set, and sort the labels of every image."""
        name = type(self).__name__
        if not self.data_list:
            raise ValueError(f"{name} is empty. {self._empty_hint()}")
        check_labels(self.data_list, self.CLASSES, name)
        for data_info in self.data_list:
            labels = set(data_info["gt_label"])
            difficult = set(data_info["gt_label_difficult"]) - labels
            data_info.update(gt_label=sorted(labels), gt_label_difficult=sorted(difficult))
            if difficult and not self._has_difficult:
                data_info["gt_label_unknown"] = sorted(difficult)
        check_positives(self.data_list, self.CLASSES, name, self.ann_file)
        if self.with_boxes and not any(len(info.get("gt_bboxes", ())) for info in self.data_list):
            raise ValueError(
                f"with_boxes=True, but '{self.ann_file}' has no box of any image; leave it (or "
                "--pointing-game) out, or give annotations with boxes: COCO json, VOC's folders or "
                "JSON lines"
            )
        used = self.data_list
        if self._indices is not None:
            used = self._get_unserialized_subset(self._indices)
        if not used:
            raise ValueError(f"indices={self._indices!r} leaves no image of {name}; leave it out")
        if self.check_files and reads_local_files(self.pipeline.transforms):
            self._check_images([info["img_path"] for info in used])
        return self.data_list

    def _check_images(self, paths: list[str]) -> None:
        """Refuse images that are not there, or warn of them where they are skipped."""
        name = type(self).__name__
        missing = missing_images(paths) if self.on_bad_image == "skip" else []
        if missing and len(missing) < len(paths):
            print_log(
                f"{name}: {len(missing)} of {len(paths)} images do not exist and are skipped "
                f"(on_bad_image='skip'): {first_of(missing)}",
                logger="current",
                level=logging.WARNING,
            )
            return
        where = f"data_prefix '{self.img_prefix}' (data_root '{self.data_root}')"
        check_images(paths, name, self.ann_file, where)

    def _empty_hint(self) -> str:
        return f"Check ann_file: '{self.ann_file}' lists no image."


def _is_out_of_resources(error: Exception) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES
    )
