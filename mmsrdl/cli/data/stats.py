"""Counts labels: how often each, how many an image, and which together."""

import argparse
import json
import os
import sys
from contextlib import redirect_stdout

import numpy as np
from rich.console import Console
from rich.table import Table

from mmsrdl.apis import load_config
from mmsrdl.apis.splits import splits_of_config
from mmsrdl.cli.common import is_config
from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.datasets.formats import ImageRecord
from mmsrdl.datasets.splits import DataSplit, split_of_file
from mmsrdl.datasets.statistics import LabelStatistics, annotation_targets, label_statistics

EXAMPLES = """\
  mmsrdl data stats train.csv
  mmsrdl data stats my_config.py --out-dir statistics
  mmsrdl data stats my_config.py --out-dir statistics --image photos/000012.jpg
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument(
        "source", metavar="CONFIG_OR_FILE", help="config, a model's name, or annotation file"
    )
    parser.add_argument("--images", metavar="DIR", help="folder of the images, if not the file's")
    parser.add_argument("--out-dir", metavar="DIR", help="draw the numbers of each split into it")
    parser.add_argument(
        "--image",
        metavar="FILE",
        help="draw this image beside the co-occurrence graph of its labels, too (--out-dir)",
    )
    parser.add_argument("--json", action="store_true", help="print all numbers as JSON")
    return parser


def run(args: argparse.Namespace) -> None:
    """Counts."""
    if args.image and not args.out_dir:
        raise ValueError(f"--image {args.image} needs --out-dir DIR, where its picture goes")
    splits = _splits(args.source, args.images)
    counted = {split.name: _count(split, splits[0]) for split in splits}
    if args.json:
        print(json.dumps({name: stats.to_dict() for name, stats in counted.items()}))
    else:
        for name, stats in counted.items():
            _print(name, stats)
    if args.out_dir:
        _draw(args.out_dir, args.image, splits, counted, quiet=args.json)


def _splits(source: str, images: str | None) -> list[DataSplit]:
    if is_config(source):
        with redirect_stdout(sys.stderr):  # MMEngine's logger
            splits = splits_of_config(load_config(source))
    else:
        splits = [split_of_file("all", source, images)]
    for split in splits:
        if split.problems:
            raise ValueError(
                f"{split.problems[0].message} (problem 1 of {len(split.problems)}; `mmsrdl data "
                "check` names all)"
            )
    return splits


def _count(split: DataSplit, first: DataSplit) -> LabelStatistics:
    classes = split.classes or first.classes or first.annotations.found_classes()
    return label_statistics(annotation_targets(split.annotations, classes), classes)


def _print(name: str, stats: LabelStatistics) -> None:
    table = Table(title=f"{name}: {stats.num_images:,} images, {len(stats.classes)} classes")
    for column, justify in (("class", "left"), ("images", "right"), ("share", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("most often with, P(that | class)")
    chance = stats.conditional.copy()
    np.fill_diagonal(chance, 0)
    for index in np.argsort(-stats.positives, kind="stable"):
        best = int(chance[index].argmax())
        share = chance[index, best]
        partner = f"{stats.classes[best]} {share:.2f}" if share else ""
        table.add_row(
            stats.classes[index],
            f"{stats.positives[index]:,}",
            f"{stats.frequency[index]:.1%}",
            partner,
        )
    Console().print(table)
    sizes = ", ".join(f"{k}: {n:,}" for k, n in enumerate(stats.labels_per_image.tolist()) if n)
    print(
        f"labels an image: {stats.cardinality:.2f} on average, density {stats.density:.3f}; "
        f"images by number of labels: {sizes}\n"
        f"most frequent class over rarest: {stats.imbalance:.1f}; images without labels: "
        f"{stats.images_without_labels:,}; unknown labels: {stats.unknown.sum():,} "
        f"({stats.unknown_share:.1%})"
    )


def _draw(
    folder: str,
    image: str | None,
    splits: list[DataSplit],
    counted: dict[str, LabelStatistics],
    quiet: bool,
) -> None:
    from mmsrdl.visualization import draw_label_graph, draw_label_statistics

    files = []
    for name, stats in counted.items():
        files.append(os.path.join(folder, f"labels_{name}.png"))
        counts = stats.positives, stats.conditional, stats.labels_per_image
        draw_label_statistics(stats.classes, *counts, files[-1])
    if image is not None:
        path, record = _find(image, splits)
        stats = counted[splits[0].name]  # the graph is the training set's
        shown = [stats.classes.index(name) for name in dict.fromkeys(record.labels)]
        stem = os.path.splitext(os.path.basename(path))[0]
        files.append(os.path.join(folder, f"graph_{stem}.png"))
        chance = stats.conditional[np.ix_(shown, shown)]
        draw_label_graph(path, [stats.classes[index] for index in shown], chance, files[-1])
    if not quiet:
        print("\n".join(files))


def _find(image: str, splits: list[DataSplit]) -> tuple[str, ImageRecord]:
    """Returns the file and the record of an image, given as a file or as annotations have it."""
    wanted = os.path.realpath(image)
    for split in splits:
        for record in split.annotations.records:
            path = split.path_of(record)
            if image == record.path or wanted == os.path.realpath(path):
                if not record.labels:
                    raise ValueError(f"--image {image} has no label to draw; take another image")
                return path, record
    files = ", ".join(split.annotations.source for split in splits)
    raise ValueError(f"--image {image} is no image of {files}; give it as they name it")
