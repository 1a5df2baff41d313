"""Converts a published checkpoint of ML-GCN (ResNet-101)."""

import argparse

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.cli.convert.common import add_files, write
from mmsrdl.model_converters import convert_mlgcn

EXAMPLES = """\
  mmsrdl convert mlgcn coco_checkpoint.pth.tar mlgcn_r101_coco.pth --word-vectors glove.6B.300d.txt
  mmsrdl convert mlgcn voc_checkpoint.pth.tar mlgcn_r101_voc07.pth --word-vectors voc_vectors.npz
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    add_files(parser, "MS-COCO's in alphabetical order")
    parser.add_argument(
        "--word-vectors",
        required=True,
        metavar="FILE",
        help="those it was trained with, by name: GloVe text file, or npz of names and vectors",
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Converts."""
    write(convert_mlgcn(args.source, args.word_vectors, args.classes), args.target)
