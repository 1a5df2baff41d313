"""What the report shows, as plain data for its template."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmsrdl.visualization.report.mistakes import worst_of_class
from mmsrdl.visualization.verdict import Verdict, decide, judge

__all__ = ["Card", "ClassRow", "Label", "Picture", "class_rows", "make_card"]


@dataclass(frozen=True)
class Picture:
    """A thumbnail, or what stands in its place.

    Attributes:
        name: Path of the image, or its number.
        src: The thumbnail below the report's folder; None if the image is missing or damaged.
        width: In pixels.
        height: In pixels.
        problem: Why there is no thumbnail.
    """

    name: str
    src: str | None = None
    width: int = 0
    height: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Label:
    """A class of an image with what became of it."""

    index: int
    name: str
    score: float
    verdict: Verdict


@dataclass(frozen=True)
class Card:
    """An image with its labels.

    Attributes:
        picture: Its thumbnail.
        loss: Cross-entropy of its worst entry.
        true: Classes that it shows, the wrong ones first.
        predicted: Classes that are predicted, the wrong ones first.
    """

    picture: Picture
    loss: float
    true: tuple[Label, ...]
    predicted: tuple[Label, ...]

    @property
    def alt(self) -> str:
        """What the picture is, in words."""
        wrong = [
            f"{label.verdict.word} {label.name}"
            for label in (*self.true, *self.predicted)
            if label.verdict.is_wrong
        ]
        return f"{self.picture.name}: {', '.join(wrong)}"


@dataclass(frozen=True)
class ClassRow:
    """The figures of one class at its threshold; fractions, NaN where 0/0.

    Attributes:
        invented_in: Rows of the images in which it was invented with the highest scores.
        missed_in: Rows of the images in which it was missed with the lowest scores.
    """

    index: int
    name: str
    ap: float
    positives: int
    thr: float
    found: int
    invented: int
    missed: int
    invented_in: list[int]
    missed_in: list[int]

    @property
    def precision(self) -> float:
        """Share of the predicted that are right."""
        return _ratio(self.found, self.found + self.invented)

    @property
    def recall(self) -> float:
        """Share of the positives that are found."""
        return _ratio(self.found, self.positives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.found, 2 * self.found + self.invented + self.missed)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def class_rows(
    names: Sequence[str],
    ap: Sequence[float],
    is_predicted: np.ndarray,
    targets: np.ndarray,
    thr: np.ndarray,
    loss: np.ndarray,
    top: int,
) -> list[ClassRow]:
    """Computes the figures of every class.

    Args:
        names: C names.
        ap: C fractions, NaN for a class without a positive.
        is_predicted: [N, C], bool.
        targets: [N, C] of 1, 0 and -1 (unknown).
        thr: Thresholds, [C].
        loss: Of :func:`entry_loss`, [N, C].
        top: How many images of each kind of mistake.

    Returns:
        C rows, from the highest AP down; classes without a positive last.
    """
    positives = (targets == 1).sum(0).tolist()
    found = (is_predicted & (targets == 1)).sum(0).tolist()
    invented = (is_predicted & (targets == 0)).sum(0).tolist()
    rows = [
        ClassRow(
            c, name, ap[c], positives[c], float(thr[c]), found[c], invented[c],
            positives[c] - found[c], *worst_of_class(loss, targets, c, top),
        )
        for c, name in enumerate(names)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: -float(np.nan_to_num(row.ap, nan=-1)))


def make_card(
    names: Sequence[str],
    scores: np.ndarray,
    targets: np.ndarray,
    thr: np.ndarray,
    loss: float,
    picture: Picture,
) -> Card:
    """Puts an image's labels beside its thumbnail.

    Args:
        names: C names.
        scores: Probabilities of the image, [C].
        targets: Its labels, [C] of 1, 0 and -1 (unknown).
        thr: Thresholds, [C].
        loss: Cross-entropy of its worst entry.
        picture: Its thumbnail.
    """
    is_predicted = decide(scores, thr)
    verdicts = judge(scores, targets, thr)
    labels = [
        Label(c, name, float(scores[c]), verdicts[c])
        for c, name in enumerate(names)
        if targets[c] == 1 or is_predicted[c]
    ]
    # The wrong ones first: missed ones from the lowest score up, invented ones from the highest
    # down. What is right follows from the highest down.
    labels.sort(
        key=lambda label: (
            not label.verdict.is_wrong,
            label.score if label.verdict is Verdict.MISSED else -label.score,
        )
    )
    return Card(
        picture,
        loss,
        tuple(label for label in labels if targets[label.index] == 1),
        tuple(label for label in labels if is_predicted[label.index]),
    )
