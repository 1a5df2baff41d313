"""Draws how often entries of about the same score are positive, before and after calibration."""

import argparse
from pathlib import Path

from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.evaluation import ScoresFile, Thresholds, reliability
from mmsrdl.visualization import draw_reliability

EXAMPLES = """\
  mmsrdl picture reliability scores.npz
  mmsrdl picture reliability scores.npz --thresholds thresholds.json --out reliability.png
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", help="file of `mmsrdl test --out`")
    parser.add_argument(
        "--thresholds",
        metavar="FILE",
        help="file of `mmsrdl thresholds --calibrate`, whose temperature is drawn beside",
    )
    parser.add_argument("--out", default="reliability.png", metavar="FILE", help="the picture")
    return parser


def run(args: argparse.Namespace) -> None:
    """Draws."""
    file = ScoresFile.load(args.scores)
    diagrams = {"before": reliability(file.scores, file.targets)}
    if args.thresholds is not None:
        calibrated = Thresholds.load(args.thresholds).calibrate(file.scores)
        diagrams["after"] = reliability(calibrated, file.targets)
    draw_reliability(diagrams, args.out, Path(args.scores).name)
    print(args.out)
