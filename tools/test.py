"""Evaluates a checkpoint."""

import argparse

from mmengine.config import DictAction

from mmsrdl.apis import load_config, test


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: python tools/test.py configs/srdl_r101_coco.py best.pth "
        "--data-root data/coco --out scores.npz",
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("checkpoint", help="checkpoint file")
    parser.add_argument("--work-dir", help="folder of logs")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument("--out", metavar="FILE", help="npz file for all scores and labels")
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument("--cfg-options", nargs="+", action=DictAction, metavar="KEY=VALUE")
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Evaluates."""
    options = vars(parse_args())
    options.pop("local_rank")
    checkpoint, out = options.pop("checkpoint"), options.pop("out")
    test(load_config(options.pop("config"), **options), checkpoint, out)


if __name__ == "__main__":
    main()
