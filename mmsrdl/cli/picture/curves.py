"""Draws precision-recall curves of a test run."""

import argparse

from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.evaluation import ScoresFile, Thresholds
from mmsrdl.visualization import draw_precision_recall_curves

EXAMPLES = """\
  mmsrdl picture curves scores.npz --classes person "traffic light"
  mmsrdl picture curves scores.npz --thresholds thresholds.json --out curves.png
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", help="file of `mmsrdl test --out`")
    parser.add_argument(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="the classes to draw in colour (default: all, if they are few)",
    )
    parser.add_argument(
        "--thresholds", metavar="FILE", help="file of `mmsrdl thresholds`, to mark on the curves"
    )
    parser.add_argument("--out", default="curves.png", metavar="FILE", help="the picture")
    return parser


def run(args: argparse.Namespace) -> None:
    """Draws."""
    file = ScoresFile.load(args.scores)
    scores, thr = file.scores, None
    if args.thresholds is not None:
        thresholds = Thresholds.load(args.thresholds)
        scores, thr = thresholds.calibrate(scores), thresholds.of(file.names)
    draw_precision_recall_curves(scores, file.targets, file.names, args.out, args.classes, thr)
    print(args.out)
