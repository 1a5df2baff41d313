"""COCO's instances annotations as a multi-label data set."""

from typing import Any

from mmengine.fileio import join_path
from pycocotools.coco import COCO

from mmsrdl.datasets.annotation_file import first_of, read_json
from mmsrdl.datasets.categories import COCO_CATEGORIES
from mmsrdl.datasets.formats.checks import check_path
from mmsrdl.datasets.formats.coco_json import (
    check_file_names,
    check_image_ids,
    coco_box,
    index_coco,
)
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
            ``with_boxes`` (crowds are difficult), ``pipeline``, ``test_mode`` and so on.

    Raises:
        FileNotFoundError: If the json or images are missing.
        ValueError: If the file is no COCO json with labels, holds annotations of a class outside
            the list, or lacks a class of the list, or if no image is left.

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
        super().__init__(ann_file=ann_file, format="coco", **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load the images and labels of the json."""
        content = read_json(
            self.ann_file,
            "mmsrdl.CocoMultiLabel",
            f"data_root '{self.data_root}' should hold annotations/instances_*.json beside the "
            "image folders, or give ann_file",
        )
        index = index_coco(content, self.ann_file)
        class_of_category = self._match_classes(index)
        check_image_ids(index, self.ann_file)
        check_file_names(content["images"], self.ann_file)
        infos = [self._data_info(image, index, class_of_category) for image in content["images"]]
        return [info for info in infos if info["gt_label"] or not self.filter_empty]

    def _data_info(self, image: dict[str, Any], index: COCO, place: dict[Any, int]) -> dict:
        items = [a for a in index.imgToAnns.get(image["id"], ()) if a["category_id"] in place]
        where = f"'file_name' of image {image['id']} of '{self.ann_file}'"
        data_info = {
            "img_path": join_path(self.img_prefix, check_path(image["file_name"], where)),
            "img_id": image["id"],
            "gt_label": sorted({place[item["category_id"]] for item in items}),
            "gt_label_difficult": [],
        }
        if self.with_boxes:
            names = [self.CLASSES[place[item["category_id"]]] for item in items]
            boxes = map(coco_box, items, names, [self.ann_file] * len(items))
            data_info |= self.box_fields(box for box in boxes if box is not None)
        return data_info

    def _match_classes(self, index: COCO) -> dict[int, int]:
        """Map category ids of the json to class indices, by name."""
        names = {category_id: category["name"] for category_id, category in index.cats.items()}
        annotations = index.dataset["annotations"]
        classes = self.class_to_idx
        missing = [name for name in self.CLASSES if name not in names.values()]
        outside = [a for a in annotations if names.get(a["category_id"]) not in classes]
        if self.ignore_other_classes:
            outside = [a for a in outside if a["category_id"] not in names]
        if outside or missing:
            strangers = {str(names.get(a["category_id"], a["category_id"])) for a in outside}
            raise ValueError(
                f"the classes of {type(self).__name__} do not match the categories of "
                f"'{self.ann_file}': annotated there but not among the classes: "
                f"{first_of(sorted(strangers))}, {len(outside)} annotations in "
                f"{len({a['image_id'] for a in outside})} images; among the classes but not "
                f"there: {first_of(missing)}. Give the json's categories as "
                "metainfo=dict(classes=[...]), or mend the json; ignore_other_classes=True leaves "
                "out categories that are not among the classes"
            )
        return {i: classes[name] for i, name in names.items() if name in classes}

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
