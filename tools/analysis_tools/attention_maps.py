"""Draws the paper's Figure 5; the same as ``mmsrdl picture attention``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["picture", "attention", *sys.argv[1:]]))
