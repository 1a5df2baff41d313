"""What a tier's trainings share, made once: data, start weights, scores of VLPL's teacher."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.prepared import PreparedData
from mmsrdl.evaluation.scores_file import ScoresFile

__all__ = ["SCORES", "START", "Prepared", "chance_level", "write_teacher"]

SCORES, START = "teacher.npz", "start.pth"


@dataclass(frozen=True, kw_only=True)
class Prepared(PreparedData):
    """What is known of the folder of a tier.

    Attributes:
        tier: ``'frozen'`` or ``'demo'``.
        classes: C.
        chance: mAP of a random order on the validation images, in percent.
        teacher: What the teacher is, and how good on the training images with all labels known.
    """

    tier: str
    classes: int
    chance: float
    teacher: dict[str, Any]


def chance_level(labels: np.ndarray) -> float:
    """Computes the mean share of positives over the classes, in percent.

    It is the mAP of a random order, but for what a finite number of images adds.

    Args:
        labels: int8 [N, C]; 1 positive, 0 negative, -1 left out.
    """
    shares = (labels == 1).sum(0) / (labels >= 0).sum(0)
    return 100 * float(shares.mean())


def write_teacher(
    folder: str | os.PathLike[str],
    scores: np.ndarray,
    similarity: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    images: tuple[str, ...],
    threshold: float,
) -> dict[str, float]:
    """Writes the scores of the teacher for the training images.

    Args:
        folder: Where to, as ``teacher.npz``.
        scores: float [N, C].
        similarity: float [N, C]; what is compared with the threshold.
        labels: int8 [N, C], with all entries known; they go into what is returned alone.
        classes: C names.
        images: N names.
        threshold: Of pseudo-positives.

    Returns:
        In percent: mAP of the teacher, precision and recall of what is above the threshold.
    """
    from mmsrdl.evaluation import average_precision

    number = len(images)
    unknown = torch.full(labels.shape, -1, dtype=torch.int8)  # VLPL's loss has no use for labels
    file = ScoresFile(
        classes, torch.from_numpy(scores).float(), unknown, torch.arange(number), images
    )
    file.save(Path(folder, SCORES))
    precisions = average_precision(file.scores, torch.from_numpy(labels))
    chosen, right = (similarity > threshold) & (labels >= 0), labels == 1
    return {
        "mAP": 100 * float(precisions.nanmean()),
        "pseudo_positives": int(chosen.sum()),
        "precision": 100 * float(right[chosen].mean()) if chosen.any() else 0.0,
        "recall": 100 * float(chosen[right].mean()),
    }
