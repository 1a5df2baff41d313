"""Label files that the single-positive literature publishes."""

import os
from collections.abc import Sequence

import numpy as np

from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.observation.observation import Observation, source_of

__all__ = ["read_published"]

MEANING = "1 known positive, -1 known negative, 0 unknown"


def read_published(
    observed: str | os.PathLike[str],
    listed: str | os.PathLike[str],
    labels: np.ndarray,
    images: Sequence[str],
    classes: Sequence[str],
    columns: Sequence[str] | None = None,
) -> Observation:
    """Reads which labels are known from a pair of files as Cole et al. (CVPR 2021) write them.

    ``preproc/generate_observed_labels.py`` of their public code writes
    ``formatted_train_labels_obs.npy``, [M, C] of 1 (known positive), -1 (known negative) and 0
    (unknown), in the order of ``formatted_train_images.npy``, M names of images, such as
    ``2008_000008.jpg`` (VOC 2012) and ``train2014/COCO_train2014_000000000009.jpg`` (COCO 2014).
    Other works of the field share the layout.

    The files hold no classes and not what was hidden, so that a data set is needed: its labels must
    agree with every known one. Their code takes difficult objects of VOC for negatives
    (``difficult='negative'``) and leaves out images without a label.

    Args:
        observed: The ``.npy`` file of labels.
        listed: The ``.npy`` file of names.
        labels: Labels of the data set before they are hidden, int8 [N, C] of 1, 0 and -1.
        images: Its N images, all of which are listed; by path below the folder of the images, or by
            file name where the list has other folders. Further listed ones are left out.
        classes: Its C classes.
        columns: Names of the columns of ``observed``. Defaults to ``classes``.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is of another kind, an image is not listed, or a label that is known
            is not the data set's.
    """
    values, names = _read(observed, "observed"), _read(listed, "listed")
    columns = tuple(classes if columns is None else columns)
    if names.dtype.kind not in "US" or values.shape != (names.size, len(columns)):
        raise ValueError(
            f"'{observed}' holds {values.dtype} {list(values.shape)} and '{listed}' {names.dtype} "
            f"{list(names.shape)}: needed are the labels [M, {len(columns)}] of M names of images"
        )
    if not np.isin(values, (-1, 0, 1)).all():
        strange = sorted(set(np.unique(values).tolist()) - {-1, 0, 1})
        raise ValueError(f"'{observed}' holds {first_of(strange)}; labels are {MEANING}")
    if set(columns) != set(classes) or len(columns) != len(classes):
        raise ValueError(
            f"columns={first_of(columns)} must be the {len(classes)} classes of the data set, "
            f"{first_of(tuple(classes))}, in the order of '{observed}'"
        )
    rows = _rows(names.astype(np.str_).tolist(), images, listed)
    values = values[rows][:, [columns.index(name) for name in classes]]
    _check_agreement(values, labels, images, classes, observed)
    settings = {"keep": "published", "file": os.path.basename(observed)}
    source = source_of(labels, images, classes)
    return Observation(values != 0, tuple(images), tuple(classes), settings, source)


def _read(path: str | os.PathLike[str], argument: str) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{argument}='{path}' does not exist") from error
    except Exception as error:
        # A damaged header makes NumPy's parser raise errors of any kind; it takes
        # any other file for a pickle, and tells how to run it.
        raise ValueError(
            f"{argument}='{path}' is no npy file of a plain array, or cut short; pickles are never "
            "read"
        ) from error
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{argument}='{path}' is no npy file of one array; give one")
    return array


def _rows(listed: Sequence[str], images: Sequence[str], path: str | os.PathLike[str]) -> list[int]:
    """Returns where each image is listed: by its whole name, or else by that of its file."""
    wanted, found = images, listed
    if not set(images) <= set(listed):
        wanted, found = ([os.path.basename(name) for name in each] for each in (images, listed))
    place = {name: row for row, name in enumerate(found)}
    missing = [image for image, name in zip(images, wanted, strict=True) if name not in place]
    if missing:
        raise ValueError(
            f"'{path}' does not list {len(missing)} of the {len(images)} images of the data set, "
            f"such as {first_of(missing, 3)}; it holds {first_of(listed, 3)}. Give the list of "
            "these images"
        )
    if len(place) < len(found):
        raise ValueError(f"'{path}' lists images more than once; give a list of images that differ")
    if len(set(wanted)) < len(wanted):
        raise ValueError(
            f"'{path}' lists names of files alone, and images of the data set in different folders "
            "have one name; give a list with their folders"
        )
    return [place[name] for name in wanted]


def _check_agreement(
    values: np.ndarray,
    labels: np.ndarray,
    images: Sequence[str],
    classes: Sequence[str],
    path: str | os.PathLike[str],
) -> None:
    wrong = (values == 1) & (labels != 1) | (values == -1) & (labels != 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        meant = "positive" if values[row, column] == 1 else "negative"
        raise ValueError(
            f"{wrong.sum():,} of {(values != 0).sum():,} known labels of '{path}' are not the data "
            f"set's: '{classes[column]}' of image '{images[row]}' is {meant} there and "
            f"{labels[row, column]} here. The columns are other classes, or the annotations, or "
            "how difficult objects are taken, differ"
        )
