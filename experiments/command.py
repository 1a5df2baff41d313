"""What the command lines of the studies share."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["add_run", "new_parser", "run", "run_command", "table"]


def new_parser(
    study: str, description: str | None, examples: str
) -> tuple[argparse.ArgumentParser, "argparse._SubParsersAction[argparse.ArgumentParser]"]:
    """Makes the parser of ``python -m experiments.STUDY``, and what its commands are added to."""
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{study}",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser, parser.add_subparsers(dest="command", required=True)


def add_run(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    lrs: Sequence[float] | None,
    processes: int = 1,
) -> argparse.ArgumentParser:
    """Adds the command ``run`` with the options that all studies have, and their defaults."""
    run = commands.add_parser("run", help="search learning rates, train, evaluate, tabulate")
    rates = "the tier's" if lrs is None else " ".join(f"{lr:g}" for lr in lrs)
    run.add_argument(
        "--lrs", nargs="+", type=float, default=lrs, help=f"to search (default: {rates})"
    )
    run.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    run.add_argument(
        "--processes", type=int, default=processes, help=f"at a time (default {processes})"
    )
    run.add_argument("--dry-run", action="store_true", help="say what is missing, run nothing")
    return run


def run_command(
    parser: argparse.ArgumentParser,
    options: dict[str, Any],
    commands: Mapping[str, Callable[..., int]],
) -> int:
    """Calls the function of the command that was parsed, with its options.

    Returns:
        What the function does. Mistakes of the user end the process with 2.
    """
    try:
        return commands[options.pop("command")](**options)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        return parser.exit(2, f"{parser.prog}: error: {error}\n")


def run(study: str, processes: int, dry_run: bool, **options: Any) -> int:
    """Runs what is missing of a study; see :func:`experiments.study.run_study`."""
    from experiments.study import run_study

    made = import_module(f"experiments.{study}.study").Study(**options)
    table_of = import_module(f"experiments.{study}.table").table_of
    return run_study(made, table_of, processes, dry_run)


def table(study: str, out: str, **options: Any) -> int:
    """Prints the table of what was run of a study."""
    print(import_module(f"experiments.{study}.table").table_of(out, **options))
    return 0
