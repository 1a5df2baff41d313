"""Evaluates a checkpoint on the test set of a config, or on its validation set."""

import argparse

from mmsrdl.apis import test
from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.cli.common import make_config_parser, read_config

EXAMPLES = """\
  mmsrdl test srdl_r101_coco best.pth --data-root data/coco --out scores.npz
  mmsrdl test my_config.py work_dirs/my_config/epoch_8.pth --set val --out val.npz
  torchrun --nproc_per_node 8 -m mmsrdl test my_config.py best.pth --launcher pytorch
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_config_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FILE", help="npz file for all scores and labels")
    parser.add_argument(
        "--set",
        choices=("test", "val"),
        default="test",
        help="which images: of the test set, or of the validation set, to tune thresholds on",
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Evaluates."""
    options = vars(args)
    checkpoint, out, images = (options.pop(name) for name in ("checkpoint", "out", "set"))
    test(read_config(options), checkpoint, out, images)
    finish_distributed()
