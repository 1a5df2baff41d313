"""Evaluates a checkpoint on the test set of a config, or on its validation set."""

import argparse
from typing import get_args

from mmengine.dist import is_main_process

from mmsrdl.apis import add_pointing_game, test, use_images
from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.cli.common import make_config_parser, read_config
from mmsrdl.evaluation import PROTOCOLS
from mmsrdl.evaluation.metrics import PointingMethod

EXAMPLES = """\
  mmsrdl test srdl_r101_coco best.pth --data-root data/coco --out scores.npz
  mmsrdl test my_config.py work_dirs/my_config/epoch_8.pth --set val --out val.npz
  mmsrdl test srdl_r101_voc07 best.pth --protocol paper mlgcn ssgrl mcar asl
  mmsrdl test srdl_r101_voc07 best.pth --pointing-game attention gradcam center
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
    parser.add_argument(
        "--protocol",
        nargs="+",
        choices=PROTOCOLS,
        metavar="NAME",
        help="whose protocol the figures follow, several give a table: %(choices)s",
    )
    parser.add_argument(
        "--pointing-game",
        nargs="*",
        choices=get_args(PointingMethod),
        metavar="MAPS",
        help="whether maps point at the objects' boxes: some of %(choices)s; none means auto "
        "(the head's own maps) and center",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="PIXELS",
        help="of --pointing-game: how far off a box a point still hits; default 0, the "
        "literature takes 15",
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Evaluates."""
    options = vars(args)
    names = ("checkpoint", "out", "set", "protocol", "pointing_game", "tolerance")
    checkpoint, out, images, protocols, methods, tolerance = map(options.pop, names)
    cfg = read_config(options)
    use_images(cfg, images)
    if methods is not None:
        add_pointing_game(cfg, methods or ("auto", "center"), tolerance or 0.0)
    elif tolerance is not None:
        raise ValueError(f"--tolerance {tolerance:g} is of --pointing-game; give both or neither")
    test(cfg, checkpoint, out, protocols)
    if out is not None and is_main_process():
        print(f"scores and labels: {out}")
    finish_distributed()
