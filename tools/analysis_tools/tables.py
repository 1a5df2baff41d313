"""Fills the paper's tables from work directories; the same as ``mmsrdl picture tables``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["picture", "tables", *sys.argv[1:]]))
