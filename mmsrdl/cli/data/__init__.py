"""Looks into labeled images and makes their files."""

import argparse
from typing import Any

from mmsrdl.cli import load_command

__all__ = ["ACTIONS", "make_parser", "run"]

ACTIONS = {
    "split": "divide an annotation file into parts with like shares of every class",
    "convert": "write an annotation file in another format",
}

EXAMPLES = """\
  mmsrdl data split all.csv --parts train=0.8 val=0.2 --images images
  mmsrdl data convert VOC2007/ImageSets/Main/train.txt train.csv
  mmsrdl data ACTION --help
"""


class ActionParser(argparse.ArgumentParser):
    """Reads an action and its arguments with the parser of the action's module."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]
        """Returns the action's ``run`` and its ``options``; errors are then the action's."""
        chosen = super().parse_args(args, namespace)
        module = load_command(f"{__name__}.{chosen.action}")
        self.prog += f" {chosen.action}"
        options = module.make_parser(self.prog).parse_args(chosen.arguments)
        return argparse.Namespace(run=module.run, options=options)


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    width = max(map(len, ACTIONS))
    actions = "\n".join(f"  {name:{width}}  {what}" for name, what in ACTIONS.items())
    parser = ActionParser(
        prog=prog,
        description=f"{__doc__}\n\nactions:\n{actions}",
        epilog="examples:\n" + EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION", help="see above")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the action")
    return parser


def run(args: argparse.Namespace) -> int | None:
    """Runs the action."""
    return args.run(args.options)
