"""Commands that have actions, such as ``mmsrdl picture report``."""

import argparse
from collections.abc import Mapping
from typing import Any

from mmsrdl.cli import load_command

__all__ = ["make_action_parser", "run_action"]


class ActionParser(argparse.ArgumentParser):
    """Reads an action, and its arguments with the parser of the action's module."""

    package = ""

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:  # type: ignore[override]
        """Returns the action's ``run`` and its ``options``; errors are then the action's."""
        chosen = super().parse_args(args, namespace)
        module = load_command(f"{self.package}.{chosen.action}")
        self.prog += f" {chosen.action}"
        options = module.make_parser(self.prog).parse_args(chosen.arguments)
        return argparse.Namespace(run=module.run, options=options)


def make_action_parser(
    prog: str, package: str, description: str | None, actions: Mapping[str, str], examples: str
) -> argparse.ArgumentParser:
    """Makes the parser of a command whose actions are the modules of a package.

    Args:
        prog: The command.
        package: Full name of the package; each of its modules has ``make_parser(prog)`` and
            ``run(args)`` as a command has.
        description: What the command does.
        actions: Names of the modules, and what each does.
        examples: Command lines, indented.
    """
    width = max(map(len, actions))
    listed = "\n".join(f"  {name:{width}}  {what}" for name, what in actions.items())
    parser = ActionParser(
        prog=prog,
        description=f"{description}\n\nactions:\n{listed}",
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.package = package
    parser.add_argument("action", choices=actions, metavar="ACTION", help="see above")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the action")
    return parser


def run_action(args: argparse.Namespace) -> int | None:
    """Runs the action that was read."""
    return args.run(args.options)
