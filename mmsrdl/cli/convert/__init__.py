"""Converts published checkpoints of other code bases for mmsrdl.

They are read as data: what else a file holds is refused, never run.
"""

import argparse

from mmsrdl.cli.actions import make_action_parser, run_action

__all__ = ["ACTIONS", "make_parser", "run"]

ACTIONS = {
    "clip": "a vision transformer of CLIP: OpenAI's archive, or Hugging Face's weights",
    "csra": "a ResNet-101 of CSRA's released code",
    "mlgcn": "a ResNet-101 of ML-GCN's released code",
}

EXAMPLES = """\
  mmsrdl convert clip ViT-B-16.pt clip_vit_b16.pth
  mmsrdl convert csra resnet101_voc07_head1_lam0.1_94.7.pth csra_r101_voc07.pth
  mmsrdl convert mlgcn coco_checkpoint.pth.tar mlgcn_r101_coco.pth --word-vectors glove.6B.300d.txt
  mmsrdl convert ACTION --help
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    return make_action_parser(prog, __name__, __doc__, ACTIONS, EXAMPLES)


def run(args: argparse.Namespace) -> int | None:
    """Runs the action."""
    return run_action(args)
