"""What the conversions of checkpoints share."""

import argparse
import shlex

from mmsrdl.model_converters import ConvertedCheckpoint

__all__ = ["add_files", "write"]


def add_files(parser: argparse.ArgumentParser, coco: str) -> None:
    """Adds the two files, and that of class names.

    Args:
        parser: The action's parser.
        coco: What 80 classes are taken for.
    """
    parser.add_argument("source", help="published checkpoint")
    parser.add_argument("target", help="file to write")
    parser.add_argument(
        "--classes",
        metavar="FILE",
        help="class names in the checkpoint's order, one a line; default for 80 classes: "
        f"{coco}, for 20: PASCAL VOC's",
    )


def write(converted: ConvertedCheckpoint, target: str) -> None:
    """Writes the checkpoint, and says how it is used."""
    converted.save(target)
    print(f"{target}: {len(converted.state_dict)} entries, {len(converted.classes)} classes")
    options = [f"{name}={value}" for name, value in converted.options.items()]
    words = ["mmsrdl", "test", converted.model or "YOUR_CONFIG", target]
    words += ["--cfg-options", *options] if options else []
    print(shlex.join(words))
