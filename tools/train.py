"""Trains a model from a config; the same as ``mmsrdl train``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
