"""Evaluates a checkpoint on the test set of a config."""

from collections.abc import Sequence

from mmsrdl._cli import make_parser, read_config
from mmsrdl.apis import test
from mmsrdl.apis.distributed import finish_distributed

EXAMPLES = """\
  python -m mmsrdl.test srdl_r101_coco best.pth --data-root data/coco --out scores.npz
  python -m mmsrdl.test my_config.py work_dirs/my_config/epoch_8.pth
  torchrun --nproc_per_node 8 -m mmsrdl.test my_config.py best.pth --launcher pytorch
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Evaluates.

    Args:
        argv: Arguments of the command line. Defaults to those of the process.
    """
    parser = make_parser("python -m mmsrdl.test", __doc__, EXAMPLES)
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--out", metavar="FILE", help="npz file for all scores and labels")
    options = vars(parser.parse_args(argv))
    checkpoint, out = options.pop("checkpoint"), options.pop("out")
    test(read_config(parser, options), checkpoint, out)
    finish_distributed()


if __name__ == "__main__":
    main()
