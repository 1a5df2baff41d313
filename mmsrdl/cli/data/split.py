"""Divides an annotation file into parts with like shares of every class.

The split is stratified iteratively (Sechidis et al. 2011), and the same for the same seed. Images
of the same content stay in one part where the image files are at hand. Parts are written in the
format of IN, with all that it holds; of VOC, lists of image names.
"""

import argparse
import json
import sys
from contextlib import redirect_stdout

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.cli.common import track
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.formats.files import READERS
from mmsrdl.datasets.split_file import Split, split_file

EXAMPLES = """\
  mmsrdl data split all.csv --parts train=0.7 val=0.15 test=0.15 --images photos
  mmsrdl data split all.jsonl --parts train=0.8 val=0.2 --group-by 'patient(\\d+)' --out-dir parts
  mmsrdl data split VOC2007/ImageSets/Main/trainval.txt --parts tune=0.9 hold=0.1 --seed 1
"""

NUM_RAREST = 10


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("source", metavar="IN", help="annotation file; of VOC a list or the folder")
    parser.add_argument(
        "--parts", nargs="+", required=True, metavar="NAME=SHARE", help="parts; shares sum to 1"
    )
    parser.add_argument("--out-dir", metavar="DIR", help="folder of the parts; by default of IN")
    parser.add_argument("--from", dest="format", choices=READERS, default="auto", help="format")
    parser.add_argument("--seed", type=int, default=0, help="random seed; 0 by default")
    parser.add_argument(
        "--images", metavar="DIR", help="folder that the paths are below, where it is not IN's"
    )
    parser.add_argument(
        "--no-content",
        dest="by_content",
        action="store_false",
        help="do not look for images of the same content",
    )
    parser.add_argument(
        "--group-by",
        metavar="REGEX",
        help="keep images together in whose paths this finds the same, such as '^[^/]+' (a folder)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(args: argparse.Namespace) -> None:
    """Splits."""
    options = vars(args)
    as_json = options.pop("json")
    parts = _read_parts(options.pop("parts"))
    with redirect_stdout(sys.stderr):  # MMEngine's logger, if there is anything to warn of
        split = split_file(
            options.pop("source"),
            parts,
            **options,
            progress=lambda paths: track(paths, "comparing images"),
        )
    _explain_content(split)
    if as_json:
        print(json.dumps(_as_json(split)))
    else:
        _print_table(split)
    if split.too_rare():
        print(
            f"warning: {len(split.too_rare())} of {len(split.classes)} classes have fewer positive "
            f"images than there are parts, so that a part has none: {first_of(split.too_rare())}",
            file=sys.stderr,
        )


def _read_parts(texts: list[str]) -> dict[str, float]:
    parts: dict[str, float] = {}
    for text in texts:
        name, _, share = text.rpartition("=")
        try:
            number = float(share)
        except ValueError:
            number = float("nan")
        if not name or not 0 < number < 1 or name in parts:
            raise ValueError(
                f"--parts takes NAME=SHARE, each name once and shares in (0, 1), such as train=0.8 "
                f"val=0.2, got {text!r}"
            )
        parts[name] = number
    return parts


def _explain_content(split: Split) -> None:
    """Says on stderr whether images of the same content were kept together."""
    number = len(split.part)
    if split.missing is None:
        return
    if split.missing == number:
        text = f"no image is in {split.images}, so that those of the same content were not looked "
        text += "for; give --images"
    else:
        text = f"{split.duplicates} images have the content of another one, and are kept together"
        if split.missing:
            text += f"; {split.missing} of {number} are not in {split.images}"
    print(text, file=sys.stderr)


def _as_json(split: Split) -> dict:
    return {
        "parts": {
            name: {
                "file": file,
                "images": size,
                "positives": dict(zip(split.classes, row.tolist(), strict=True)),
            }
            for (name, file), size, row in zip(
                split.files.items(), split.sizes(), split.positives, strict=True
            )
        },
        "classes_with_fewer_positives_than_parts": split.too_rare(),
        "images": split.images,
        "images_missing": split.missing,
        "images_of_the_same_content": split.duplicates,
    }


def _print_table(split: Split) -> None:
    """Prints images a part, and positives a part of the rarest classes."""
    table = Table(box=SIMPLE)
    table.add_column("")
    for name in split.files:
        table.add_column(name, justify="right")
    table.add_row("images", *map(str, split.sizes()), end_section=True)
    rarest = np.argsort(split.positives.sum(0), kind="stable")[:NUM_RAREST]
    for index in rarest:
        table.add_row(split.classes[index], *map(str, split.positives[:, index]))
    console = Console()
    console.print(table)
    if len(split.classes) > NUM_RAREST:
        console.print(f"positive images of the {NUM_RAREST} rarest of {len(split.classes)} classes")
    for name, file in split.files.items():
        print(f"{name}: {file}")
