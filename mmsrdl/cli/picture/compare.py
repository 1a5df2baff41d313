"""Draws the scores of two models for images, the wrong ones marked: the paper's Figure 7."""

import argparse
from pathlib import Path

from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.apis.pictures import draw_comparison
from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.cli.picture.options import (
    add_images,
    add_model_options,
    print_pictures,
    read_labels,
    read_model_config,
)

EXAMPLES = """\
  mmsrdl picture compare car.py car.pth srdl.py srdl.pth photos/ --names "without OE" "with OE"
  mmsrdl picture compare car.py car.pth srdl.py srdl.pth photo.jpg --labels test.csv --topk 3
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    for letter, number in (("a", "first"), ("b", "second")):
        parser.add_argument(f"config_{letter}", help=f"config of the {number} model")
        parser.add_argument(f"checkpoint_{letter}", help="its checkpoint file")
    add_images(parser, "comparisons")
    parser.add_argument(
        "--names",
        nargs=2,
        metavar="NAME",
        help="what the two are called (default: configs or files)",
    )
    parser.add_argument("--topk", type=int, default=5, help="how many classes of each model")
    parser.add_argument(
        "--thr", type=float, default=0.5, help="from which score on a class is predicted"
    )
    add_model_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Draws."""
    first, second = (
        MultiLabelInferencer(read_model_config(config, args), checkpoint, args.device)
        for config, checkpoint in (
            (args.config_a, args.checkpoint_a),
            (args.config_b, args.checkpoint_b),
        )
    )
    names = tuple(args.names or default_names(args))
    print_pictures(
        draw_comparison(
            first, second, names, args.images, args.out_dir, read_labels(args.labels), args.thr,
            args.topk,
        )
    )  # fmt: skip


def default_names(args: argparse.Namespace) -> tuple[str, str]:
    """Returns what tells the two models apart: the first of these that differs."""
    configs, checkpoints = (
        (args.config_a, args.config_b),
        (args.checkpoint_a, args.checkpoint_b),
    )
    for first, second in (configs, checkpoints):
        for pair in ((Path(first).stem, Path(second).stem), (first, second)):
            if pair[0] != pair[1]:
                return pair
    return configs
