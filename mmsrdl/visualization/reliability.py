"""Reliability diagrams: how often entries of a score are positive."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mmsrdl.evaluation.functional.calibration import Reliability

__all__ = ["draw_reliability"]


def draw_reliability(
    diagrams: Mapping[str, Reliability], out_file: str | os.PathLike[str], title: str = ""
) -> None:
    """Draws reliability diagrams side by side, such as those before and after a calibration.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, Figure 1. Bars are
    the share of positives among the entries of a bin; on the diagonal, scores are probabilities.
    Dots are the mean scores in the bins, and below stands the number of their entries.

    Args:
        diagrams: Title to diagram; the expected calibration error is added to the title.
        out_file: PNG to write; its folder is made.
        title: Heading of all.

    Raises:
        ValueError: There is no diagram.
    """
    if not diagrams:
        raise ValueError("diagrams must hold at least one reliability diagram, got none")
    figure = Figure(figsize=(4 * len(diagrams), 5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(
        2, len(diagrams), sharex=True, sharey="row", squeeze=False, height_ratios=[3, 1]
    )
    for (upper, lower), (name, diagram) in zip(axes.T, diagrams.items(), strict=True):
        _draw(upper, lower, diagram)
        upper.set_title(f"{name}: ECE {100 * diagram.error:.2f} %")
    axes[0, 0].set_ylabel("share of positives")
    axes[1, 0].set_ylabel("entries")
    os.makedirs(os.path.dirname(os.path.abspath(out_file)), exist_ok=True)
    figure.savefig(out_file, format="png", dpi=100)


def _draw(upper: Axes, lower: Axes, diagram: Reliability) -> None:
    """Draws shares and counts."""
    bins = len(diagram.count)
    left, filled = np.arange(bins) / bins, diagram.count.numpy() > 0
    frequency, confidence = diagram.frequency.numpy()[filled], diagram.confidence.numpy()[filled]
    bars: dict[str, Any] = {"width": 1 / bins, "align": "edge", "edgecolor": "white"}
    upper.bar(left[filled], frequency, color="tab:blue", **bars)
    upper.plot([0, 1], [0, 1], color="black", linestyle="--", linewidth=1)
    upper.plot(confidence, frequency, "o", color="tab:orange", markersize=4)
    upper.set(xlim=(0, 1), ylim=(0, 1))
    # Thousands of entries are in the lowest bin and a few in others.
    lower.bar(left, diagram.count.numpy(), color="tab:gray", **bars)
    lower.set(yscale="symlog", xlabel="score")
