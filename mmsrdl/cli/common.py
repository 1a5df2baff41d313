"""What the commands share."""

import argparse
import os
from collections.abc import Iterable
from typing import Any, TypeVar

from mmengine.config import Config, DictAction
from rich.console import Console
from rich.progress import track as rich_track

from mmsrdl.apis import load_config
from mmsrdl.apis.model_index import SCOPE, model_configs
from mmsrdl.cli.parser import make_parser

__all__ = [
    "CONFIGS",
    "KeyValues",
    "is_config",
    "make_config_parser",
    "make_parser",
    "read_config",
    "track",
]

Item = TypeVar("Item")

CONFIGS = """\
config: a file; the name of a model, of which mmsrdl.list_models() returns all; or a config that
comes with mmsrdl, such as mmsrdl::table5/car_r101_coco.py.
"""


CONFIG_ENDINGS = (".py", ".yml", ".yaml")
"""Of configs; a json may be an annotation file."""


def is_config(source: str) -> bool:
    """Returns whether a word is a config, where an annotation file may be given, too."""
    if source.endswith(CONFIG_ENDINGS) or source.startswith(SCOPE):
        return True
    return not os.path.exists(source) and source in model_configs()


class KeyValues(DictAction):
    """Reads ``KEY=VALUE``; MMEngine's action fails on what is none."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *args: Any
    ) -> None:
        """Adds the options, or ends with the user's mistake."""
        for value in values:
            if "=" not in value:
                parser.error(
                    f"--cfg-options takes KEY=VALUE, such as train_cfg.max_epochs=8, got {value!r}"
                )
        super().__call__(parser, namespace, values, *args)


def make_config_parser(
    prog: str, description: str | None, examples: str
) -> argparse.ArgumentParser:
    """Makes the parser of a command that runs a config, with the options of all of them."""
    parser = make_parser(prog, description, examples)
    parser.epilog = f"{CONFIGS}\n{parser.epilog}"
    parser.add_argument("config", help="config file, or the name of a model")
    parser.add_argument("--work-dir", help="folder of logs and checkpoints")
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument(
        "--launcher",
        choices=["none", "pytorch", "slurm", "mpi"],
        default="none",
        help="what started the processes; pytorch is torchrun",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=KeyValues,
        metavar="KEY=VALUE",
        help="override settings: train_cfg.max_epochs=8 model.head.avg_pool=2",
    )
    # torchrun says the rank in the environment; torch.distributed.launch adds this.
    parser.add_argument("--local_rank", "--local-rank", type=int, help=argparse.SUPPRESS)
    return parser


def read_config(options: dict[str, Any]) -> Config:
    """Reads the config with the options of a command line.

    Args:
        options: Arguments of :func:`load_config`.
    """
    options.pop("local_rank")
    return load_config(options.pop("config"), **options)


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterable[Item]:
    """Yields items, with their progress and the time left on stderr if that is a terminal."""
    console = Console(stderr=True)
    # Elsewhere than on a terminal, rich would print an empty line.
    hidden = not console.is_terminal
    return rich_track(items, description, total, console=console, transient=True, disable=hidden)
