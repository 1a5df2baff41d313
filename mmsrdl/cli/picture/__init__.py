"""Draws what a model sees, how good it is, and what its data is like."""

import argparse

from mmsrdl.cli.actions import make_action_parser, run_action

__all__ = ["ACTIONS", "make_parser", "run"]

ACTIONS = {
    "attention": "where a model sees the classes of images (the paper's Figure 5)",
    "compare": "the scores of two models for images, wrong ones marked (Figure 7)",
    "ap": "average precision of every class, of one test run or several",
    "curves": "precision-recall curves of a test run",
    "reliability": "how far the scores of a test run are probabilities",
    "graph": "an image beside the co-occurrence graph of its labels (Figure 1)",
    "tables": "the paper's Tables 1, 2, 4, 5, 6 and Figure 6, ours beside them",
    "report": "an HTML page on a test run, the worst mistakes first",
}

EXAMPLES = """\
  mmsrdl picture attention my_config.py best.pth photo.jpg
  mmsrdl picture report scores.npz --thresholds thresholds.json
  mmsrdl picture ACTION --help
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    return make_action_parser(prog, __name__, __doc__, ACTIONS, EXAMPLES)


def run(args: argparse.Namespace) -> int | None:
    """Runs the action."""
    return run_action(args)
