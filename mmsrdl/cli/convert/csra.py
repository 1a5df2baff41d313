"""Converts a published checkpoint of CSRA (ResNet-101)."""

import argparse

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.cli.convert.common import add_files, write
from mmsrdl.model_converters import convert_csra

EXAMPLES = """\
  mmsrdl convert csra resnet101_voc07_head1_lam0.1_94.7.pth csra_r101_voc07.pth
  mmsrdl convert csra mine.pth csra.pth --lam 0.3 --classes classes.txt
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    add_files(parser, "MS-COCO's in the order of their ids")
    parser.add_argument(
        "--lam", type=float, help="weight of the attention; default: of the file's name, lam0.1"
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Converts."""
    write(convert_csra(args.source, args.lam, args.classes), args.target)
