"""Draws the paper's Figure 6 from runs: mAP against K and alpha of object erasing."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial

from experiments import command
from experiments.end_to_end.__main__ import add_data_options

EXAMPLES = """\
examples:
  python -m experiments.figure6 run --configs configs/frozen/srdl_voc07.py --lrs 3e-3 \\
      --data-root data/maps/voc07 --word-vectors glove.6B.300d.txt --out work_dirs/figure6
  python -m experiments.figure6 run --configs configs/demo/srdl_demo.py --lrs 1e-2 \\
      --data-root work_dirs/demo/scenes --out work_dirs/figure6_demo
  python -m experiments.figure6 table --out work_dirs/figure6
"""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the two commands."""
    parser, commands = command.new_parser("figure6", __doc__, EXAMPLES)
    run = command.add_run(commands, lrs=[3e-4, 1e-3, 3e-3])
    run.add_argument(
        "--configs", required=True, nargs="+",
        help="config files with object erasing, of images or of frozen maps",
    )  # fmt: skip
    run.add_argument("--topks", nargs="+", type=int, default=[*range(1, 9)], metavar="K",
                     help="with the paper's alpha (default: 1 to 8)")  # fmt: skip
    run.add_argument("--alphas", nargs="+", type=float, metavar="ALPHA",
                     default=[tenth / 10 for tenth in range(1, 10)],
                     help="with the paper's K (default: 0.1 to 0.9)")  # fmt: skip
    add_data_options(run)
    command.add_config_options(run, "work_dirs/figure6")
    table = commands.add_parser("table", help="print the table and draw what was run")
    table.add_argument("--out", required=True, metavar="DIR", help="folder of the study")
    return parser


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
    "run": partial(command.run, "figure6"),
    "table": partial(command.table, "figure6"),
}


if __name__ == "__main__":
    raise SystemExit(main())
