"""Writes an annotation file in another format.

Formats: csv (path,labels[,unknown]), jsonl (an object a line), openmmlab (MMPretrain's json), coco
(instances json) and voc (folders). What a format cannot hold is said on stderr. COCO's ids are
numbered anew.
"""

import argparse
import sys
import warnings
from pathlib import Path

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.cli.common import track
from mmsrdl.datasets.class_names import read_class_names
from mmsrdl.datasets.formats import convert_annotations, copy_images, format_to_write
from mmsrdl.datasets.formats.files import READERS

EXAMPLES = """\
  mmsrdl data convert VOC2007/ImageSets/Main/train.txt train.csv --write-classes classes.txt
  mmsrdl data convert train.csv train.json --to coco --images photos --classes classes.txt
  mmsrdl data convert instances_val.json val.jsonl
  mmsrdl data convert all.jsonl VOCown --to voc --images photos --copy-images
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("source", metavar="IN", help="annotation file; of VOC a list or the folder")
    parser.add_argument("target", metavar="OUT", help="file to write; for voc a folder or a list")
    parser.add_argument(
        "--from", dest="source_format", choices=READERS, default="auto", help="format of IN"
    )
    parser.add_argument(
        "--to", dest="target_format", choices=READERS, default="auto", help="format of OUT"
    )
    parser.add_argument(
        "--images", metavar="DIR", help="folder that the paths are below, where it is not IN's"
    )
    parser.add_argument(
        "--classes", metavar="FILE", help="class names in order, one a line, where IN lists none"
    )
    parser.add_argument("--write-classes", metavar="FILE", help="write the class names, one a line")
    parser.add_argument(
        "--copy-images", action="store_true", help="copy the images into VOC's JPEGImages"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    return parser


def run(args: argparse.Namespace) -> None:
    """Converts."""
    to = args.target_format if args.target_format != "auto" else format_to_write(args.target)
    if args.copy_images and to != "voc":
        raise ValueError(f"--copy-images is for voc, not for {to}; leave it out, or give --to voc")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        annotations = convert_annotations(
            args.source,
            args.target,
            args.source_format,
            to,
            args.images,
            read_class_names(args.classes) if args.classes else None,
            args.overwrite,
            lambda paths: track(paths, "reading sizes"),
        )
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)
    classes = annotations.found_classes()
    print(f"{args.target}: {len(annotations.records)} images, {len(classes)} classes, {to}")
    if args.write_classes:
        Path(args.write_classes).write_text("".join(f"{name}\n" for name in classes), "utf-8")
        print(f"{args.write_classes}: the class names")
    folder = annotations.images
    if args.copy_images:
        folder = copy_images(
            annotations, args.target, args.overwrite, lambda pairs: track(pairs, "copying images")
        )
    elif to == "voc":
        print("Images were not copied: VOC expects them in JPEGImages, or --copy-images")
    print(f"The images' paths are below {folder}")
