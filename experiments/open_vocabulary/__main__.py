"""Compares SigRL with and without its parts on labels that were never trained."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from experiments import command
from experiments.open_vocabulary.rows import ROWS

EXAMPLES = """\
examples:
  python -m experiments.open_vocabulary prepare
  python -m experiments.open_vocabulary run
  python -m experiments.open_vocabulary run --rows mkt sigrl --seeds 0 --dry-run
  python -m experiments.open_vocabulary table
"""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the three commands."""
    parser, commands = command.new_parser("open_vocabulary", __doc__, EXAMPLES)
    prepare = commands.add_parser("prepare", help="make scenes, label vectors and image encoder")
    run = command.add_run(commands, lrs=[1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2])
    run.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS, metavar="ROW",
                     help=f"of {', '.join(ROWS)} (default: all)")  # fmt: skip
    table = commands.add_parser("table", help="print the table of what was run")
    for each in (prepare, run):
        each.add_argument("--data", default="data/open_vocabulary", metavar="DIR")
    for each in (run, table):
        each.add_argument("--out", default="work_dirs/open_vocabulary", metavar="DIR")
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


def _prepare(data: str) -> int:
    from experiments.open_vocabulary.prepared import prepare

    print(prepare(data))
    return 0


def _run(data: str, **options: Any) -> int:
    from experiments.open_vocabulary.prepared import Prepared

    Prepared.load(data)
    return command.run("open_vocabulary", data=data, **options)


COMMANDS: dict[str, Callable[..., int]] = {
    "prepare": _prepare,
    "run": _run,
    "table": partial(command.table, "open_vocabulary"),
}


if __name__ == "__main__":
    raise SystemExit(main())
