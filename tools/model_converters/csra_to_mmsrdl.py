"""Converts a published checkpoint of CSRA; the same as ``mmsrdl convert csra``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["convert", "csra", *sys.argv[1:]]))
