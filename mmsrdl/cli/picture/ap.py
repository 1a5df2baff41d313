"""Draws the average precision of every class, of one test run or several."""

import argparse
from pathlib import Path

from mmsrdl.apis.pictures import draw_average_precision
from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.evaluation import ScoresFile

EXAMPLES = """\
  mmsrdl picture ap scores.npz
  mmsrdl picture ap gmp/scores.npz srdl/scores.npz --names GMP SRDL --out ap.png
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", nargs="+", help="files of `mmsrdl test --out`")
    parser.add_argument("--names", nargs="+", metavar="NAME", help="what they are called")
    parser.add_argument("--out", default="ap.png", metavar="FILE", help="the picture")
    return parser


def run(args: argparse.Namespace) -> None:
    """Draws."""
    names = args.names or [str(Path(path).with_suffix("")) for path in args.scores]
    if len(names) != len(args.scores):
        raise ValueError(f"--names has {len(names)} names for {len(args.scores)} files of scores")
    draw_average_precision([ScoresFile.load(path) for path in args.scores], names, args.out)
    print(args.out)
