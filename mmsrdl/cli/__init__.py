"""The command ``mmsrdl`` and its subcommands, each a module of this package."""

import argparse
import dis
import importlib
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout

from mmsrdl.version import __version__

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "train": "train a model",
    "test": "evaluate a checkpoint",
    "infer": "predict which classes images show",
    "doctor": "what a bug report needs, and what is broken in an environment",
}

EPILOG = """\
exit codes: 0 done; 1 done, and something is wrong with what was looked at, or the work failed;
2 a mistake in the arguments or files, named in one line; 130 interrupted.

`mmsrdl COMMAND --help` has examples. --debug before the command shows where an error arose.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line.

    Args:
        argv: Arguments of the command line. Defaults to those of the process.

    Returns:
        The exit code. Mistakes of the user end the process with 2, through SystemExit.
    """
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="mmsrdl",
        description=f"Multi-label image recognition.\n\ncommands:\n{commands}",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"mmsrdl {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="see above")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the command")
    args = parser.parse_args(argv)
    with redirect_stdout(sys.stderr):  # where OneDL's packages greet: programs read the results
        module = importlib.import_module(f"mmsrdl.cli.{args.command}")
    command = module.make_parser(f"mmsrdl {args.command}")
    options = command.parse_args(args.arguments)
    try:
        return module.run(options) or 0
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        if args.debug or not _is_mistake(error):
            raise
        return command.exit(2, f"{command.prog}: error: {error}\n")
    except KeyboardInterrupt:
        print(f"{command.prog}: interrupted", file=sys.stderr)
        return 130


def _is_mistake(error: BaseException) -> bool:
    """Whether an error was raised by a ``raise`` of mmsrdl, for what a user gave it.

    All others keep their traceback, which says where something broke.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    frame = trace.tb_frame
    raised = frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return raised and frame.f_globals.get("__name__", "").startswith("mmsrdl.")
