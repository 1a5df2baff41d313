"""Evaluates a checkpoint; the same as ``mmsrdl test``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["test", *sys.argv[1:]]))
