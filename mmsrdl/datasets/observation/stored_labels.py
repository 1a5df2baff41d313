"""Labels and names of images as MMEngine's data sets store them, read and replaced."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.multi_label_dataset import MultiLabelDataset

__all__ = ["image_names", "replace_labels", "stored_labels"]

LABEL_KEYS = ("gt_label", "gt_label_difficult", "gt_label_unknown", "gt_score")


def image_names(dataset: BaseDataset) -> tuple[str, ...]:
    """Returns the images of a data set as paths below their folder, with ``/``.

    They are the same wherever the folder lies. An image elsewhere, or at an address, keeps its
    whole path.

    Args:
        dataset: MMEngine's, with ``img_path``, or an :class:`ObservedDataset` or
            :class:`HeldOutSplit` of one.
    """
    dataset = getattr(dataset, "base", dataset)
    folder = getattr(dataset, "image_root", None) or dataset.data_prefix.get("img_path", "")
    prefix = f"{folder.rstrip('/')}/" if folder else ""
    return tuple(
        info["img_path"].removeprefix(prefix).replace("\\", "/") for info in _infos(dataset)
    )


def stored_labels(dataset: BaseDataset) -> np.ndarray:
    """Returns the labels of a multi-label data set.

    Args:
        dataset: MMEngine's, with ``metainfo['classes']``, ``gt_label`` and, where there are any,
            ``gt_label_difficult``; or an :class:`ObservedDataset` or :class:`HeldOutSplit` of one.

    Returns:
        int8 [N, C]; 1 positive, 0 negative, -1 unknown or difficult.

    Raises:
        TypeError: If ``gt_label`` is no list of classes.
    """
    dataset = getattr(dataset, "base", dataset)
    classes = dataset.metainfo["classes"]
    labels = np.zeros((len(dataset), len(classes)), dtype=np.int8)
    for row, info in zip(labels, _infos(dataset), strict=True):
        positives = info.get("gt_label")
        if positives is None or np.ndim(positives) != 1:
            raise TypeError(
                f"{type(dataset).__name__} has gt_label={positives!r} for image "
                f"'{info.get('img_path')}', and labels of several classes are needed; use a "
                "multi-label data set, such as mmsrdl.MultiLabelDataset"
            )
        row[list(info.get("gt_label_difficult") or ())] = -1
        row[list(positives)] = 1
    return labels


def replace_labels(dataset: BaseDataset, labels: np.ndarray) -> None:
    """Replaces the labels that a data set stores, so that nothing of the old ones is left in it.

    Args:
        dataset: MMEngine's, which is changed.
        labels: int8 [N, C]; 1 positive, 0 negative, -1 unknown.

    Raises:
        ValueError: If its data infos hold more that gives labels away, such as boxes.
        TypeError: If it does not take its labels from what it stores.
    """
    infos = list(_infos(dataset))
    hints = sorted(
        {key for info in infos for key in info if key.startswith("gt_") and key not in LABEL_KEYS}
        | {key for info in infos for key in ("instances",) if key in info}
    )
    if hints:
        raise ValueError(
            f"{type(dataset).__name__} has {first_of(hints)}, which give hidden labels away; leave "
            "them out (with_boxes=False)"
        )
    computes_score = isinstance(dataset, MultiLabelDataset)
    for info, row in zip(infos, labels, strict=True):
        info.update(_label_fields(info, row))
        if not computes_score:
            info["gt_score"] = row.astype(np.float32)
    dataset.data_list = infos
    if dataset.serialize_data:
        dataset.data_bytes, dataset.data_address = dataset._serialize_data()
    for index, row in enumerate(labels):
        if list(dataset.get_data_info(index)["gt_label"]) != np.flatnonzero(row == 1).tolist():
            raise TypeError(
                f"{type(dataset).__name__} does not take gt_label from its data list, so that its "
                "labels cannot be hidden; use a data set whose load_data_list() returns them"
            )


def _label_fields(info: Mapping[str, Any], row: np.ndarray) -> dict[str, list[int]]:
    """Returns the fields of labels; an entry that was difficult, not unknown, stays difficult."""
    left_out = np.flatnonzero(row == -1).tolist()
    difficult = set(info.get("gt_label_difficult") or ()) - set(info.get("gt_label_unknown", ()))
    difficult -= set(info["gt_label"])
    return {
        "gt_label": np.flatnonzero(row == 1).tolist(),
        "gt_label_difficult": left_out,
        "gt_label_unknown": [label for label in left_out if label not in difficult],
    }


def _infos(dataset: BaseDataset) -> Iterator[dict]:
    """Yields what is stored of each image, without what a class of data sets adds to it."""
    for index in range(len(dataset)):
        info = BaseDataset.get_data_info(dataset, index)
        del info["sample_idx"]
        yield info
