"""Draws where a model sees classes: a panel for each image, the paper's Figure 5."""

import argparse
from typing import get_args

from mmsrdl.apis.class_maps import MapMethod
from mmsrdl.apis.inferencer import MultiLabelInferencer
from mmsrdl.apis.pictures import draw_attention
from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.cli.picture.options import (
    add_images,
    add_model_options,
    print_pictures,
    read_labels,
    read_model_config,
    threshold,
)

EXAMPLES = """\
  mmsrdl picture attention my_config.py best.pth photo1.jpg photos/ --out-dir figures
  mmsrdl picture attention my_config.py best.pth photo.jpg --classes person "traffic light"
  mmsrdl picture attention my_config.py best.pth photos/ --predicted --labels test.csv
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("config", help="config file, or the name of a model")
    parser.add_argument("checkpoint", help="checkpoint file")
    add_images(parser, "attention_maps")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--topk", type=int, default=3, help="how many classes an image")
    choice.add_argument("--classes", nargs="+", metavar="NAME", help="the classes to draw")
    choice.add_argument("--predicted", action="store_true", help="draw all predicted classes")
    parser.add_argument(
        "--method",
        choices=get_args(MapMethod),
        default="auto",
        help="the maps; auto takes the first that the head offers",
    )
    parser.add_argument(
        "--absolute",
        action="store_true",
        help="draw all maps on the scale from 0 to 1; only spatial attention has it",
    )
    parser.add_argument(
        "--thresholds",
        type=threshold,
        metavar="FILE|THR",
        help="from which score on a class is predicted: a file of `mmsrdl thresholds`, or one "
        "number (default: that of the model's head)",
    )
    add_model_options(parser)
    return parser


def run(args: argparse.Namespace) -> None:
    """Draws."""
    inferencer = MultiLabelInferencer(
        read_model_config(args.config, args), args.checkpoint, args.device, args.thresholds
    )
    pictures = draw_attention(
        inferencer,
        args.images,
        args.out_dir,
        None if args.predicted else args.topk,
        args.classes,
        args.method,
        read_labels(args.labels),
        stretch=not args.absolute,
    )
    print_pictures(pictures)
