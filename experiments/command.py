"""What the command lines of the studies share."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypeAlias

__all__ = [
    "add_baseline", "add_cfg_options", "add_config_options", "add_config_table", "add_run",
    "new_parser", "run", "run_command", "table",
]  # fmt: skip

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def new_parser(
    study: str, description: str | None, examples: str
) -> tuple[argparse.ArgumentParser, Commands]:
    """Makes the parser of ``python -m experiments.STUDY``, and what its commands are added to."""
    parser = argparse.ArgumentParser(
        prog=f"python -m experiments.{study}",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser, parser.add_subparsers(dest="command", required=True)


def add_run(
    commands: Commands,
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


def add_config_options(run: argparse.ArgumentParser, out: str) -> None:
    """Adds what all studies of configs have, beside the configs and their data.

    Args:
        run: Of :func:`add_run`.
        out: Default of the study's folder.
    """
    run.add_argument("--out", default=out, metavar="DIR", help=f"of the study (default: {out})")
    run.add_argument(
        "--extend", type=int, default=0, metavar="N",
        help="more learning rates where the best is the smallest or largest (default 0)",
    )  # fmt: skip
    run.add_argument(
        "--relative", action="store_true", help="--lrs are multiples of each config's own"
    )
    run.add_argument("--held-out", type=float, default=0.2, help="of train, for the search")
    run.add_argument("--search-epochs", type=int, help="of the search (default: the configs')")
    run.add_argument("--word-vectors", metavar="FILE", help="for heads that have a use for them")
    add_cfg_options(run)


def add_baseline(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds the config that a table compares all others with."""
    parser.add_argument(
        "--baseline", metavar="NAME",
        help=f"config, such as gmp_voc07, whose mAP the others' is compared with ({default})",
    )  # fmt: skip


def add_config_table(commands: Commands) -> None:
    """Adds the command ``table`` of studies of configs."""
    tabulate = commands.add_parser("table", help="print the table of what was run")
    tabulate.add_argument("--out", required=True, metavar="DIR", help="folder of the study")
    add_baseline(tabulate, "default: the study's")


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Adds settings that every config gets."""
    from mmsrdl.cli.common import KeyValues

    parser.add_argument("--cfg-options", nargs="+", action=KeyValues, metavar="KEY=VALUE")


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
    if processes > 1 and options.get("launcher", 1) > 1:
        raise ValueError(
            f"--launcher {options['launcher']} and --processes {processes}: each training would "
            "take the same first GPUs; give one of the two"
        )
    table_of = import_module(f"experiments.{study}.table").table_of
    return run_study(made, table_of, processes, dry_run)


def table(study: str, out: str, **options: Any) -> int:
    """Prints the table of what was run of a study."""
    print(import_module(f"experiments.{study}.table").table_of(out, **options))
    return 0
