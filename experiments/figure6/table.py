"""Table and figure of a study, from the results in its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from experiments.config_table import finals_of, line, read_results, scores_of
from experiments.figure6.points import PAPER, WITHOUT, Point, points_of
from experiments.figure6.study import Study
from experiments.intervals import interval
from experiments.paired import COMPARISON, Difference, paired_differences
from mmsrdl.paper_tables.published import SWEEPS
from mmsrdl.visualization import draw_sweep_curves

__all__ = ["FIGURE", "Curve", "table_of"]

FIGURE = "figure6.png"
Place = tuple[float, float, float | None]
"""Value of a setting, mean mAP, and half its 95 % interval, of several seeds."""


@dataclass(frozen=True)
class Curve:
    """What was run of a config.

    Attributes:
        values: mAP of the seeds, by point; of those alone that were run.
        differences: To the same config without erasing, likewise.
        lr: The learning rate; None if nothing was run.
    """

    values: Mapping[Point, list[float]]
    differences: Mapping[Point, Difference]
    lr: float | None

    def place(self, point: Point, at: float) -> Place:
        """Returns value, mean and half the 95 % interval of a point, as it is drawn."""
        return at, mean(self.values[point]), _half(self.values[point])


def table_of(out: str) -> str:
    """Makes the table of a study, and writes it as ``figure6.md``, and the figure beside it.

    Args:
        out: Folder of the study.

    Returns:
        Markdown.

    Raises:
        FileNotFoundError: If there is no study.
        ValueError: If the scores of a config are of different data.
    """
    study = Study.read(out)
    panels = points_of(study["topks"], study["alphas"])
    points = list(dict.fromkeys([WITHOUT, PAPER, *panels["topk"], *panels["alpha"]]))
    curves = {name: _curve(Path(out, name), points, study) for name in study["configs"]}
    _draw(curves, panels, out)
    text = "\n".join(_lines(study, curves, panels)) + "\n"
    Path(out, "figure6.md").write_text(text, encoding="utf-8")
    return text


def _curve(folder: Path, points: Sequence[Point], study: dict[str, Any]) -> Curve:
    finals = {
        point: found
        for point in points
        if (found := finals_of(read_results(folder / point.name), folder.name, study))
    }
    values = {point: [each["metrics"]["mAP"] for each in found] for point, found in finals.items()}
    differences: dict[str, Difference] = {}
    if WITHOUT in finals:
        scores = {point.name: scores_of(found) for point, found in finals.items()}
        differences = paired_differences(scores, WITHOUT.name)
    named = {point: differences[point.name] for point in finals if point.name in differences}
    lr = next((found[0]["lr"] for found in finals.values()), None)
    return Curve(values, named, lr)


def _half(values: list[float]) -> float | None:
    return interval(values) if len(values) > 1 else None


def _draw(curves: Mapping[str, Curve], panels: Mapping[str, Sequence[Point]], out: str) -> None:
    """Draws the panels of K and alpha; what has no erasing is level."""
    drawn: dict[str, dict[str, list[Place]]] = {}
    ticks = {}
    for sweep in SWEEPS:
        shown = {getattr(point, sweep.setting): point for point in panels[sweep.setting]}
        ticks[sweep.symbol] = list(shown)
        drawn[sweep.symbol] = {}
        for name, curve in curves.items():
            drawn[sweep.symbol][name] = [
                curve.place(point, at) for at, point in shown.items() if point in curve.values
            ]
            if WITHOUT in curve.values:
                level: list[Place] = [(at, mean(curve.values[WITHOUT]), None) for at in shown]
                drawn[sweep.symbol][f"{name}, without erasing"] = level
    draw_sweep_curves(drawn, ticks, "mAP in percent", Path(out, FIGURE))


def _lines(
    study: dict[str, Any], curves: Mapping[str, Curve], panels: Mapping[str, Sequence[Point]]
) -> list[str]:
    text = (
        f"Tier *{study['tier']}*. mAP (raw AP, in percent) on the validation images, once, after "
        "the last epoch; mean and 95 % interval (Student's t) over the seeds. K varies with alpha "
        f"{PAPER.alpha:g}, alpha with K {PAPER.topk}, the paper's. {COMPARISON} The baseline is "
        "the same config without erasing."
    )
    if any(study["searched"].values()):
        text += (
            " The learning rate is that of the highest mAP on a held-out part of the training "
            f"images ({study['held_out']:.0%}) with the paper's K and alpha, and is that of all "
            "points."
        )
    lines = ["# mAP against K and alpha", "", text, ""]
    titles = ["config", "K", "alpha", "mAP", "mAP - without erasing [95 %]", "n", "lr"]
    lines += [line(titles), "|---" * len(titles) + "|"]
    rows = list(dict.fromkeys([WITHOUT, *panels["topk"], *panels["alpha"]]))
    lines += [_row(name, curve, point) for name, curve in curves.items() for point in rows]
    return lines


def _row(name: str, curve: Curve, point: Point) -> str:
    settings = ["-", "-"] if point == WITHOUT else [f"{point.topk}", f"{point.alpha:g}"]
    if point not in curve.values:
        return line([name, *settings, "not run", "", "0", ""])
    values = curve.values[point]
    half = _half(values)
    spread = "" if half is None else f" ± {half:.2f}"
    difference = "baseline" if point == WITHOUT else str(curve.differences.get(point, "-"))
    cells = [f"{mean(values):.2f}{spread}", difference, f"{len(values)}", f"{curve.lr:g}"]
    return line([name, *settings, *cells])
