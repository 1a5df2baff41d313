"""Which mistakes of a model are the worst, and which go together."""

from typing import Any, NamedTuple

import numpy as np

from mmsrdl.visualization.canvas import as_array
from mmsrdl.visualization.verdict import decide

__all__ = ["Confusion", "Mistake", "confusions", "entry_loss", "worst_images", "worst_of_class"]

CLAMP = 1e-7
"""Scores are kept this far from 0 and 1, whose cross-entropy has no bound."""


class Mistake(NamedTuple):
    """One wrong entry of [N, C], or the worst one of an image.

    Attributes:
        image: Its row.
        column: Its class.
        loss: Binary cross-entropy of its score.
    """

    image: int
    column: int
    loss: float


class Confusion(NamedTuple):
    """Two classes of which one was missed where the other was invented.

    Attributes:
        missed: Index of the class that the images show.
        invented: Index of the class that was predicted.
        images: How many.
    """

    missed: int
    invented: int
    images: int


def entry_loss(scores: Any, targets: Any, thr: Any) -> np.ndarray:
    """Binary cross-entropy of every wrong entry: how sure the model was of what is not so.

    An entry is wrong if its class is predicted (score >= thr) and not shown, or shown and not
    predicted.

    Args:
        scores: Probabilities, [N, C].
        targets: [N, C] of 1, 0 and -1 (unknown).
        thr: One threshold, or one a class, [C].

    Returns:
        [N, C], float64; 0 for entries that are right or unknown.
    """
    scores, targets = as_array(scores), as_array(targets)
    is_wrong = np.where(decide(scores, thr), targets == 0, targets == 1)
    chance = np.where(targets == 1, scores, 1 - scores).astype(np.float64)
    return np.where(is_wrong, -np.log(chance.clip(CLAMP, 1 - CLAMP)), 0)


def worst_images(loss: np.ndarray, top: int) -> list[Mistake]:
    """Orders the images that have a mistake by their worst one.

    Args:
        loss: Of :func:`entry_loss`, [N, C].
        top: How many images at most.

    Returns:
        The worst entry of each, from the highest loss down; images with equal ones by the sum of
        theirs.
    """
    if not loss.size:
        return []
    highest, index = loss.max(1), loss.argmax(1)
    order = np.lexsort((-loss.sum(1), -highest))[:top]
    return [
        Mistake(int(n), int(index[n]), float(highest[n])) for n in order.tolist() if highest[n] > 0
    ]


def worst_of_class(loss: np.ndarray, targets: Any, index: int, top: int) -> tuple[list, list]:
    """The worst mistakes of one class.

    Args:
        loss: Of :func:`entry_loss`, [N, C].
        targets: [N, C] of 1, 0 and -1.
        index: The class.
        top: How many of each kind at most.

    Returns:
        Rows of images in which it was invented, and of those in which it was missed, from the
        highest loss down.
    """
    column, target = loss[:, index], as_array(targets)[:, index]
    order = np.argsort(-column, kind="stable")
    order = order[column[order] > 0]
    return order[target[order] == 0][:top].tolist(), order[target[order] == 1][:top].tolist()


def confusions(scores: Any, targets: Any, thr: Any, top: int) -> list[Confusion]:
    """Counts the images in which one class was missed and another one invented.

    Of several missed and invented classes of an image every pair counts: labels say what an image
    shows, and not which of them was taken for which.

    Args:
        scores: Probabilities, [N, C].
        targets: [N, C] of 1, 0 and -1 (unknown).
        thr: One threshold, or one a class, [C].
        top: How many pairs at most.

    Returns:
        The most frequent pairs, from the most frequent down.
    """
    is_predicted, targets = decide(scores, thr), as_array(targets)
    missed = (targets == 1) & ~is_predicted
    invented = (targets == 0) & is_predicted
    images = missed.T.astype(np.float32) @ invented.astype(np.float32)  # exact below 2^24
    order = np.argsort(-images, axis=None, kind="stable")[:top]
    return [
        Confusion(int(i), int(j), int(images[i, j]))
        for i, j in zip(*np.unravel_index(order, images.shape), strict=True)
        if images[i, j]
    ]
