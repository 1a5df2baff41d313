"""What context, rarity, labels and size do to AP, of one system or several."""

import math
import os
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsrdl.evaluation.functional.context import Breakdown, ContextFigures
from mmsrdl.evaluation.functional.resampling import interval_95
from mmsrdl.visualization.canvas import COLOURS, GREY, add_legend, fit_text, new_figure, save_figure

__all__ = ["draw_context"]

TITLES = {
    "context": "usual companions beside it",
    "false_alarms": "companions in the negatives",
    "rarity": "classes by training images",
    "labels": "labels of the image",
    "size": "size of the object",
}


def draw_context(
    figures: Sequence[ContextFigures], names: Sequence[str], out_file: str | os.PathLike[str]
) -> Figure:
    """Draws AP_N of every group with its 95 % interval, an axes a breakdown.

    The dashes beside a group show AP_N of all positives of the same classes. Groups without a
    class are left out.

    Args:
        figures: One a system, of the same images and options; see
            :func:`mmsrdl.evaluation.context_figures`.
        names: What the systems are called.
        out_file: PNG to write; its folder is made.

    Returns:
        The figure.

    Raises:
        ValueError: If there is no system, there are more than 7, or names for others, or no group
            has a class.
    """
    if not 1 <= len(figures) <= len(COLOURS) or len(figures) != len(names):
        raise ValueError(
            f"figures and names must be of 1 to {len(COLOURS)} systems, got {len(figures)} and "
            f"{len(names)}"
        )
    shown = {
        name: groups
        for name, breakdown in figures[0].breakdowns.items()
        if (groups := [group for group, each in breakdown.groups.items() if each.classes])
    }
    if not shown:
        raise ValueError("no group has a class to draw; give a smaller min_positives")
    widths = [len(groups) + 0.5 for groups in shown.values()]
    figure = new_figure(1.2 + 0.95 * sum(widths), 4.2 + 0.25 * len(names))
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False, width_ratios=widths)[0]
    handles = []
    for axis, (breakdown, groups) in zip(axes, shown.items(), strict=True):
        handles = [
            _draw(axis, each.breakdowns[breakdown], groups, number, len(figures))
            for number, each in enumerate(figures)
        ]
        counts = [figures[0].breakdowns[breakdown].groups[group].count for group in groups]
        labels = [f"{group}\nn={count:,}" for group, count in zip(groups, counts, strict=True)]
        axis.set_xticks(range(len(groups)), labels, fontsize=8)
        axis.set(title=fit_text(TITLES[breakdown], 16, 2), xlim=(-0.6, len(groups) - 0.4))
        axis.title.set_fontsize(10)
        axis.grid(axis="y", color="0.92")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("AP at one number of positives (percent)")
    add_legend(figure, handles, [fit_text(name, 50) for name in names], "outside upper left")
    save_figure(figure, out_file)
    return figure


def _draw(axis: Axes, breakdown: Breakdown, groups: list[str], number: int, systems: int) -> object:
    """Draws the groups of a system and returns its handle for a legend."""
    step = 0.7 / systems
    places = np.arange(len(groups)) + (number - (systems - 1) / 2) * step
    figures = [breakdown.groups[group] for group in groups]
    means = np.array([100 * figure.ap[0] for figure in figures])
    for place, figure in zip(places, figures, strict=True):
        axis.hlines(100 * figure.same[0], place - step / 2, place + step / 2, color=GREY, ls="--")
    bounds = np.array([interval_95(figure.ap) for figure in figures]) * 100
    bounds = np.where(np.isnan(bounds), means[:, None], bounds)
    # A skewed interval may, of few images, not hold the figure.
    reach = np.abs(np.clip([means - bounds[:, 0], bounds[:, 1] - means], 0, math.inf))
    return axis.errorbar(places, means, yerr=reach, fmt="o", capsize=3, color=COLOURS[number])
