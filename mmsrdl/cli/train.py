"""Trains a model from a config."""

import argparse

from mmsrdl.apis import train
from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.cli.common import make_config_parser, read_config

EXAMPLES = """\
  mmsrdl train srdl_r101_coco --data-root data/coco --word-vectors glove.6B.300d.txt
  mmsrdl train my_config.py --seed 1 --cfg-options train_cfg.max_epochs=8
  torchrun --nproc_per_node 8 -m mmsrdl train my_config.py --launcher pytorch

exit codes: 0 done; 2 a mistake, a full disk or NaN, said in one line; 75 stopped by SIGTERM or
SIGUSR1, with a checkpoint of that iteration; 130 stopped by Ctrl-C, with those of before.
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_config_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights of the backbone")
    parser.add_argument("--word-vectors", metavar="FILE", help="GloVe text file, or npz")
    parser.add_argument(
        "--resume",
        nargs="?",
        const="auto",
        metavar="FILE",
        help="go on from a checkpoint; without a file (or with 'auto'), from the newest one",
    )
    parser.add_argument("--amp", action="store_true", help="mixed precision, on a GPU")
    parser.add_argument(
        "--auto-scale-lr", action="store_true", help="scale the learning rate with the batch size"
    )
    parser.add_argument("--seed", type=int, help="random seed")
    parser.add_argument("--tensorboard", action="store_true", help="write TensorBoard files")
    return parser


def run(args: argparse.Namespace) -> None:
    """Trains."""
    options = vars(args)
    resume = options.pop("resume")
    train(read_config(options), resume)
    finish_distributed()
