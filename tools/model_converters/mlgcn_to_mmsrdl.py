"""Converts a published checkpoint of ML-GCN; the same as ``mmsrdl convert mlgcn``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["convert", "mlgcn", *sys.argv[1:]]))
