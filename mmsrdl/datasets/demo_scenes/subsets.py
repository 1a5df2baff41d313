"""Labels for the AP of small and of occluded objects."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from mmsrdl.datasets.demo_scenes.catalogue import OCCLUDED_FROM, SMALL_SHARE


def subset_targets(
    targets: Tensor,
    ann_file: str | os.PathLike[str],
    classes: Sequence[str],
    image_ids: Sequence[int],
    kind: str = "small",
) -> Tensor:
    """Targets for the AP of small or of occluded objects alone.

    A positive stays 1 where every instance of the class in the image is of the kind, other
    positives become -1 (left out of the metric), negatives stay 0 and unknowns -1.

    Args:
        targets: (N, C) labels of 1, 0 and -1.
        ann_file: Instances json that :func:`write_demo_scenes` wrote.
        classes: The C class names, in the order of the columns.
        image_ids: The N image ids, in the order of the rows.
        kind: ``"small"`` (area under ``SMALL_SHARE`` of the image) or ``"occluded"``
            (at least ``OCCLUDED_FROM`` of the object is covered).

    Returns:
        (N, C) labels of 1, 0 and -1, of the type of ``targets``.

    Raises:
        ValueError: If ``kind`` is unknown, shapes do not match, or the file lacks an image or
            the ``occlusion`` of an object.
    """
    if kind not in ("small", "occluded"):
        raise ValueError(f"kind must be 'small' or 'occluded', got {kind!r}")
    if targets.shape != (len(image_ids), len(classes)):
        raise ValueError(
            f"targets must be of shape (len(image_ids), len(classes)) = "
            f"({len(image_ids)}, {len(classes)}), got {tuple(targets.shape)}"
        )
    content = json.loads(Path(ann_file).read_text())
    images = {image["id"]: image for image in content["images"]}
    missing = [i for i in image_ids if i not in images]
    if missing:
        raise ValueError(f"image_ids holds ids that {ann_file} does not: {missing[:5]}")
    rows = {image_id: row for row, image_id in enumerate(image_ids)}
    names = {category["id"]: category["name"] for category in content["categories"]}
    columns = {name: column for column, name in enumerate(classes)}
    other = torch.zeros(targets.shape, dtype=torch.bool)
    for item in content["annotations"]:
        row, column = rows.get(item["image_id"]), columns.get(names[item["category_id"]])
        if row is not None and column is not None and not _is_kind(item, images, kind):
            other[row, column] = True
    return torch.where(
        (targets == 1) & other.to(targets.device), -torch.ones_like(targets), targets
    )


def _is_kind(item: dict, images: Mapping[int, dict], kind: str) -> bool:
    if kind == "small":
        image = images[item["image_id"]]
        return item["area"] < SMALL_SHARE * image["width"] * image["height"]
    if "occlusion" not in item:
        raise ValueError(f"annotation {item['id']} has no 'occlusion': not a demo scenes file")
    return item["occlusion"] >= OCCLUDED_FROM
