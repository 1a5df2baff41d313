"""Converts published weights of CLIP; the same as ``mmsrdl convert clip``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["convert", "clip", *sys.argv[1:]]))
