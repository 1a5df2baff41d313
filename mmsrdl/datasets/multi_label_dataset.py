"""Base class of the multi-label data sets: tri-state labels, randomness by sample."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmpretrain.datasets.base_dataset import BaseDataset

from mmsrdl.datasets.sample_seed import SampleSeed
from mmsrdl.registry import DATASETS

__all__ = ["MultiLabelDataset"]


@DATASETS.register_module()
class MultiLabelDataset(BaseDataset):
    """Images with any number of labels each, every label positive, negative or unknown.

    Used by itself it reads OpenMMLab's own json: ``metainfo.classes`` and a ``data_list``
    of ``{"img_path": ..., "gt_label": [...], "gt_label_difficult": [...]}``, the last one
    optional. Each data info holds

    - ``img_path``: path of the image;
    - ``gt_label``: sorted indices of the positive classes, may be empty;
    - ``gt_label_difficult``: sorted indices of the classes that losses and metrics leave
      out; MMPretrain's VOC metrics read it;
    - ``gt_score``: float32 [C]; 1 positive, 0 negative, -1 left out.

    Randomness: once :meth:`set_epoch` was called (``mmsrdl.SeededSampler`` does), a sample
    depends on (seed, epoch, index) alone, whatever the number of workers; before that it is
    drawn as in MMPretrain. A wrapper that shows an image several times in an epoch
    (``RepeatDataset``, ``ClassBalancedDataset``) asks for the same index each time and gets
    the same augmentation each time; it changes with the epoch.

    In training, as in MMEngine, another image is drawn where a pipeline returns None.
    Exceptions are not replaced: they are raised with the path of the image.

    Args:
        *args: Passed to :class:`mmpretrain.datasets.BaseDataset`, which names them.
        **kwargs: Likewise. ``metainfo=dict(classes=[...])`` or ``classes=[...]`` names the
            classes.

    Raises:
        ValueError: On an empty data set, missing or repeated class names, or labels outside
            the class list.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Before the base class, which may load the annotations at once.
        self._sample_seed = SampleSeed()
        super().__init__(*args, **kwargs)

    @classmethod
    def _load_metainfo(cls, metainfo: Any = None) -> dict:
        loaded = super()._load_metainfo(metainfo)
        if loaded.get("classes") is not None:
            loaded["classes"] = _check_classes(loaded["classes"])
        return loaded

    def set_epoch(self, epoch: int, seed: int) -> None:
        """Make every sample a function of (seed, epoch, index), in all workers."""
        self._sample_seed.set(epoch, seed)

    def __getitem__(self, idx: int) -> Any:
        """Return the idx-th sample after the pipeline."""
        index = int(idx) if idx >= 0 else len(self) + int(idx)
        with self._sample_seed.applied(index):
            return super().__getitem__(idx)

    def prepare_data(self, idx: int) -> Any:
        """Return the idx-th sample after the pipeline; None if the pipeline gave it up."""
        data_info = self.get_data_info(idx)
        img_path = data_info["img_path"]
        try:
            return self.pipeline(data_info)
        except Exception as error:
            if img_path in str(error):
                raise
            raise RuntimeError(
                f"the pipeline failed on image '{img_path}' (sample {idx}): "
                f"{type(error).__name__}: {error}"
            ) from error

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
        """Join the path and sort the labels of one entry of an OpenMMLab json."""
        data_info = super().parse_data_info(raw_data_info)
        data_info.setdefault("gt_label_difficult", [])
        for key in ("gt_label", "gt_label_difficult"):
            if not isinstance(data_info.get(key), list):
                raise ValueError(
                    f"{key} of image '{data_info['img_path']}' must be a list of class indices, "
                    f"got {data_info.get(key)!r}"
                )
        labels = set(data_info["gt_label"])
        difficult = set(data_info["gt_label_difficult"]) - labels
        return {**data_info, "gt_label": sorted(labels), "gt_label_difficult": sorted(difficult)}

    def load_data_list(self) -> list[dict]:
        """Load the images and labels of an OpenMMLab json."""
        data_list = super().load_data_list()
        if self.CLASSES is None:
            raise ValueError(
                f"{self.ann_file} names no classes; give them as metainfo=dict(classes=[...])"
            )
        self._metainfo["classes"] = _check_classes(self.CLASSES)
        return data_list

    def filter_data(self) -> list[dict]:
        """Refuse an empty data set and labels outside the class list."""
        name = type(self).__name__
        if not self.data_list:
            raise ValueError(f"{name} is empty. {self._empty_hint()}")
        num_classes = len(self.CLASSES)
        for data_info in self.data_list:
            for label in (*data_info["gt_label"], *data_info["gt_label_difficult"]):
                if not (isinstance(label, (int, np.integer)) and 0 <= label < num_classes):
                    raise ValueError(
                        f"label {label!r} of image '{data_info['img_path']}' is outside the "
                        f"{num_classes} classes of {name}; mend the annotation or give all "
                        "classes as metainfo=dict(classes=[...])"
                    )
        return self.data_list

    def _empty_hint(self) -> str:
        return f"Check ann_file: '{self.ann_file}' lists no image."


def _check_classes(classes: str | Sequence[str]) -> tuple[str, ...]:
    """Return the class names as a tuple, after a check."""
    if isinstance(classes, str):
        raise ValueError(
            f"classes must be a sequence of names or a file of one name a line; '{classes}' is "
            "no readable file"
        )
    repeated = sorted(name for name, count in Counter(classes).items() if count > 1)
    if repeated or not classes:
        raise ValueError(
            f"class names must be given and differ from one another; repeated: {repeated}"
        )
    return tuple(classes)
