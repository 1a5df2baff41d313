"""Trains a model from a config."""

from collections.abc import Sequence

from mmsrdl._cli import make_parser, read_config
from mmsrdl.apis import train
from mmsrdl.apis.distributed import finish_distributed

EXAMPLES = """\
  python -m mmsrdl.train srdl_r101_coco --data-root data/coco --word-vectors glove.6B.300d.txt
  python -m mmsrdl.train my_config.py --seed 1 --cfg-options train_cfg.max_epochs=8
  torchrun --nproc_per_node 8 -m mmsrdl.train my_config.py --launcher pytorch
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Trains.

    Args:
        argv: Arguments of the command line. Defaults to those of the process.
    """
    parser = make_parser("python -m mmsrdl.train", __doc__, EXAMPLES)
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
    options = vars(parser.parse_args(argv))
    resume = options.pop("resume")
    train(read_config(parser, options), resume)
    finish_distributed()


if __name__ == "__main__":
    main()
