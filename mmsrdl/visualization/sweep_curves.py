"""The paper's Figure 6: a figure against settings, one panel a setting."""

import os
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from mmsrdl.visualization.canvas import (
    COLOURS,
    GREY,
    add_legend,
    fit_text,
    new_figure,
    save_figure,
)

__all__ = ["draw_sweep_curves"]

Point = tuple[float, float, float | None]
"""Value of the setting, mean, and spread or None."""


def draw_sweep_curves(
    panels: Mapping[str, Mapping[str, Sequence[Point]]],
    ticks: Mapping[str, Sequence[float]],
    ylabel: str,
    out_file: str | os.PathLike[str],
) -> Figure:
    """Draws curves with their spread.

    Source: SRDL, Figure 6, mAP against K and against alpha.

    Args:
        panels: Settings to names of curves to points; a curve without points is left out, and a
            panel without curves says that nothing was run.
        ticks: Settings to the values that each axis names.
        ylabel: What the figure is.
        out_file: PNG to write; its folder is made.

    Returns:
        The figure, one axes for each setting.

    Raises:
        ValueError: If there is no panel, or there are more than 7 curves.
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    if not panels or len(names) > len(COLOURS):
        raise ValueError(
            f"panels must hold at least one setting and at most {len(COLOURS)} curves, got "
            f"{len(panels)} and {len(names)}"
        )
    figure = new_figure(4.2 * len(panels), 3.6)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    handles = {}
    for axis, (setting, curves) in zip(axes, panels.items(), strict=True):
        for name, points in curves.items():
            if points:
                handles[name] = _draw_curve(axis, points, COLOURS[names.index(name)])
        if not any(curves.values()):
            axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color=GREY)
            axis.set_yticks([])
        axis.set(xlabel=setting, ylabel=ylabel, xticks=ticks[setting])
        axis.grid(color="0.92")
        axis.spines[["top", "right"]].set_visible(False)
    labels = [fit_text(name, 100, 3) for name in handles]
    add_legend(figure, list(handles.values()), labels, "outside upper center")
    save_figure(figure, out_file)
    return figure


def _draw_curve(axis: Axes, points: Sequence[Point], colour: str) -> ErrorbarContainer:
    """Draws one curve and returns its handle for a legend."""
    places, means, spreads = zip(*points, strict=True)
    bars = [0.0 if spread is None else spread for spread in spreads]
    return axis.errorbar(places, means, yerr=bars, color=colour, marker="o", ms=4, capsize=3)
