"""Compares configs whose backbone and head learn (the tier *end to end*)."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from experiments import command

EXAMPLES = """\
examples:
  python -m experiments.end_to_end run --configs configs/lite0/*_voc07.py --seeds 0 1 \\
      --data-root VOC2007 --weights tf_efficientnet_lite0.pth \\
      --word-vectors glove.6B.300d.txt --baseline gmp_lite0_voc07
  python -m experiments.end_to_end run --configs configs/table5/*_coco.py --dry-run \\
      --data-root data/coco --word-vectors glove.6B.300d.txt --lrs 1e-5 --processes 8
  python -m experiments.end_to_end table --out work_dirs/end_to_end
"""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the two commands."""
    parser, commands = command.new_parser("end_to_end", __doc__, EXAMPLES)
    run = command.add_run(commands, lrs=[1e-4, 3e-4, 1e-3])
    run.add_argument("--configs", required=True, nargs="+", help="config files of images")
    add_data_options(run)
    command.add_config_options(run, "work_dirs/end_to_end")
    command.add_baseline(run, "default: none")
    command.add_config_table(commands)
    return parser


def add_data_options(run: argparse.ArgumentParser) -> None:
    """Adds what trainings of whole models read, and how many processes each has."""
    run.add_argument("--data-root", metavar="DIR", help="folder of the configs' data sets")
    run.add_argument("--weights", metavar="FILE", help="ImageNet weights of the backbone")
    run.add_argument(
        "--launcher", type=int, default=1, metavar="N",
        help="processes (GPUs) of each training, which share the config's batch (default 1)",
    )  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        words: The command line; that of the process by default.

    Returns:
        0, or 1 if a training failed. Mistakes of the user end the process with 2.
    """
    parser = make_parser()
    return command.run_command(parser, vars(parser.parse_args(words)), COMMANDS)


COMMANDS: dict[str, Callable[..., int]] = {
    "run": partial(command.run, "end_to_end"),
    "table": partial(command.table, "end_to_end"),
}


if __name__ == "__main__":
    raise SystemExit(main())
