"""Compares SigRL with and without its parts on labels that were never trained."""

import argparse
import os
from collections.abc import Callable, Sequence

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
    parser = argparse.ArgumentParser(
        prog="python -m experiments.open_vocabulary",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    prepare = commands.add_parser("prepare", help="make scenes, label vectors and image encoder")
    run = commands.add_parser("run", help="search learning rates, train, evaluate, tabulate")
    run.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS, metavar="ROW",
                     help=f"of {', '.join(ROWS)} (default: all)")  # fmt: skip
    run.add_argument("--lrs", nargs="+", type=float, default=[1e-3, 3e-3, 1e-2])
    run.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    run.add_argument("--processes", type=int, default=1, help="at a time (default 1)")
    run.add_argument("--dry-run", action="store_true", help="say what is missing, run nothing")
    table = commands.add_parser("table", help="print the table of what was run")
    for command in (prepare, run):
        command.add_argument("--data", default="data/open_vocabulary", metavar="DIR")
    for command in (run, table):
        command.add_argument("--out", default="work_dirs/open_vocabulary", metavar="DIR")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        words: The command line; that of the process by default.

    Returns:
        0, or 1 if a training failed. Mistakes of the user end the process with 2.
    """
    parser = make_parser()
    options = vars(parser.parse_args(words))
    # Before torch counts its threads: every process has one.
    os.environ["OMP_NUM_THREADS"] = "1"
    command = COMMANDS[options.pop("command")]
    try:
        return command(**options)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        return parser.exit(2, f"{parser.prog}: error: {error}\n")


def _prepare(data: str) -> int:
    from experiments.open_vocabulary.prepared import prepare

    print(prepare(data))
    return 0


def _run(processes: int, dry_run: bool, **options: object) -> int:
    from experiments.open_vocabulary.run import run_study
    from experiments.open_vocabulary.study import Study

    return run_study(Study(**options), processes, dry_run)  # type: ignore[arg-type]


def _table(out: str) -> int:
    from experiments.open_vocabulary.study import Study
    from experiments.open_vocabulary.table import table_of

    print(table_of(Study.load(out)))
    return 0


COMMANDS: dict[str, Callable[..., int]] = {"prepare": _prepare, "run": _run, "table": _table}


if __name__ == "__main__":
    raise SystemExit(main())
