"""Writes an HTML page on a test run: figures, classes, and the worst mistakes first."""

import argparse

from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.evaluation import ScoresFile, Thresholds
from mmsrdl.visualization.report import write_report

EXAMPLES = """\
  mmsrdl picture report scores.npz --out-dir report
  mmsrdl picture report scores.npz --thresholds thresholds.json --images-root /data/coco
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", help="file of `mmsrdl test --out`")
    parser.add_argument("--out-dir", default="report", metavar="DIR", help="folder of the page")
    parser.add_argument(
        "--thresholds", metavar="FILE", help="file of `mmsrdl thresholds`, which then decides"
    )
    parser.add_argument(
        "--thr", type=float, default=0.5, help="from which score on a class is predicted"
    )
    parser.add_argument(
        "--images-root", metavar="DIR", help="folder of the images, if they have been moved"
    )
    parser.add_argument("--top", type=int, default=50, help="how many of the worst images")
    parser.add_argument(
        "--examples", type=int, default=4, help="how many images of each mistake of a class"
    )
    parser.add_argument("--title", default="Test report", help="heading of the page")
    return parser


def run(args: argparse.Namespace) -> None:
    """Writes."""
    page = write_report(
        ScoresFile.load(args.scores),
        args.out_dir,
        None if args.thresholds is None else Thresholds.load(args.thresholds),
        thr=args.thr,
        images_root=args.images_root,
        top=args.top,
        examples=args.examples,
        title=args.title,
        progress=True,
    )
    print(page)
