"""Looks into labeled images and makes their files."""

import argparse

from mmsrdl.cli.actions import make_action_parser, run_action

__all__ = ["ACTIONS", "make_parser", "run"]

ACTIONS = {
    "check": "find what would go wrong in training",
    "stats": "count labels, alone and together",
    "split": "divide an annotation file into parts with like shares of every class",
    "observe": "choose which labels are known, and keep it in a file",
    "convert": "write an annotation file in another format",
    "vectors": "make the label vectors of your classes",
    "nuswide": "make one file of NUS-WIDE's published labels",
    "init": "write the config of a training on your images",
}

EXAMPLES = """\
  mmsrdl data check --train train.csv --val val.csv --images photos
  mmsrdl data split all.csv --parts train=0.8 val=0.2 --images photos
  mmsrdl data convert VOC2007/ImageSets/Main/train.txt train.csv
  mmsrdl data init --train train.csv --val val.csv --images photos --out my_config.py
  mmsrdl data ACTION --help
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    return make_action_parser(prog, __name__, __doc__, ACTIONS, EXAMPLES)


def run(args: argparse.Namespace) -> int | None:
    """Runs the action."""
    return run_action(args)
