"""Precision-recall curves of chosen classes and of all entries together."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from mmsrdl.evaluation.functional.average_precision import average_precision
from mmsrdl.evaluation.functional.precision_recall_curve import precision_recall_curve
from mmsrdl.visualization.canvas import (
    COLOURS,
    add_legend,
    as_array,
    fit_text,
    new_figure,
    save_figure,
)
from mmsrdl.visualization.choose_classes import choose_classes
from mmsrdl.visualization.verdict import decide

__all__ = ["draw_precision_recall_curves"]

POINTS = 2000
"""Of a curve that are drawn: more than a picture has pixels."""

STYLES = ("-", "--", ":", "-.")


def draw_precision_recall_curves(
    scores: Tensor,
    targets: Tensor,
    classes: Sequence[str],
    out_file: str | os.PathLike[str],
    chosen: Sequence[str] | None = None,
    thr: Any = None,
) -> Figure:
    """Draws the curve of all entries (micro average) in black and those of classes in colour.

    The legend gives the raw AP. Without ``chosen``, up to 7 classes are all named, and of more
    all are drawn as thin grey lines.

    Args:
        scores: Probabilities, [N, C].
        targets: [N, C] of 1, 0 and -1 (unknown).
        classes: C names.
        out_file: PNG to write; its folder is made.
        chosen: Names of the classes to draw in colour.
        thr: Threshold whose precision and recall are marked; one number, or one a class, [C].

    Returns:
        The figure.

    Raises:
        ValueError: If a name of ``chosen`` is unknown, the numbers of classes differ, or the
            input is malformed (see :func:`check_scores_and_targets`).
    """
    ap = 100 * average_precision(scores, targets)
    if len(ap) != len(classes):
        raise ValueError(f"scores are of {len(ap)} and classes of {len(classes)} classes")
    if chosen is None:
        chosen = classes if len(classes) <= len(COLOURS) else ()
    indices = choose_classes((), classes, chosen=chosen)
    is_predicted = None if thr is None else decide(scores, thr)
    figure = new_figure(8.6, max(5.0, 0.23 * len(indices) + 1.5))
    axis = figure.subplots()
    if not indices:
        for c in range(len(classes)):
            _draw_curve(axis, scores[:, [c]], targets[:, [c]], color="0.8", lw=0.7)
    lines, labels = [], []
    for number, c in enumerate(indices):
        part = np.s_[:, [c]]
        style = STYLES[number // len(COLOURS) % len(STYLES)]
        colour = COLOURS[number % len(COLOURS)]
        lines.append(_draw_curve(axis, scores[part], targets[part], color=colour, ls=style))
        labels.append(
            f"{fit_text(classes[c], 30)}  " + ("no positive" if ap[c].isnan() else f"{ap[c]:.1f}")
        )
        if is_predicted is not None:
            _mark(axis, is_predicted[part], as_array(targets)[part], colour)
    lines.append(_draw_curve(axis, scores, targets, color="black", lw=2.2))
    micro = 100 * average_precision(scores.reshape(-1, 1), targets.reshape(-1, 1)).item()
    labels.append(f"all entries (micro)  {micro:.1f}")
    if is_predicted is not None:
        _mark(axis, is_predicted, as_array(targets), "black")
    title = f"raw AP in percent\n(mAP {ap.nanmean():.1f})"
    add_legend(figure, lines, labels, "outside right upper", title)
    notes = [] if indices else ["grey: one line a class"]
    notes += ["dots: at the threshold"] if thr is not None else []
    axis.set_title(",  ".join(notes), fontsize=10)
    axis.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
    axis.grid(color="0.92")
    axis.spines[["top", "right"]].set_visible(False)
    save_figure(figure, out_file)
    return figure


def _draw_curve(axis: Axes, scores: Tensor, targets: Tensor, **style: Any) -> Line2D:
    """Draws the curve of some entries as the steps whose area is the raw AP."""
    curve = precision_recall_curve(scores, targets)
    precision, recall = as_array(curve.precision), as_array(curve.recall)
    rises = np.flatnonzero(np.diff(recall, prepend=0) > 0)
    if len(rises) > POINTS:
        rises = rises[np.linspace(0, len(rises) - 1, POINTS).round().astype(int)]
    recall, precision = recall[rises], precision[rises]
    return axis.plot(
        np.r_[0, recall], np.r_[precision[:1] if len(rises) else np.nan, precision],
        drawstyle="steps-pre", **style,
    )[0]  # fmt: skip


def _mark(axis: Axes, is_predicted: np.ndarray, targets: np.ndarray, colour: str) -> None:
    """Draws the precision and recall of some predictions as a dot."""
    hits = (is_predicted & (targets == 1)).sum()
    predicted, positive = (is_predicted & (targets >= 0)).sum(), (targets == 1).sum()
    if predicted and positive:
        axis.plot(hits / positive, hits / predicted, "o", color=colour, mec="white", zorder=3)
