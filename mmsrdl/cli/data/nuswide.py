"""Makes one file of labels of NUS-WIDE's published text files, and counts what is in it.

Unpack the archives of tags (NUS_WID_Tags), ground truth, concepts and image list into one folder;
docs/data.md shows the layout. Images are not read. Numbers of classes and images are compared with
those of the whole data set, and files with each other.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.datasets.annotation_file import first_of
from mmsrdl.datasets.nuswide import NUSWIDELabels, read_published

EXAMPLES = """\
  mmsrdl data nuswide downloads/NUS-WIDE --out data/nuswide/nuswide.npz
  mmsrdl data nuswide few --out few/nuswide.npz --subset
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("root", metavar="DIR", help="folder of the unpacked archives")
    parser.add_argument("--out", metavar="FILE", help="npz to write; nuswide.npz in DIR")
    parser.add_argument(
        "--subset", action="store_true", help="take other numbers of classes and images, too"
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Reads, writes and counts."""
    out = Path(args.out or Path(args.root) / "nuswide.npz")
    if out.suffix != ".npz":
        raise ValueError(f"--out {out} must end in .npz")
    labels = read_published(args.root, args.subset)
    labels.save(out)
    _print_table(labels)
    print(f"{out}: {len(labels.seen)} seen and {len(labels.unseen)} unseen classes")
    print(f'In a config: dict(type="mmsrdl.NUSWIDE", data_root="{out.parent}")')


def _print_table(labels: NUSWIDELabels) -> None:
    table = Table()
    for column in ("split", "labels"):
        table.add_column(column)
    for column in ("images", "with a positive", "positives", "an image"):
        table.add_column(column, justify="right")
    without = []
    for split, found in labels.splits.items():
        parts = np.split(found.labels, [len(labels.seen)], axis=1)
        for name, names, part in zip(
            ("seen", "unseen"), (labels.seen, labels.unseen), parts, strict=True
        ):
            images, positives = len(part), int(part.sum())
            counts = [images, int(part.any(1).sum()), positives]
            share = positives / max(1, images)
            table.add_row(split, name, *(f"{count:,}" for count in counts), f"{share:.2f}")
            empty = [names[column] for column in np.flatnonzero(~part.any(0))]
            if empty:
                without.append(f"{split}, {name}: no image of {first_of(empty)}")
    Console().print(table)
    for line in without:
        print(line)
