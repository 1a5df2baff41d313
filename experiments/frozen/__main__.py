"""Compares heads on the cached maps of a backbone that does not learn (the *frozen* tier)."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from experiments import command

EXAMPLES = """\
examples:
  python -m experiments.frozen cache --config gmp_lite0_voc07 --data-root VOC2007 \\
      --weights tf_efficientnet_lite0.pth --views 4 --out data/maps/voc07
  python -m experiments.frozen run --configs configs/frozen/*_voc07.py \\
      --data-root data/maps/voc07 --lrs 3e-4 1e-3 3e-3 --extend 3 --seeds 0 1 2 \\
      --out work_dirs/frozen --baseline gmp_voc07
  python -m experiments.frozen table --out work_dirs/frozen
"""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser of the three commands."""
    parser, commands = command.new_parser("frozen", __doc__, EXAMPLES)
    _add_cache(commands.add_parser("cache", help="write the maps of a config's backbone"))
    run = command.add_run(commands, lrs=[1e-4, 3e-4, 1e-3, 3e-3], processes=2)
    run.add_argument("--configs", required=True, nargs="+", help="config files of frozen maps")
    run.add_argument("--data-root", metavar="DIR", help="folder of the maps")
    command.add_config_options(run, "work_dirs/frozen")
    command.add_baseline(run, "default: none")
    command.add_config_table(commands)
    return parser


def _add_cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="config file, or the name of a model")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder of the maps")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights of the backbone")
    parser.add_argument("--views", type=int, default=4, help="of a training image (default 4)")
    parser.add_argument("--batch-size", type=int, default=32, help="images at a time (default 32)")
    parser.add_argument("--workers", type=int, default=0, help="that read images (default 0)")
    parser.add_argument("--seed", type=int, default=0, help="of the augmentation (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1 ...")
    command.add_cfg_options(parser)


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        words: The command line; that of the process by default.

    Returns:
        0, or 1 if a training failed. Mistakes of the user end the process with 2.
    """
    parser = make_parser()
    return command.run_command(parser, vars(parser.parse_args(words)), COMMANDS)


def _cache(**options: Any) -> int:
    from experiments.frozen.cache import cache_maps
    from mmsrdl.apis import load_config

    read = ("data_root", "weights", "cfg_options")
    cfg = load_config(options.pop("config"), **{name: options.pop(name) for name in read})
    cache_maps(cfg, **options)
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "cache": _cache,
    "run": partial(command.run, "frozen"),
    "table": partial(command.table, "frozen"),
}


if __name__ == "__main__":
    raise SystemExit(main())
