"""Thresholds and calibration error as loops over all scores, in plain Python.

A class is predicted if its score is >= thr. Entries of label -1 are left out. Every distinct
score s of the entries is tried as thr; the answer lies in the middle between s and the next
lower score, or 0.
"""

from __future__ import annotations

from collections.abc import Callable

Figures = tuple[float, float, float]  # precision, recall, F1
Better = Callable[[Figures, Figures], bool]


def ratio(numerator: float, denominator: float) -> float:
    """numerator / denominator, and 0 for 0 / 0."""
    return numerator / denominator if denominator else 0.0


def counts(scores: list[float], labels: list[int], thr: float) -> tuple[int, int, int]:
    """Correct, predicted and true entries."""
    known = [(s, y) for s, y in zip(scores, labels, strict=True) if y != -1]
    predicted = [y for s, y in known if s >= thr]
    return sum(predicted), len(predicted), sum(y for _, y in known)


def overall(scores: list[list[float]], labels: list[list[int]], thr: float) -> Figures:
    """OP, OR and OF1; with one class, its precision, recall and F1. Each list is a class."""
    parts = [counts(*column, thr) for column in zip(scores, labels, strict=True)]
    c, p, g = (sum(part) for part in zip(*parts, strict=True))
    return ratio(c, p), ratio(c, g), ratio(2 * c, p + g)


def class_mean(scores: list[list[float]], labels: list[list[int]], thr: float) -> Figures:
    """CP, CR and CF1."""
    parts = [counts(*column, thr) for column in zip(scores, labels, strict=True)]
    cp = sum(ratio(c, p) for c, p, _ in parts) / len(parts)
    cr = sum(ratio(c, g) for c, _, g in parts) / len(parts)
    return cp, cr, ratio(2 * cp * cr, cp + cr)


def search(
    scores: list[list[float]],
    labels: list[list[int]],
    figures: Callable[[list[list[float]], list[list[int]], float], Figures],
    better: Better,
) -> tuple[float, Figures]:
    """The threshold whose figures are better than those of all higher ones."""
    distinct = sorted(
        {
            s
            for column, answers in zip(scores, labels, strict=True)
            for s, y in zip(column, answers, strict=True)
            if y != -1
        },
        reverse=True,
    )
    best = None
    for s, lower in zip(distinct, [*distinct[1:], 0.0], strict=True):
        found = figures(scores, labels, s)
        if best is None or better(found, best[1]):
            best = (s + lower) / 2, found
    assert best is not None
    return best


def better_f1(new: Figures, old: Figures) -> bool:
    """Higher F1."""
    return new[2] > old[2] + 1e-12


def better_recall_above(wanted: float) -> Better:
    """Precision >= wanted comes first, then recall, then precision."""

    def better(new: Figures, old: Figures) -> bool:
        met, was_met = new[0] >= wanted - 1e-12, old[0] >= wanted - 1e-12
        if met != was_met:
            return met
        order = (1, 0) if met else (0, 1)
        return after(new, old, order)

    return better


def better_precision_above(wanted: float) -> Better:
    """Recall >= wanted comes first, then precision, then recall."""

    def better(new: Figures, old: Figures) -> bool:
        met, was_met = new[1] >= wanted - 1e-12, old[1] >= wanted - 1e-12
        if met != was_met:
            return met
        order = (0, 1) if met else (1, 0)
        return after(new, old, order)

    return better


def after(new: Figures, old: Figures, order: tuple[int, int]) -> bool:
    """Whether ``new`` is higher in the first figure, or, equal there, in the second."""
    for index in order:
        if abs(new[index] - old[index]) > 1e-12:
            return new[index] > old[index]
    return False


def bin_of(p: float, bins: int) -> int:
    """The bin b with (b / bins, (b + 1) / bins] around p; 0 is in the first."""
    for b in range(bins):
        if p <= (b + 1) / bins:
            return b
    return bins - 1


def calibration_error(scores: list[list[float]], labels: list[list[int]], bins: int) -> float:
    """ECE of Guo et al. 2017, Eq. (3), over all known entries."""
    known = [
        (p, y)
        for column, answers in zip(scores, labels, strict=True)
        for p, y in zip(column, answers, strict=True)
        if y != -1
    ]
    error = 0.0
    for b in range(bins):
        inside = [(p, y) for p, y in known if bin_of(p, bins) == b]
        if inside:
            confidence = sum(p for p, _ in inside) / len(inside)
            frequency = sum(y for _, y in inside) / len(inside)
            error += len(inside) / len(known) * abs(frequency - confidence)
    return error
