"""Trains a model from a config; the same as ``python -m mmsrdl.train``."""

from mmsrdl.train import main

if __name__ == "__main__":
    main()
