"""How large the objects of annotated images are."""

from collections.abc import Sequence

import numpy as np

from mmsrdl.datasets.formats import Annotations
from mmsrdl.datasets.formats.find_record import find_records

__all__ = ["object_areas"]


def object_areas(
    annotations: Annotations, images: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """Share of the image that the largest ordinary object of every class takes.

    Args:
        annotations: Images with boxes, width and height.
        images: N files, found as by :func:`find_record`.
        classes: C names; boxes of other classes are left out.

    Returns:
        float64 [N, C]; NaN where an image has no box of a class that is not difficult.

    Raises:
        ValueError: If an image is not annotated or has no size, or no image has a box.
    """
    place = {name: index for index, name in enumerate(classes)}
    areas = np.full((len(images), len(classes)), -1.0)
    for row, record in zip(areas, find_records(annotations, images), strict=True):
        if record.size is None:
            raise ValueError(
                f"'{annotations.source}' has no width and height of '{record.path}', by which the "
                "size of its objects is judged; give COCO's json, VOC's folders, or JSON lines "
                "with width and height"
            )
        for box in record.boxes:
            if box.name in place and not box.difficult:
                share = box.bbox[2] * box.bbox[3] / (record.size[0] * record.size[1])
                row[place[box.name]] = max(row[place[box.name]], share)
    if not (areas >= 0).any():
        raise ValueError(
            f"'{annotations.source}' has no box of any of the {len(classes)} classes in "
            f"{len(images)} images; give annotations with boxes"
        )
    return np.where(areas < 0, np.nan, areas)
