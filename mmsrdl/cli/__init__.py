"""The command ``mmsrdl`` and its subcommands, each a module of this package."""

import argparse
import dis
import importlib
import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from types import ModuleType

from mmsrdl.version import __version__

__all__ = ["COMMANDS", "load_command", "main"]

COMMANDS = {
    "train": "train a model",
    "test": "evaluate a checkpoint",
    "evaluate": "compute the figures of kept scores under the papers' protocols",
    "context": "say how far kept scores lean on what is beside an object",
    "infer": "predict the labels of images",
    "data": "check, split, convert and look into labeled images",
    "thresholds": "tune the classes' thresholds",
    "picture": "draw attention, scores, curves and reports",
    "export": "write a model as ONNX",
    "convert": "take over published checkpoints of other code bases",
    "serve": "open a page in the browser that takes images",
    "doctor": "say what is installed, and what is broken",
}

EPILOG = """\
exit codes: 0 done; 1 done, and something is wrong with what was looked at, or the work failed;
2 a mistake in the arguments or files, named in one line, or a training that a full disk or NaN
ended; 75 a training that SIGTERM or SIGUSR1 stopped after it had saved; 130 interrupted.

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
    try:
        module = load_command(f"mmsrdl.cli.{args.command}")
        command = module.make_parser(f"mmsrdl {args.command}")
        options = command.parse_args(args.arguments)
    except KeyboardInterrupt:  # torch alone takes seconds to import
        return _interrupted(f"mmsrdl {args.command}")
    try:
        code = module.run(options) or 0
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # of `mmsrdl ... | head`; Python would complain once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, TypeError, ValueError, RuntimeError) as error:
        if args.debug or not _is_mistake(error):
            raise
        return command.exit(2, f"{command.prog}: error: {error}\n")
    except KeyboardInterrupt:
        return _interrupted(command.prog)


def _interrupted(prog: str) -> int:
    """Says so on stderr, and returns the exit code of it."""
    print(f"{prog}: interrupted", file=sys.stderr)
    return 130


def load_command(name: str) -> ModuleType:
    """Imports the module of a command.

    What packages say on import, such as MMPretrain's "Could not import OneDL" and MMCV's warning
    of an operator that nothing here needs, is left out: stdout is for results.
    """
    with redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


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
