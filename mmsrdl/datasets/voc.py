"""Pascal VOC's annotations as a multi-label data set."""

from typing import Any

from mmengine.fileio import join_path

from mmsrdl.datasets.annotation_file import first_of, read_text
from mmsrdl.datasets.categories import VOC_CATEGORIES
from mmsrdl.datasets.formats.voc_folder import (
    VOC_LAYOUT,
    VOCObject,
    voc_image_names,
    voc_objects,
)
from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset
from mmsrdl.registry import DATASETS

__all__ = ["VOCMultiLabel"]

SPLITS = ("train", "val", "trainval", "test")
POLICIES = ("negative", "positive", "unknown")


@DATASETS.register_module()
class VOCMultiLabel(MultiLabelDataset):
    """Pascal VOC 2007 and 2012: which classes an image shows.

    Expected layout, as downloaded from http://host.robots.ox.ac.uk/pascal/VOC::

        data/VOCdevkit/VOC2007      <- data_root
        ├── Annotations             *.xml
        ├── ImageSets/Main          train.txt val.txt trainval.txt test.txt
        └── JPEGImages              *.jpg

    A class is positive where an image holds an ordinary object of it. Where it holds only
    objects marked ``difficult``, the literature differs: MMPretrain and CSRA train on them
    as negatives and leave them out of every test metric; ML-GCN's family trains on them as
    positives and leaves them out of AP; HCP and SSGRL take them as negatives everywhere.

    Args:
        data_root: Folder of one year, such as ``data/VOCdevkit/VOC2007``.
        split: ``'train'``, ``'val'``, ``'trainval'`` or ``'test'``; names the list
            ``ImageSets/Main/{split}.txt``.
        difficult: What a class of only difficult objects is: ``'negative'`` (0),
            ``'positive'`` (1) or ``'unknown'`` (-1, left out of losses and metrics). None
            is MMPretrain's way: ``'unknown'`` with ``test_mode=True``, else ``'negative'``.
        ann_file: An own list of image names, one a line, in place of the split's.
        data_prefix: Folders of images and annotations under ``data_root``; None for
            ``dict(img_path='JPEGImages', ann_path='Annotations')``.
        test_mode: Whether the data set is used for evaluation.
        **kwargs: Passed to :class:`MultiLabelDataset`.

    Raises:
        FileNotFoundError: If a list, an annotation or an image is missing.
        ValueError: On an unknown split or policy, a class outside the list, or an annotation
            that is not plain XML.
    """

    METAINFO = {"classes": VOC_CATEGORIES}

    def __init__(
        self,
        data_root: str,
        split: str = "trainval",
        difficult: str | None = None,
        ann_file: str = "",
        data_prefix: dict[str, str] | None = None,
        test_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS and not ann_file:
            raise ValueError(f"split must be one of {SPLITS}, got '{split}'; or give ann_file")
        if difficult is not None and difficult not in POLICIES:
            raise ValueError(f"difficult must be None or one of {POLICIES}, got '{difficult}'")
        self.difficult = difficult or ("unknown" if test_mode else "negative")
        self.difficult_by_mode = difficult is None and not test_mode
        super().__init__(
            ann_file=ann_file or f"ImageSets/Main/{split}.txt",
            format="voc",
            data_root=data_root,
            data_prefix={
                "img_path": "JPEGImages",
                "ann_path": "Annotations",
                **(data_prefix or {}),
            },
            test_mode=test_mode,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """Load the images of the split and their labels."""
        layout = (
            f"data_root '{self.data_root}' should be the folder of one year, such as "
            f"VOCdevkit/VOC2007, with {VOC_LAYOUT}"
        )
        names = voc_image_names(read_text(self.ann_file, layout), self.ann_file)
        paths = [join_path(self.data_prefix["ann_path"], f"{name}.xml") for name in names]
        objects = [voc_objects(path, layout) for path in paths]
        self._check_objects(paths, objects)
        return [self._data_info(name, found) for name, found in zip(names, objects, strict=True)]

    def _check_objects(self, paths: list[str], objects: list[list[VOCObject]]) -> None:
        """Refuse objects of a class outside the list."""
        classes = self.class_to_idx
        outside = [
            (item.name, path)
            for path, found in zip(paths, objects, strict=True)
            for item in found
            if item.name not in classes
        ]
        if outside and not self.ignore_other_classes:
            name, path = outside[0]
            raise ValueError(
                f"object '{name}' of '{path}' is not among the classes of {type(self).__name__}; "
                f"in all {len(outside)} objects in {len({path for _, path in outside})} of "
                f"{len(paths)} images, of {first_of(sorted({name for name, _ in outside}))}. Add "
                "the classes to metainfo=dict(classes=[...]), or mend the annotations; "
                "ignore_other_classes=True leaves their objects out"
            )

    def _data_info(self, name: str, objects: list[VOCObject]) -> dict:
        classes = self.class_to_idx
        objects = [item for item in objects if item.name in classes]
        ordinary = {classes[item.name] for item in objects if not item.difficult}
        difficult = {classes[item.name] for item in objects if item.difficult} - ordinary
        labels = ordinary | difficult if self.difficult == "positive" else ordinary
        data_info = {
            "img_path": join_path(self.img_prefix, f"{name}.jpg"),
            "gt_label": sorted(labels),
            "gt_label_difficult": sorted(difficult) if self.difficult == "unknown" else [],
        }
        if self.with_boxes:
            boxes = [item.box() for item in objects]
            data_info |= self.box_fields(box for box in boxes if box is not None)
        return data_info

    def extra_repr(self) -> list[str]:
        """Return the extra lines of ``repr``."""
        return [*super().extra_repr(), f"Difficult objects: \t{self.difficult}"]
