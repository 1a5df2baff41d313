"""Draws an image beside the co-occurrence graph of its labels: the paper's Figure 1."""

import argparse

from mmsrdl.apis.pictures import draw_graph
from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.datasets.formats import read_annotations

EXAMPLES = """\
  mmsrdl picture graph photos/1.jpg --ann train.csv
  mmsrdl picture graph street.jpg --ann instances_train2014.json --labels car bus "traffic light"
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("image", help="image file")
    parser.add_argument(
        "--ann",
        required=True,
        metavar="FILE",
        help="annotation file whose labels are counted (csv, jsonl, json, VOC list)",
    )
    parser.add_argument(
        "--labels", nargs="+", metavar="NAME", help="labels to draw (default: the image's in FILE)"
    )
    parser.add_argument(
        "--thr", type=float, default=0.3, help="from which probability on a line is solid"
    )
    parser.add_argument("--out", default="graph.png", metavar="FILE", help="the picture")
    return parser


def run(args: argparse.Namespace) -> None:
    """Draws."""
    draw_graph(args.image, read_annotations(args.ann), args.out, args.labels, args.thr)
    print(args.out)
