"""The paper's Figure 7: the scores of two models for one image, the wrong ones marked."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsrdl.arguments import check_integer
from mmsrdl.visualization.canvas import (
    BLUE,
    GREY,
    as_array,
    fit_text,
    new_figure,
    open_picture,
    save_figure,
)
from mmsrdl.visualization.verdict import Verdict, decide, judge

__all__ = ["draw_score_comparison"]


def draw_score_comparison(
    image: str | os.PathLike[str],
    scores_a: Any,
    scores_b: Any,
    names: tuple[str, str],
    classes: Sequence[str],
    targets: Any,
    thr: Any,
    out_file: str | os.PathLike[str],
    topk: int = 5,
) -> Figure:
    """Draws an image beside the scores that two models give to the same classes.

    Source: SRDL, Figure 7, without and with OE. Drawn are the classes that the image shows and
    the ``topk`` of each model. Wrong predictions have a cross and another colour.

    Args:
        image: Image file.
        scores_a: Probabilities of the first model, [C].
        scores_b: Probabilities of the second, [C].
        names: What the two models are called.
        classes: C names.
        targets: [C] of 1, 0 and -1 (unknown); None marks nothing as right or wrong.
        thr: From which score on a class is predicted; one number, or one a class, [C].
        out_file: PNG to write; its folder is made.
        topk: How many of the highest scores of each model are drawn.

    Returns:
        The figure: image, bars of the first model, bars of the second.

    Raises:
        TypeError: If ``topk`` is no integer.
        ValueError: If ``topk`` < 1 or the numbers of classes differ.
    """
    check_integer("topk", topk, 1, 5)
    both = [as_array(scores_a), as_array(scores_b)]
    if not both[0].shape == both[1].shape == (len(classes),):
        raise ValueError(
            f"scores_a, scores_b and classes are of {len(both[0])}, {len(both[1])} and "
            f"{len(classes)} classes; compare models of the same classes"
        )
    targets = None if targets is None else as_array(targets)
    rows = _rows(both, targets, topk)
    picture = open_picture(image)
    height = max(3.0, 0.34 * len(rows) + 1.1)
    side = min(max((height - 0.6) * picture.width / picture.height, 1.8), 5.0)
    figure = new_figure(side + 7.2, height)
    axes = figure.subplots(1, 3, width_ratios=(side, 2.6, 2.6))
    axes[0].imshow(picture)
    axes[0].set_axis_off()
    for axis, scores, name in zip(axes[1:], both, names, strict=True):
        verdicts = None if targets is None else judge(scores, targets, thr)
        limits = np.broadcast_to(as_array(thr), scores.shape)[rows]
        _draw_bars(
            axis, scores[rows], [verdicts[row] for row in rows] if verdicts else None, limits
        )
        axis.set_title(fit_text(name, 28, 2))
    labels = [fit_text(classes[row], 26, 2) for row in rows]
    axes[1].set_yticks(range(len(rows)), labels)
    axes[2].set_yticks(range(len(rows)), [""] * len(rows))
    if targets is not None:
        for tick, row in zip(axes[1].get_yticklabels(), rows, strict=True):
            tick.set_fontweight("bold" if targets[row] == 1 else "normal")
    known = "" if targets is None else "bold: shown by the image\n✗: wrong\n"
    axes[0].text(
        0.5, -0.04, known + "pale: not predicted", transform=axes[0].transAxes,
        ha="center", va="top", fontsize=9, color=GREY,
    )  # fmt: skip
    save_figure(figure, out_file)
    return figure


def _rows(both: list[np.ndarray], targets: np.ndarray | None, topk: int) -> list[int]:
    """Indices of the classes to draw: those of the image first, each group by score."""
    best = np.maximum(*both)
    shown = {int(index) for scores in both for index in np.argsort(-scores, kind="stable")[:topk]}
    true = set() if targets is None else set(np.flatnonzero(targets == 1).tolist())
    return sorted(shown | true, key=lambda index: (index not in true, -best[index], index))


def _draw_bars(
    axis: Axes, scores: np.ndarray, verdicts: list[Verdict] | None, limits: np.ndarray
) -> None:
    """Draws one bar a class, its score and, where it is known, whether it is right."""
    rows = range(len(scores))
    colours = [verdict.colour for verdict in verdicts] if verdicts else BLUE
    # What is not predicted is pale: a short bar can be a hit where thresholds differ.
    bars = axis.barh(rows, scores, color=colours, height=0.62)
    for bar, is_predicted in zip(bars, decide(scores, limits), strict=True):
        bar.set_alpha(1.0 if is_predicted else 0.45)
    for row in rows:
        sign = f" {verdicts[row].sign}" if verdicts else ""
        axis.text(
            1.03, row, f"{scores[row]:.2f}{sign}", va="center",
            color=verdicts[row].colour if verdicts else "black",
        )  # fmt: skip
        axis.plot([limits[row]] * 2, [row - 0.42, row + 0.42], color="black", lw=1, ls=":")
    axis.set(xlim=(0, 1), ylim=(len(scores) - 0.5, -0.5), xlabel="score  (dotted: threshold)")
    axis.spines[["top", "right"]].set_visible(False)
