"""An HTML page on a test run: its figures, its worst mistakes, its classes."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jinja2 import Environment, StrictUndefined, Template
from rich.console import Console
from rich.progress import track

from mmsrdl.arguments import check_integer
from mmsrdl.evaluation.functional.average_precision import average_precision
from mmsrdl.evaluation.functional.calibration import reliability
from mmsrdl.evaluation.functional.precision_recall import PrecisionRecallF1, precision_recall_f1
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.evaluation.thresholds import Thresholds
from mmsrdl.visualization.canvas import printable
from mmsrdl.visualization.precision_recall_curves import draw_precision_recall_curves
from mmsrdl.visualization.reliability import draw_reliability
from mmsrdl.visualization.report.content import ClassRow, Picture, class_rows, make_card
from mmsrdl.visualization.report.mistakes import confusions, entry_loss, worst_images
from mmsrdl.visualization.report.thumbnails import find_image, write_thumbnail
from mmsrdl.visualization.verdict import decide

__all__ = ["write_report"]

CURVES = 6
"""Classes whose precision-recall curves are drawn in colour: those of the lowest AP."""

PAIRS = 25
"""Pairs of a missed and an invented class that are listed."""


def write_report(
    scores: ScoresFile,
    out_dir: str | os.PathLike[str],
    thresholds: Thresholds | None = None,
    *,
    thr: float = 0.5,
    images_root: str | os.PathLike[str] | None = None,
    top: int = 50,
    examples: int = 4,
    title: str = "Test report",
    progress: bool = False,
) -> Path:
    """Writes ``index.html`` into a folder, with thumbnails and charts beside it.

    The page needs no script and no network. All names and paths in it are escaped.

    Args:
        scores: What ``mmsrdl test --out`` wrote.
        out_dir: The folder, which is made; a report in it is replaced.
        thresholds: Of ``mmsrdl thresholds``; decisions are then theirs, on calibrated scores.
        thr: Threshold of all classes, which decides where there are no others.
        images_root: Folder of the images, if they are elsewhere than where the test found them.
            The path of each is looked for in it, and the ends of the path. Images that are not
            found are shown as missing.
        top: How many images are shown among the worst mistakes.
        examples: How many images of each kind of mistake are shown for each class.
        title: Heading of the page.
        progress: Whether to show on stderr how many thumbnails are left.

    Returns:
        The page.

    Raises:
        TypeError: If ``top`` or ``examples`` is no integer, or ``thr`` no number.
        ValueError: If there is no image, ``top``, ``examples`` or ``thr`` is out of range, a class
            has no threshold, or scores are no probabilities.
    """
    check_integer("top", top, 0, 50)
    check_integer("examples", examples, 0, 4)
    if not scores.scores.numel():
        raise ValueError("scores holds no image or no class; test on a data set that has some")
    raw, targets = scores.scores.float(), scores.targets
    figures = {f"{thr:g} or more": precision_recall_f1(raw, targets, thr)}
    decisive, limits = raw, torch.full((len(scores.names),), thr)
    if thresholds is not None:
        decisive, limits = thresholds.calibrate(raw), thresholds.of(scores.names)
        name = "that of its class in the thresholds' file, or more"
        figures[name] = precision_recall_f1(decisive, targets, limits)
    ap = average_precision(raw, targets)
    values, labels, cuts = decisive.numpy(), targets.numpy(), limits.numpy()
    loss = entry_loss(values, labels, cuts)
    rows = class_rows(scores.names, ap.tolist(), decide(values, cuts), labels, cuts, loss, examples)
    worst = worst_images(loss, top)
    folder = Path(out_dir)
    shown = {mistake.image for mistake in worst}
    for row in rows:
        shown.update(row.invented_in, row.missed_in)
    pictures = _pictures(scores.img_path, sorted(shown), folder, images_root, progress)
    lowest = [row.name for row in rows if row.positives][: -CURVES - 1 : -1]
    draw_precision_recall_curves(
        decisive, targets, scores.names, folder / "curves.png",
        lowest if len(rows) > CURVES + 1 else None, limits,
    )  # fmt: skip
    by_index = {row.index: row for row in rows}
    page = _template().render(
        title=title,
        figure_names=PrecisionRecallF1._fields,
        figures=list(figures.items()),
        mean_ap=ap.nanmean().item(),
        scored=int((~ap.isnan()).sum()),
        protocol=list(_protocol(scores, thresholds)),
        curves="curves.png",
        images=len(labels),
        wrong_images=int((loss.max(1) > 0).sum()),
        cards=[
            make_card(scores.names, values[n], labels[n], cuts, worst_loss, pictures[n])
            for n, _, worst_loss in worst
        ],
        pairs=[
            (by_index[missed], by_index[invented], images)
            for missed, invented, images in confusions(values, labels, cuts, PAIRS)
        ],
        rows=rows,
        examples_of={row.index: _examples(row, values[:, row.index], pictures) for row in rows},
        calibration=_calibration(scores, thresholds, folder),
    )
    out_file = folder / "index.html"
    # A path can hold bytes that are no UTF-8, which Python keeps as lone surrogates.
    out_file.write_bytes(page.encode("utf-8", "replace"))
    return out_file


@cache
def _template() -> Template:
    """The page, in which everything that is filled in is escaped."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if isinstance(value, str) else value,
    )
    return environment.from_string(Path(__file__).with_name("report.html.jinja").read_text("utf-8"))


def _pictures(
    paths: Sequence[str],
    images: Sequence[int],
    folder: Path,
    root: str | os.PathLike[str] | None,
    progress: bool,
) -> dict[int, Picture]:
    """Writes the thumbnails of some rows."""
    (folder / "thumbnails").mkdir(parents=True, exist_ok=True)
    pictures = {}
    for row in track(
        images, "thumbnails", console=Console(stderr=True), disable=not progress, transient=True
    ):
        path = paths[row] if paths else ""
        name, src = path or f"image {row}", f"thumbnails/{row:06d}.jpg"
        image = find_image(path, root)
        size = None if image is None else write_thumbnail(image, folder / src)
        if size is not None:
            pictures[row] = Picture(name, src, *size)
        else:
            problem = "image not found" if image is None else "image cannot be read"
            pictures[row] = Picture(name, problem=problem if path else "no path known")
    return pictures


def _examples(
    row: ClassRow, scores: np.ndarray, pictures: dict[int, Picture]
) -> list[list[tuple[Picture, float, str]]]:
    """Thumbnail, score and description of a class's worst mistakes: invented, missed."""
    return [
        [(pictures[n], float(scores[n]), f"{pictures[n].name}: {word} {row.name}") for n in images]
        for word, images in (("invented", row.invented_in), ("missed", row.missed_in))
    ]


def _calibration(
    scores: ScoresFile, thresholds: Thresholds | None, folder: Path
) -> dict[str, Any] | None:
    """Draws the reliability before and after, where thresholds have a temperature."""
    if thresholds is None or thresholds.temperature == 1:
        return None
    raw = scores.scores.float()
    diagrams = {
        "before": reliability(raw, scores.targets),
        "after": reliability(thresholds.calibrate(raw), scores.targets),
    }
    draw_reliability(diagrams, folder / "reliability.png")
    errors = {name: diagram.error for name, diagram in diagrams.items()}
    return {"temperature": thresholds.temperature, "src": "reliability.png", **errors}


def _protocol(scores: ScoresFile, thresholds: Thresholds | None) -> Iterator[tuple[str, Any]]:
    """Names and values of what the figures depend on."""
    images, classes = scores.scores.shape
    yield "images", f"{images:,}"
    yield "classes", classes
    yield "labels", f"{int((scores.targets == 1).sum()):,}"
    unknown = int((scores.targets == -1).sum())
    yield "unknown entries", f"{unknown:,}, which count in no figure"
    if thresholds is not None:
        for name, value in thresholds.protocol.items():
            if value not in ([], "", None):
                yield f"thresholds: {name.replace('_', ' ')}", value
