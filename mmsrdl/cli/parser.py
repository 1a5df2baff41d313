"""The parser of every command. It needs nothing but Python, as does `mmsrdl doctor`."""

import argparse

__all__ = ["make_parser"]


def make_parser(prog: str, description: str | None, examples: str) -> argparse.ArgumentParser:
    """Makes the parser of a command.

    Args:
        prog: The command.
        description: What it does.
        examples: Command lines, indented.
    """
    return argparse.ArgumentParser(
        prog=prog,
        description=description,
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
