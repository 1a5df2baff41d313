"""Trains a model from a config."""

import argparse

from mmengine.config import DictAction

from mmsrdl.apis import load_config, train


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example: python tools/train.py configs/srdl_r101_coco.py --data-root data/coco "
        "--word-vectors data/glove/glove.6B.300d.txt",
    )
    parser.add_argument("config", help="config file")
    parser.add_argument("--work-dir", help="folder of logs and checkpoints")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
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
    parser.add_argument("--launcher", choices=["none", "pytorch", "slurm", "mpi"], default="none")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        metavar="KEY=VALUE",
        help="override settings: train_cfg.max_epochs=8 model.head.avg_pool=2",
    )
    # torchrun says the rank in the environment; torch.distributed.launch adds this.
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Trains."""
    options = vars(parse_args())
    options.pop("local_rank")
    resume = options.pop("resume")
    train(load_config(options.pop("config"), **options), resume)


if __name__ == "__main__":
    main()
