"""COCO's instances annotations as a multi-label data set."""

import io
from contextlib import redirect_stdout
from typing import Any

from mmengine.fileio import exists, get_local_path, join_path
from pycocotools.coco import COCO

from mmsrdl.datasets.categories import COCO_CATEGORIES
from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset
from mmsrdl.registry import DATASETS

__all__ = ["CocoMultiLabel"]


@DATASETS.register_module()
class CocoMultiLabel(MultiLabelDataset):
    """COCO 2014, COCO 2017, or own data in the same format: which classes an image shows.

    An image is positive for every class of which it holds an annotation, ``iscrowd``
    included. COCO 2014 has 82,783 / 40,504 images (train / val), of which 82,081 / 40,137
    have at least one object; the literature cites the latter, so ``filter_empty`` is on.

    Expected layout, as downloaded from https://cocodataset.org::

        data/coco
        ├── annotations
        │   ├── instances_train2014.json
        │   └── instances_val2014.json
        ├── train2014
        └── val2014

    Classes are matched by name to the json's categories, in the order of ``classes``; by
    default the 80 official names in category-id order. Data infos also hold ``img_id``.

    Args:
        ann_file: Path of the instances json, relative to ``data_root``.
        filter_empty: Whether to drop images without any object.
        **kwargs: Passed to :class:`MultiLabelDataset`: ``data_root``,
            ``data_prefix=dict(img_path='train2014')``, ``metainfo=dict(classes=[...])``,
            ``pipeline``, ``test_mode`` and so on.

    Raises:
        FileNotFoundError: If the json is missing.
        ValueError: If the json holds annotations of a class outside the list, or lacks a
            class of the list, or if no image is left.

    Examples:
        >>> CocoMultiLabel(
        ...     data_root="data/coco",
        ...     ann_file="annotations/instances_train2014.json",
        ...     data_prefix=dict(img_path="train2014"),
        ... )  # doctest: +SKIP
    """

    METAINFO = {"classes": COCO_CATEGORIES}

    def __init__(self, ann_file: str, filter_empty: bool = True, **kwargs: Any) -> None:
        self.filter_empty = filter_empty
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load the images and labels of the json."""
        coco = self._read_annotations()
        class_of_category = self._match_classes(coco)
        data_list = []
        for img_id, image in coco.imgs.items():
            annotations = coco.imgToAnns.get(img_id, ())
            labels = {class_of_category[a["category_id"]] for a in annotations}
            if self.filter_empty and not labels:
                continue
            data_list.append(
                {
                    "img_path": join_path(self.img_prefix, image["file_name"]),
                    "img_id": img_id,
                    "gt_label": sorted(labels),
                    "gt_label_difficult": [],
                }
            )
        return data_list

    def _read_annotations(self) -> COCO:
        if not self.ann_file or not exists(self.ann_file):
            raise FileNotFoundError(
                f"COCO annotation file '{self.ann_file}' does not exist; data_root "
                f"'{self.data_root}' should hold annotations/instances_*.json beside the image "
                "folders, or give ann_file"
            )
        # pycocotools reports its progress on stdout.
        with get_local_path(self.ann_file) as path, redirect_stdout(io.StringIO()):
            return COCO(path)

    def _match_classes(self, coco: COCO) -> dict[int, int]:
        """Map category ids of the json to class indices, by name."""
        names = {category_id: category["name"] for category_id, category in coco.cats.items()}
        annotated = {a["category_id"] for a in coco.dataset.get("annotations", ())}
        missing = [name for name in self.CLASSES if name not in names.values()]
        outside = sorted(
            str(names.get(category_id, category_id))
            for category_id in annotated
            if names.get(category_id) not in self.class_to_idx
        )
        if outside or missing:
            raise ValueError(
                f"the classes of {type(self).__name__} do not match the categories of "
                f"'{self.ann_file}': annotated there but not among the classes: {outside}; "
                f"among the classes but not there: {missing}. Give the json's categories as "
                "metainfo=dict(classes=[...]), or mend the json"
            )
        return {i: self.class_to_idx[n] for i, n in names.items() if n in self.class_to_idx}

    def _empty_hint(self) -> str:
        if self.filter_empty:
            return (
                f"'{self.ann_file}' lists no image with an object; filter_empty=False keeps images "
                "without objects."
            )
        return super()._empty_hint()

    def extra_repr(self) -> list[str]:
        """Return the extra lines of ``repr``."""
        treatment = "dropped" if self.filter_empty else "kept"
        return [*super().extra_repr(), f"Images without objects: \t{treatment}"]
