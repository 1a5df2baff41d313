"""Converts published weights of CLIP with a vision transformer.

OpenAI's TorchScript archives and Hugging Face's pytorch_model.bin and model.safetensors are told by
their content, and read as data. Prints the parts of a config that take the result.
"""

import argparse
from pprint import pformat

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.model_converters import convert_clip
from mmsrdl.model_converters.clip import ACTIVATIONS, clip_config, clip_towers

EXAMPLES = """\
  mmsrdl convert clip ViT-B-16.pt clip_vit_b16.pth
  mmsrdl convert clip clip-vit-base-patch16/model.safetensors clip_vit_b16.pth
  mmsrdl convert clip open_clip_pytorch_model.bin clip.pth --activation gelu
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("source", help="published weights")
    parser.add_argument("target", help="file to write")
    parser.add_argument(
        "--activation",
        choices=list(ACTIVATIONS),
        help="of the towers, which the weights do not tell; default: what config.json beside "
        "Hugging Face's weights says, or quick_gelu, which OpenAI's have",
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Converts, and says how the result is used."""
    converted = convert_clip(args.source, args.activation)
    converted.save(args.target)
    print(f"{args.target}: {len(converted.state_dict)} entries of {converted.layout}")
    for name, tower in zip(("image", "text"), clip_towers(converted.state_dict), strict=True):
        print(f"{name} tower: {tower.layers} layers of {tower.width} channels, to {tower.out}")
    print("In a config:")
    for name, part in clip_config(converted, args.target).items():
        print(f"{name}={pformat(part, sort_dicts=False, width=90)}")
