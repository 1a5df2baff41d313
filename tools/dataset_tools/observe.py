"""Chooses which labels are known, and keeps it in a file; the same as ``mmsrdl data observe``."""

import sys

from mmsrdl.cli import main

if __name__ == "__main__":
    sys.exit(main(["data", "observe", *sys.argv[1:]]))
