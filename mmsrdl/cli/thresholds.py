"""Tunes thresholds on the scores of a validation set, and says what they are worth elsewhere.

The figures on the tuned images are optimistic, since each threshold was chosen to look best there.
Those by cross-validation are not: each fold is decided by thresholds of the other folds. Those on
the images of --judge need no assumption at all.
"""

import argparse
import datetime
import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.cli.common import track
from mmsrdl.evaluation import (
    PrecisionRecallF1,
    Reliability,
    ScoresFile,
    ThresholdComparison,
    Thresholds,
    ThresholdTuner,
    compare_thresholds,
    reliability,
)

EXAMPLES = """\
  mmsrdl test my_config.py best.pth --set val --out val.npz
  mmsrdl thresholds val.npz --out thresholds.json
  mmsrdl thresholds val.npz --out t.json --judge test.npz --calibrate --plot reliability.png
  mmsrdl thresholds val.npz --out precise.json --objective precision=0.9 --scope global
"""

ROWS = {"0.5": "0.5", "global": "tuned, one for all", "per_class": "tuned, one a class"}


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", help="file of `mmsrdl test --out` to tune on")
    parser.add_argument(
        "--out", required=True, type=_json, metavar="FILE", help="json file for the thresholds"
    )
    parser.add_argument(
        "--scope",
        choices=["per-class", "global"],
        default="per-class",
        help="what is saved: one threshold a class (default), or one for all",
    )
    parser.add_argument(
        "--objective",
        default="f1",
        metavar="f1|precision=P|recall=R",
        help="highest F1 (default); highest recall at precision P; highest precision at recall R",
    )
    parser.add_argument(
        "--figure",
        choices=["CF1", "OF1"],
        default="CF1",
        help="what one threshold for all maximises, and what the shrinkage is chosen by: of the "
        "class means, or over all decisions; with precision= or recall=, of CP and CR or OP and OR",
    )
    parser.add_argument(
        "--shrinkage",
        type=float,
        metavar="K",
        help="pull the thresholds of rare classes towards the one for all, as if that were known "
        "from K positives; inf is that one. Default: chosen by cross-validation",
    )
    parser.add_argument(
        "--calibrate", action="store_true", help="fit a temperature, which the file keeps"
    )
    parser.add_argument(
        "--plot", metavar="PNG", help="draw reliability diagrams, of --judge's images if given"
    )
    parser.add_argument(
        "--judge", metavar="SCORES", help="scores of other images, to judge the thresholds on"
    )
    parser.add_argument(
        "--folds", type=int, default=5, help="of the cross-validation, default 5; 0: none"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def _json(path: str) -> str:
    """A path that the metric knows as one of thresholds."""
    if not path.endswith(".json"):
        raise argparse.ArgumentTypeError(f"must end with .json, got {path}")
    return path


def run(args: argparse.Namespace) -> None:
    """Tunes, saves and reports."""
    tuner = ThresholdTuner(
        objective=args.objective,
        scope=args.scope.replace("-", "_"),
        figure=args.figure,
        shrinkage=args.shrinkage,
        calibrate=args.calibrate,
    )
    tuning = ScoresFile.load(args.scores)
    judged = None if args.judge is None else ScoresFile.load(args.judge)
    progress = functools.partial(track, description="cross-validation")
    comparison = compare_thresholds(tuner, tuning, judged, args.folds, progress)
    saved = _with_origin(comparison.thresholds[tuner.scope], args.scores)
    saved.save(args.out)
    diagrams = {
        name: _diagrams(file, saved)
        for name, file in (("tuning", tuning), ("judged", judged))
        if file is not None
    }
    if args.plot is not None:
        _draw(args, diagrams, judged)
    if args.json:
        print(json.dumps(_document(args, saved, comparison, tuning, diagrams), indent=2))
    else:
        _report(args, saved, comparison, diagrams)


def _with_origin(thresholds: Thresholds, scores: str) -> Thresholds:
    """Adds file and date to the protocol."""
    origin = {"scores": scores, "date": datetime.date.today().isoformat()}
    return replace(thresholds, protocol={**thresholds.protocol, **origin})


def _diagrams(file: ScoresFile, thresholds: Thresholds) -> dict[str, Reliability]:
    """Reliability before and, if there is one, after calibration."""
    diagrams = {"before": reliability(file.scores, file.targets)}
    if thresholds.temperature != 1:
        diagrams["after"] = reliability(thresholds.calibrate(file.scores), file.targets)
    return diagrams


def _draw(
    args: argparse.Namespace,
    diagrams: Mapping[str, Mapping[str, Reliability]],
    judged: ScoresFile | None,
) -> None:
    """Draws the reliability on judged images, or else on the tuned ones."""
    from mmsrdl.visualization import draw_reliability

    kind, file = ("judged", args.judge) if judged is not None else ("tuning", args.scores)
    remark = " (tuned on)" if judged is None and args.calibrate else ""
    draw_reliability(diagrams[kind], args.plot, Path(file).name + remark)


def _document(
    args: argparse.Namespace,
    saved: Thresholds,
    comparison: ThresholdComparison,
    tuning: ScoresFile,
    diagrams: Mapping[str, Mapping[str, Reliability]],
) -> dict[str, Any]:
    """What --json prints; figures in percent."""
    positives = (tuning.targets == 1).sum(0).tolist()
    return {
        "out": args.out,
        "protocol": saved.protocol,
        "temperature": saved.temperature,
        "classes": {
            name: {"threshold": value, "positives": count}
            for name, value, count in zip(saved.classes, saved.values, positives, strict=True)
        },
        "figures": {
            kind: {row: _percent(figures) for row, figures in rows.items()}
            for kind, rows in _sections(comparison).items()
        },
        "different_images": comparison.disjoint,
        "ece": {
            kind: {when: 100 * diagram.error for when, diagram in parts.items()}
            for kind, parts in diagrams.items()
        },
    }


def _percent(figures: PrecisionRecallF1) -> dict[str, float]:
    return {key: 100 * value for key, value in figures._asdict().items()}


def _sections(comparison: ThresholdComparison) -> dict[str, Mapping[str, PrecisionRecallF1]]:
    """The figures that there are, by the images they are of."""
    sections = {
        "tuning": comparison.tuning,
        "cross_validated": comparison.cross_validated,
        "judged": comparison.judged,
    }
    return {kind: rows for kind, rows in sections.items() if rows is not None}


def _report(
    args: argparse.Namespace,
    saved: Thresholds,
    comparison: ThresholdComparison,
    diagrams: Mapping[str, Mapping[str, Reliability]],
) -> None:
    """Prints the table and what a reader of it should know."""
    console = Console(markup=False, emoji=False, highlight=False)
    for title, rows in _titled(args, comparison).items():
        console.print(title, soft_wrap=True)
        console.print(_table(rows))
    lines = [_verdict(args, comparison)]
    for kind, parts in diagrams.items():
        file = args.judge if kind == "judged" else args.scores
        errors = ", ".join(f"{when} {100 * part.error:.2f} %" for when, part in parts.items())
        lines.append(f"expected calibration error on {file}: {errors}")
    for key, what in (
        ("without_positive", "no positive to tune on, so they have the threshold of all"),
        ("negatives_hidden", "no known negative to tune on, so they have the threshold of all"),
        ("not_met", f"{saved.protocol['objective']} is out of reach, so they are nearest to it"),
    ):
        if saved.protocol[key]:
            lines.append(f"{what}: {', '.join(saved.protocol[key])}")
    lines.append(
        f"{args.out}: {len(saved.values)} thresholds from {min(saved.values):.3f} to "
        f"{max(saved.values):.3f}; {saved.describe()}"
    )
    for line in lines:
        console.print(line, soft_wrap=True)


def _titled(
    args: argparse.Namespace, comparison: ThresholdComparison
) -> dict[str, Mapping[str, PrecisionRecallF1]]:
    """The figures by a line that says of which images they are."""
    titles = {
        "tuning": f"{args.scores}, tuned on these images, so optimistic:",
        "cross_validated": f"{args.scores}, cross-validated, {args.folds} folds:",
        "judged": f"{args.judge}, judged only:",
    }
    return {titles[kind]: rows for kind, rows in _sections(comparison).items()}


def _table(rows: Mapping[str, PrecisionRecallF1]) -> Table:
    """The figures of all thresholds, in percent."""
    table = Table("threshold", box=SIMPLE)
    for name in PrecisionRecallF1._fields:
        table.add_column(name, justify="right")
    for row, figures in rows.items():
        table.add_row(ROWS[row], *(f"{value:.2f}" for value in _percent(figures).values()))
    return table


def _verdict(args: argparse.Namespace, comparison: ThresholdComparison) -> str:
    if comparison.disjoint is None:
        return "Judge the thresholds on images they were not tuned on: --judge SCORES"
    if comparison.disjoint:
        return "Tuned and judged on different images."
    return (
        f"{args.scores} or {args.judge} has no image paths: whether they share images cannot be "
        "seen here. If they do, the figures are optimistic."
    )
