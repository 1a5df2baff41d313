"""Evaluates a checkpoint; the same as ``python -m mmsrdl.test``."""

from mmsrdl.test import main

if __name__ == "__main__":
    main()
