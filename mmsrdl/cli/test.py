"""Evaluates a checkpoint on the test set of a config."""

import argparse

from mmsrdl.apis import test
from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.cli.common import make_config_parser, read_config

EXAMPLES = """\
  mmsrdl test srdl_r101_coco best.pth --data-root data/coco --out scores.npz
  mmsrdl test my_config.py work_dirs/my_config/epoch_8.pth
  torchrun --nproc_per_node 8 -m mmsrdl test my_config.py best.pth --launcher pytorch
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_config_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FILE", help="npz file for all scores and labels")
    return parser


def run(args: argparse.Namespace) -> None:
    """Evaluates."""
    options = vars(args)
    checkpoint, out = options.pop("checkpoint"), options.pop("out")
    test(read_config(options), checkpoint, out)
    finish_distributed()
