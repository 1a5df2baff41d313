"""What a model predicts for an image, and files of it."""

import csv
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from mmpretrain.structures import DataSample
from torch import Tensor

__all__ = ["Label", "Prediction", "write_csv", "write_json_lines", "write_predictions"]


class Label(NamedTuple):
    """A class and its score."""

    name: str
    score: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one image.

    Attributes:
        path: The image file; None for an array or a PIL image without a file.
        classes: K names: all of the model's, or those asked for, in the order asked for.
        scores: Probabilities of these classes, float32 [K] on the CPU; calibrated where the
            thresholds have a temperature. None where the image could not be read.
        labels: Classes whose scores are at or above their thresholds, the highest first.
        topk: The k classes of the highest scores, whatever the thresholds, if asked for.
        maps: Where these classes are seen, numbers >= 0, float32 [K, h, w] on the CPU, if asked
            for; see :func:`class_maps`.
        error: Why the image was skipped; None where it was not.
    """

    path: str | None
    classes: tuple[str, ...]
    scores: Tensor | None = None
    labels: tuple[Label, ...] = ()
    topk: tuple[Label, ...] = ()
    maps: Tensor | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold: all but the maps; ``topk`` and ``error`` where they are."""
        content: dict[str, Any] = {"path": self.path}
        if self.scores is None:
            return {**content, "error": self.error}
        content["labels"] = [label._asdict() for label in self.labels]
        if self.topk:
            content["topk"] = [label._asdict() for label in self.topk]
        return {**content, "scores": dict(zip(self.classes, self.scores.tolist(), strict=True))}

    def to_data_sample(self) -> DataSample:
        """Returns MMPretrain's structure: ``pred_score`` [K] and ``pred_label``, their indices."""
        sample = DataSample(metainfo={"img_path": self.path, "classes": self.classes})
        if self.scores is None:
            sample.set_metainfo({"error": self.error})
            return sample
        index = [self.classes.index(label.name) for label in self.labels]
        return sample.set_pred_score(self.scores).set_pred_label(
            self.scores.new_tensor(index).long()
        )


def write_json_lines(predictions: Iterable[Prediction], file: TextIO) -> None:
    """Writes one JSON object a line, as :meth:`Prediction.to_dict` returns it.

    Args:
        predictions: Each is written as soon as it comes.
        file: Text file.
    """
    for prediction in predictions:
        print(json.dumps(prediction.to_dict(), ensure_ascii=False), file=file, flush=True)


def write_csv(predictions: Iterable[Prediction], file: TextIO) -> None:
    """Writes a table: path, labels joined by ``;``, error, and a column ``score:NAME`` a class.

    Args:
        predictions: All of the same classes. Each is written as soon as it comes.
        file: Text file, opened with ``newline=""``.

    Raises:
        ValueError: If a class name holds a ``;``.
    """
    rows = csv.writer(file)
    for number, prediction in enumerate(predictions):
        if number == 0:
            rows.writerow(["path", "labels", "error", *map(_column, prediction.classes)])
        labels = ";".join(label.name for label in prediction.labels)
        scores = [""] * len(prediction.classes)
        if prediction.scores is not None:
            scores = [f"{score:.7g}" for score in prediction.scores.tolist()]
        rows.writerow([prediction.path, labels, prediction.error, *scores])
        file.flush()


def _column(name: str) -> str:
    if ";" in name:
        raise ValueError(f"class {name!r} holds a ';', which separates labels in CSV: use .jsonl")
    return f"score:{name}"


WRITERS: dict[str, Callable[[Iterable[Prediction], TextIO], None]] = {
    ".jsonl": write_json_lines,
    ".csv": write_csv,
}


def prediction_file(path: str | os.PathLike[str]) -> Path:
    """Returns the path of a file that :func:`write_predictions` can write.

    Raises:
        ValueError: If it has another ending.
    """
    if Path(path).suffix.lower() not in WRITERS:
        raise ValueError(f"file '{path}' of predictions must end with {' or '.join(WRITERS)}")
    return Path(path)


def write_predictions(predictions: Iterable[Prediction], path: str | os.PathLike[str]) -> None:
    """Writes predictions, such as those of :meth:`MultiLabelInferencer.stream`, as they come.

    Args:
        predictions: All of the same classes.
        path: File that ends with ``.jsonl``, see :func:`write_json_lines`, or ``.csv``, see
            :func:`write_csv`; its folder is made.

    Raises:
        ValueError: If the file has another ending.
    """
    path = prediction_file(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        WRITERS[path.suffix.lower()](predictions, file)
