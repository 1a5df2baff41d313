"""Pictures of what models say of images."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmsrdl.apis.class_maps import MapMethod
from mmsrdl.apis.image_inputs import ImageInputs, expand_inputs
from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.datasets.formats import Annotations
from mmsrdl.datasets.formats.find_record import find_record
from mmsrdl.datasets.statistics import annotation_targets, label_statistics
from mmsrdl.evaluation.functional import average_precision
from mmsrdl.evaluation.functional.precision_recall import check_threshold
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.visualization import (
    draw_ap_bars,
    draw_attention_panel,
    draw_label_graph,
    draw_score_comparison,
    panel_files,
)

__all__ = ["draw_attention", "draw_average_precision", "draw_comparison", "draw_graph"]


def draw_attention(
    inferencer: MultiLabelInferencer,
    images: ImageInputs,
    out_dir: str | os.PathLike[str],
    topk: int | None = 3,
    classes: Sequence[str] | None = None,
    method: MapMethod = "auto",
    annotations: Annotations | None = None,
    stretch: bool = True,
) -> Iterator[tuple[str, Path]]:
    """Draws the maps of some classes for each image: the paper's Figure 5, of any head.

    Args:
        inferencer: The model and its thresholds.
        images: Files, folders and globs, see :func:`expand_inputs`.
        out_dir: Folder of the pictures.
        topk: How many classes of an image are drawn; None draws all that are predicted.
        classes: Names of the classes to draw instead.
        method: Which maps, see :func:`class_maps`.
        annotations: Labels of the images, by which right and wrong are marked.
        stretch: See :func:`draw_attention_panel`.

    Yields:
        An image and its picture, when it is drawn.

    Raises:
        FileNotFoundError: If an image does not exist.
        TypeError: If something else than paths is given, or ``topk`` is no integer.
        ValueError: If an image has no labels in ``annotations``, or an argument does not fit.
    """
    paths = _paths(images)
    shown = inferencer.classes if classes is None else tuple(classes)
    targets = _targets(annotations, paths, shown)
    predictions = inferencer.stream(paths, classes=classes, maps=method)

    def pictures() -> Iterator[tuple[str, Path]]:
        for path, target, out_file, prediction in zip(
            paths, targets, panel_files(paths, out_dir), predictions, strict=True
        ):
            draw_attention_panel(
                path, prediction.maps, prediction.scores, shown, out_file, topk,
                thr=inferencer.thresholds_of(shown), chosen=classes, targets=target,
                stretch=stretch,
            )  # fmt: skip
            yield path, out_file

    return pictures()


def draw_comparison(
    first: MultiLabelInferencer,
    second: MultiLabelInferencer,
    names: tuple[str, str],
    images: ImageInputs,
    out_dir: str | os.PathLike[str],
    annotations: Annotations | None = None,
    thr: float = 0.5,
    topk: int = 5,
) -> Iterator[tuple[str, Path]]:
    """Draws the scores of two models for each image: the paper's Figure 7.

    Args:
        first: A model, such as one trained without OE.
        second: Another one of the same classes, in any order.
        names: What the two are called.
        images: Files, folders and globs, see :func:`expand_inputs`.
        out_dir: Folder of the pictures.
        annotations: Labels of the images, by which right and wrong are marked.
        thr: From which score on a class is predicted.
        topk: How many of the highest scores of each model are drawn.

    Yields:
        An image and its picture, when it is drawn.

    Raises:
        FileNotFoundError: If an image does not exist.
        TypeError: If something else than paths is given, or a number is none.
        ValueError: If the models are of different classes, an image has no labels in
            ``annotations``, or an argument does not fit.
    """
    check_threshold(thr)
    classes = first.classes
    if set(classes) != set(second.classes):
        raise ValueError(
            "the two models are of different classes: "
            f"{first_difference(sorted(classes), sorted(second.classes))}; compare models that "
            "were trained on the same ones"
        )
    paths = _paths(images)
    targets = _targets(annotations, paths, classes)
    streams = [model.stream(paths, classes=classes) for model in (first, second)]

    def pictures() -> Iterator[tuple[str, Path]]:
        for path, target, out_file, one, other in zip(
            paths, targets, panel_files(paths, out_dir), *streams, strict=True
        ):
            draw_score_comparison(
                path, one.scores, other.scores, names, classes, target, thr, out_file, topk
            )
            yield path, out_file

    return pictures()


def draw_average_precision(
    files: Sequence[ScoresFile], names: Sequence[str], out_file: str | os.PathLike[str]
) -> None:
    """Draws the raw AP of every class in one test run or several.

    Args:
        files: What ``mmsrdl test --out`` wrote, of the same classes in any order.
        names: What the runs are called.
        out_file: PNG to write; its folder is made.

    Raises:
        ValueError: If the runs are of different classes, or there are too many.
    """
    classes = files[0].names
    values = []
    for name, file in zip(names, files, strict=True):
        if set(file.names) != set(classes):
            raise ValueError(
                f"the scores of {name!r} are of other classes than those of {names[0]!r}: "
                f"{first_difference(sorted(file.names), sorted(classes))}; draw them apart"
            )
        ap = average_precision(file.scores, file.targets)
        values.append(ap[[file.names.index(each) for each in classes]])
    draw_ap_bars(values, names, classes, out_file)


def draw_graph(
    image: str | os.PathLike[str],
    annotations: Annotations,
    out_file: str | os.PathLike[str],
    labels: Sequence[str] | None = None,
    thr: float = 0.3,
) -> None:
    """Draws an image beside the co-occurrence graph of its labels: the paper's Figure 1.

    Args:
        image: Image file.
        annotations: Images whose labels are counted.
        out_file: PNG to write; its folder is made.
        labels: Names of the classes to draw. Defaults to the image's own in ``annotations``.
        thr: From which probability on a line is solid.

    Raises:
        FileNotFoundError: If the image does not exist.
        ValueError: If a label is unknown, or there is none.
    """
    if labels is None:
        labels = find_record(annotations, image).labels
    if not labels:
        raise ValueError(
            f"'{annotations.source}' has no label for '{image}'; name some: labels=[...], --labels"
        )
    labels = list(dict.fromkeys(labels))
    known = annotations.found_classes()
    unknown = [name for name in labels if name not in known]
    if unknown:
        raise ValueError(
            f"labels {first_of(unknown)} are none of the classes of '{annotations.source}': "
            f"{first_of(known, 100)}"
        )
    table = label_statistics(annotation_targets(annotations, labels), labels).conditional
    draw_label_graph(image, labels, table, out_file, thr)


def _paths(images: ImageInputs) -> list[str]:
    """Lists image files."""
    paths = expand_inputs(images)
    if not all(isinstance(path, str) for path in paths):
        raise TypeError("images must be files, folders or globs, as a picture is named after each")
    return [str(path) for path in paths]


def _targets(
    annotations: Annotations | None, paths: Sequence[str], classes: Sequence[str]
) -> list[np.ndarray | None]:
    """Labels of each image, [C] of 1, 0 and -1; a class that the file does not know is unknown."""
    if annotations is None:
        return [None] * len(paths)
    known = annotations.found_classes()
    if not set(known) & set(classes):
        raise ValueError(
            f"'{annotations.source}' has none of the model's classes, {first_of(classes)}; it has "
            f"{first_of(known)}"
        )
    records = [find_record(annotations, path) for path in paths]
    targets = annotation_targets(replace(annotations, records=records), classes)
    if annotations.classes is not None:
        targets[:, [name not in known for name in classes]] = -1
    return list(targets)
