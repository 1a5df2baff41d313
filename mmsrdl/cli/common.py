"""What the commands share."""

import argparse
import os
from collections.abc import Iterable
from typing import Any, TypeVar

from mmengine.config import Config
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
    "read_value",
    "track",
]

Item = TypeVar("Item")

CONFIGS = """\
config: a file; the name of a model, of which mmsrdl.list_models() returns all; or a config that
comes with mmsrdl, such as mmsrdl::table5/car_r101_coco.py.
"""


CONFIG_ENDINGS = (".py", ".yml", ".yaml")
"""Of configs; a json may be an annotation file."""

BRACKETS = {"(": ")", "[": "]"}


def is_config(source: str) -> bool:
    """Returns whether a word is a config, where an annotation file may be given, too."""
    if source.endswith(CONFIG_ENDINGS) or source.startswith(SCOPE):
        return True
    return not os.path.exists(source) and source in model_configs()


class KeyValues(argparse.Action):
    """Reads ``KEY=VALUE`` into a dict, see :func:`read_value`.

    MMEngine's ``DictAction`` takes blanks out of values, such as paths, and fails on what is none.
    """

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, *args: Any
    ) -> None:
        """Adds the options, or ends with the user's mistake."""
        options = dict(getattr(namespace, self.dest, None) or {})
        for option in values:
            key, sign, text = option.partition("=")
            if not (key and sign):
                parser.error(
                    f"--cfg-options takes KEY=VALUE, such as train_cfg.max_epochs=8, got {option!r}"
                )
            try:
                options[key] = read_value(text)
            except (ValueError, RecursionError) as error:
                parser.error(f"--cfg-options {option[:80]}: {error}")
        setattr(namespace, self.dest, options)


def read_value(text: str) -> Any:
    """Reads a value of the command line, in the form of MMEngine's ``DictAction``.

    ``1``, ``0.5``, ``true``, ``None`` and words; ``a,b`` and ``[a,b]`` are lists, ``(a,b)`` is a
    tuple, and all may hold others. Blanks and quotes around a value are left out.

    Args:
        text: What follows ``KEY=``.

    Raises:
        ValueError: If brackets are not closed.
    """
    text = text.strip(" \"'")
    if not text.startswith(("(", "[")) and "," not in text:
        return _read_scalar(text)
    parts = _split(text)
    is_enclosed = len(parts) == 1 and text.startswith(("(", "[")) and text.endswith((")", "]"))
    if is_enclosed:
        parts = _split(text[1:-1])
    elif len(parts) == 1:
        return _read_scalar(text)
    if not parts[-1].strip():  # after a last comma, or between empty brackets
        parts.pop()
    values = [read_value(part) for part in parts]
    return tuple(values) if is_enclosed and text.startswith("(") else values


def _split(text: str) -> list[str]:
    """Splits at the commas that are in no brackets."""
    parts, start, awaited = [], 0, []
    for place, character in enumerate(text):
        if character in BRACKETS:
            awaited.append(BRACKETS[character])
        elif character in BRACKETS.values() and (not awaited or awaited.pop() != character):
            raise ValueError(f"{character!r} closes nothing; write lists such as [(1,2),(3,4)]")
        elif character == "," and not awaited:
            parts.append(text[start:place])
            start = place + 1
    if awaited:
        raise ValueError(f"{awaited[-1]!r} is missing; write lists such as [(1,2),(3,4)]")
    return [*parts, text[start:]]


def _read_scalar(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return {"true": True, "false": False}.get(text.lower(), None if text == "None" else text)


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
    if not console.is_terminal:  # rich would print an empty line, before version 15 even disabled
        return items
    return rich_track(items, description, total, console=console, transient=True)
