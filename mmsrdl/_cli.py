"""What ``python -m mmsrdl.train`` and ``python -m mmsrdl.test`` share."""

import argparse
from typing import Any

from mmengine.config import Config, DictAction

from mmsrdl.apis import load_config

__all__ = ["make_parser", "read_config"]

EPILOG = """\
config: a file; the name of a model, of which mmsrdl.list_models() returns all; or a config that
comes with mmsrdl, such as mmsrdl::table5/car_r101_coco.py.

examples:
"""


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


def make_parser(prog: str, description: str | None, examples: str) -> argparse.ArgumentParser:
    """Makes a parser of the options that both commands have.

    Args:
        prog: The command.
        description: What it does.
        examples: Command lines, indented.

    Returns:
        The parser, for the options of one command to be added.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog=EPILOG + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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


def read_config(parser: argparse.ArgumentParser, options: dict[str, Any]) -> Config:
    """Reads the config with the options of a command line, or ends with the user's mistake.

    Args:
        parser: The parser, which ends the program.
        options: Arguments of :func:`load_config`.

    Returns:
        The config.
    """
    options.pop("local_rank")
    try:
        return load_config(options.pop("config"), **options)
    except (FileNotFoundError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")
