"""Options that several actions share."""

import argparse
from collections.abc import Iterable
from pathlib import Path

from mmengine.config import Config

from mmsrdl.apis import load_config
from mmsrdl.cli.common import KeyValues
from mmsrdl.datasets.formats import Annotations, read_annotations

__all__ = [
    "add_images",
    "add_model_options",
    "print_pictures",
    "read_labels",
    "read_model_config",
    "threshold",
]


def add_images(parser: argparse.ArgumentParser, out_dir: str) -> None:
    """Adds the images, their labels, and where the pictures go."""
    parser.add_argument("images", nargs="+", help="image files, folders or globs")
    parser.add_argument("--out-dir", default=out_dir, metavar="DIR", help="folder of the pictures")
    parser.add_argument(
        "--labels",
        metavar="FILE",
        help="annotation file of the images (csv, jsonl, json, VOC list), to mark what is wrong",
    )


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds what a model runs on, and settings of its config."""
    parser.add_argument("--device", help="cpu, cuda, cuda:1 (default: the GPU if there is one)")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=KeyValues,
        metavar="KEY=VALUE",
        help="override settings of the config",
    )


def read_model_config(config: str, args: argparse.Namespace) -> Config:
    """Reads a config with the options of a command line."""
    return load_config(config, cfg_options=args.cfg_options)


def read_labels(path: str | None) -> Annotations | None:
    """Reads an annotation file, if one is given."""
    return None if path is None else read_annotations(path)


def threshold(value: str) -> float | str:
    """A number, or the name of a file."""
    try:
        return float(value)
    except ValueError:
        return value


def print_pictures(pictures: Iterable[tuple[str, Path]]) -> None:
    """Prints each image and its picture when it is drawn."""
    for image, picture in pictures:
        print(f"{image}: {picture}", flush=True)
