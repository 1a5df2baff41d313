"""NUS-WIDE as a data set of zero-shot learning."""

import logging
import os
from typing import Any, Literal, get_args

import numpy as np
from mmengine.fileio import join_path
from mmengine.logging import print_log

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.data_checks import missing_images
from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset
from mmsrdl.datasets.nuswide.labels import SPLITS, NUSWIDELabels
from mmsrdl.registry import DATASETS

__all__ = ["NUSWIDE"]

Labels = Literal["seen", "unseen", "all", "human81"]
Missing = Literal["error", "skip"]


@DATASETS.register_module()
class NUSWIDE(MultiLabelDataset):
    """NUS-WIDE: 161,789 images to train on and 107,859 to test on, with 925 + 81 labels.

    Expected layout, where ``nuswide.npz`` is made by ``mmsrdl data nuswide`` from the published
    text files::

        data/nuswide      <- data_root
        ├── nuswide.npz
        └── Flickr        704 folders of images

    Zero-shot learning trains on 925 *seen* classes, tags that Flickr's users gave, and tests on the
    81 *unseen* ones, concepts that annotators looked for. A tag that is not given counts as
    negative, though many an image shows what nobody tagged.

    ``metainfo`` also names ``unseen_classes``, those of the classes that are unseen; the
    :class:`OpenVocabularyMetric` reads them.

    Args:
        data_root: Folder of the data set.
        split: ``'train'`` or ``'test'``.
        labels: ``'seen'``: 925 tags; ``'unseen'``: 81 concepts; ``'all'``: the former, then the
            latter, for generalised zero-shot learning; ``'human81'``: the 81 concepts again, to
            train on, too. ``classes=[...]`` chooses among them, in any order.
        ann_file: The file of ``mmsrdl data nuswide``, relative to ``data_root``.
        data_prefix: Folder of the images, relative to ``data_root``.
        filter_empty: Whether images without a positive label are dropped. None: in training, as in
            the public code of zero-shot learning, which tests on all 107,859.
        missing: What becomes of images that are not there, as some can no longer be had:
            ``'error'``, or ``'skip'``, which says how many.
        **kwargs: Passed to :class:`MultiLabelDataset`.

    Raises:
        FileNotFoundError: If the file is missing, or images are and ``missing`` is ``'error'``.
        ValueError: On an unknown option, unseen labels in training, classes that are not among the
            labels, another file than that of the command, or if no image is left.
    """

    def __init__(
        self,
        data_root: str,
        split: str = "train",
        labels: Labels = "seen",
        ann_file: str = "nuswide.npz",
        data_prefix: str | dict[str, str] = "Flickr",
        filter_empty: bool | None = None,
        missing: Missing = "error",
        **kwargs: Any,
    ) -> None:
        for name, value, choices in (
            ("split", split, SPLITS),
            ("labels", labels, get_args(Labels)),
            ("missing", missing, get_args(Missing)),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {choices}, got {value!r}")
        if split == "train" and labels in ("unseen", "all"):
            raise ValueError(
                f"labels={labels!r} with split='train' would train on the classes that zero-shot "
                "learning keeps for the test; use labels='seen', or 'human81' to train on the 81 "
                "concepts on purpose"
            )
        self.split, self.labels, self.missing = split, labels, missing
        self.filter_empty = split == "train" if filter_empty is None else filter_empty
        super().__init__(ann_file=ann_file, data_root=data_root, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load the images and labels of the split."""
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(
                f"ann_file='{self.ann_file}' does not exist; make it with `mmsrdl data nuswide DIR "
                f"--out {self.ann_file}`, where DIR holds NUS-WIDE's text files"
            )
        content = NUSWIDELabels.load(self.ann_file, (self.split,))
        columns = self._columns(content)
        images, labels = content.splits[self.split].images, content.splits[self.split].labels
        rows, places = np.nonzero(labels[:, columns])
        positives = np.split(places, np.searchsorted(rows, np.arange(1, len(images))))
        folder = join_path(self.img_prefix, "")
        infos = [
            {
                "img_path": folder + image,
                "gt_label": found.tolist(),
                "gt_label_difficult": [],
            }
            for image, found in zip(images, positives, strict=True)
            if len(found) or not self.filter_empty
        ]
        return self._without_missing(infos) if self.missing == "skip" else infos

    def _columns(self, content: NUSWIDELabels) -> list[int]:
        """Return the places of the classes among all labels, and name the classes in metainfo."""
        names = content.seen + content.unseen
        offered = {"seen": content.seen, "all": names}.get(self.labels, content.unseen)
        classes = self._metainfo.setdefault("classes", offered)
        outside = [name for name in classes if name not in set(offered)]
        if outside:
            raise ValueError(
                f"{len(outside)} classes are not among the {len(offered)} of labels={self.labels!r}"
                f" in '{self.ann_file}': {first_of(outside)}; spell them as there, or leave classes"
                " out"
            )
        unseen = set(content.unseen)
        self._metainfo["unseen_classes"] = tuple(name for name in classes if name in unseen)
        place = {name: column for column, name in enumerate(names)}
        return [place[name] for name in classes]

    def _without_missing(self, infos: list[dict]) -> list[dict]:
        missing = missing_images([info["img_path"] for info in infos])
        if not missing:
            return infos
        if len(missing) == len(infos):
            raise FileNotFoundError(
                f"none of the {len(infos)} images of NUSWIDE is below '{self.img_prefix}'; mend "
                "data_root or data_prefix"
            )
        print_log(
            f"NUSWIDE: {len(missing):,} of {len(infos):,} images of split {self.split!r} do not "
            f"exist below '{self.img_prefix}' and are left out: {first_of(missing, 3)}",
            logger="current",
            level=logging.WARNING,
        )
        gone = set(missing)
        return [info for info in infos if info["img_path"] not in gone]

    def filter_data(self) -> list[dict]:
        """Check the data set, and sort the labels of every image."""
        try:
            return super().filter_data()
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"{error}; missing='skip' leaves out images that can no longer be had"
            ) from error

    def _empty_hint(self) -> str:
        if self.filter_empty:
            return (
                f"No image of split {self.split!r} in '{self.ann_file}' has a label; "
                "filter_empty=False keeps images without one."
            )
        return super()._empty_hint()

    def extra_repr(self) -> list[str]:
        """Return the extra lines of ``repr``."""
        treatment = "dropped" if self.filter_empty else "kept"
        return [
            *super().extra_repr(),
            f"Labels: \t{self.labels} of split {self.split}",
            f"Images without labels: \t{treatment}",
        ]
