"""Compares losses where only a part of the training labels is known."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from experiments import command
from experiments.scarce.losses import LOSSES, SETTINGS
from experiments.scarce.tiers import TIERS

EXAMPLES = """\
examples:
  python -m experiments.scarce prepare --tier frozen --maps data/maps/voc07 \\
      --weights tf_efficientnet_lite0.pth
  python -m experiments.scarce prepare --tier demo
  python -m experiments.scarce run --tier frozen
  python -m experiments.scarce run --tier demo --losses an em --settings one_positive --dry-run
  python -m experiments.scarce table --tier frozen
  python -m experiments.scarce draw --tier frozen --figure docs/images/scarce_frozen.png
"""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the four commands."""
    parser, commands = command.new_parser("scarce", __doc__, EXAMPLES)
    prepare = commands.add_parser("prepare", help="make what the trainings share, once")
    prepare.add_argument("--maps", metavar="DIR", help="of `experiments.frozen cache` (frozen)")
    prepare.add_argument("--weights", metavar="FILE", help="ImageNet weights, timm's (frozen)")
    run = command.add_run(commands, lrs=None)
    run.add_argument("--losses", nargs="+", default=list(LOSSES), choices=LOSSES, metavar="LOSS",
                     help=f"of {', '.join(LOSSES)} (default: all)")  # fmt: skip
    run.add_argument("--settings", nargs="+", default=list(SETTINGS), choices=SETTINGS,
                     metavar="SETTING",
                     help=f"of {', '.join(SETTINGS)} (default: all)")  # fmt: skip
    table = commands.add_parser("table", help="print the table of what was run")
    draw = commands.add_parser("draw", help="draw mAP against what is known")
    draw.add_argument("--figure", required=True, metavar="FILE", help="PNG to write")
    for each in (prepare, run, table, draw):
        each.add_argument("--tier", required=True, choices=TIERS)
    for each in (prepare, run):
        each.add_argument("--data", metavar="DIR", help="default: data/scarce/TIER")
    for each in (run, table, draw):
        each.add_argument("--out", metavar="DIR", help="default: work_dirs/scarce/TIER")
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
    for name, parent in (("data", "data"), ("out", "work_dirs")):
        if name in options and options[name] is None:
            options[name] = f"{parent}/scarce/{options['tier']}"
    return command.run_command(parser, options, COMMANDS)


def _prepare(tier: str, data: str, maps: str | None, weights: str | None) -> int:
    if tier == "demo":
        from experiments.scarce.other_scenes import prepare_demo

        if maps or weights:
            raise ValueError("--maps and --weights are of --tier frozen")
        print(prepare_demo(data))
        return 0
    from experiments.scarce.zero_shot import prepare_frozen

    if maps is None or weights is None:
        raise ValueError("--tier frozen needs --maps DIR and --weights FILE")
    print(prepare_frozen(data, maps, weights))
    return 0


def _run(tier: str, data: str, lrs: list[float] | None, **options: Any) -> int:
    from experiments.scarce.prepared import Prepared

    prepared = Prepared.load(data).tier
    if prepared != tier:
        raise ValueError(f"--data {data} was prepared for --tier {prepared}, not {tier}")
    return command.run("scarce", data=data, lrs=lrs or list(TIERS[tier].lrs), **options)


def _table(tier: str, out: str) -> int:
    return command.table("scarce", out)


def _draw(tier: str, out: str, figure: str) -> int:
    from experiments.scarce.figure import draw_study
    from experiments.scarce.study import Study

    draw_study(Study.load(out), figure)
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "prepare": _prepare,
    "run": _run,
    "table": _table,
    "draw": _draw,
}


if __name__ == "__main__":
    raise SystemExit(main())
