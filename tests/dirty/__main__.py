"""``python -m tests.dirty images``, ``annotations``, or ``table``, that of images in the docs."""

import argparse
import sys

from tests.dirty import annotations, handling

PARTS = {"images": handling.main, "annotations": annotations.main, "table": handling.print_table}


def main() -> int | None:
    """Makes dirty files and has them read; returns 1 if one is not handled as documented."""
    parser = argparse.ArgumentParser(prog="python -m tests.dirty", description=main.__doc__)
    parser.add_argument("part", choices=PARTS)
    return PARTS[parser.parse_args().part]()


if __name__ == "__main__":
    sys.exit(main())
