"""Chooses which labels of a training set are known, and keeps it in a file.

The draw is a function of the seed and of the names of images and classes: the same on every
machine. The file holds it with a hash of the labels, and is refused where they differ; it goes into
a config as train_dataloader.dataset=dict(type="mmsrdl.ObservedDataset", dataset=..., file=FILE).
Without --keep and --published, what the config says is counted; --p, --n and --seed change it.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from os.path import exists, expanduser
from typing import Any

import numpy as np
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from rich.console import Console
from rich.table import Table

from mmsrdl.apis import load_config
from mmsrdl.apis.config import datasets_of
from mmsrdl.apis.splits import whole_datasets_of
from mmsrdl.cli.common import KeyValues, is_config
from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.datasets.class_names import CLASS_LISTS, read_class_names
from mmsrdl.datasets.formats import read_annotations
from mmsrdl.datasets.observation import (
    Observation,
    ObservationStatistics,
    ObservedDataset,
    image_names,
    read_published,
    stored_labels,
)
from mmsrdl.datasets.observation.observation import KEEP

EXAMPLES = """\
  mmsrdl data observe my_config.py --keep one_positive --out one_positive.npz
  mmsrdl data observe train.csv --keep entries --p 0.1 --seed 1 --out known_10.npz
  mmsrdl data observe my_config.py --out obs.npz \\
      --published formatted_train_labels_obs.npy formatted_train_images.npy
"""

SETTINGS = ("keep", "p", "n", "seed")


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument(
        "source",
        metavar="CONFIG_OR_FILE",
        help="config, or a model's name, of its training set; or annotation file",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="npz to write; without it, labels are counted"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--keep", choices=KEEP, help="which labels are known")
    parser.add_argument("--p", type=float, help="probability that one is known (entries)")
    parser.add_argument("--n", type=int, help="known positives of an image (positives)")
    parser.add_argument("--seed", type=int, help="seed of the draw; 1200 by default")
    parser.add_argument(
        "--published",
        nargs=2,
        metavar=("LABELS", "IMAGES"),
        help="npy files of the single-positive literature, in place of a draw: known labels "
        "(1, -1; 0 is unknown) and names of images",
    )
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="classes of the columns of LABELS, if not in the data set's order: file of one name "
        "a line; coco; or voc",
    )
    parser.add_argument(
        "--classes", metavar="NAMES", help="classes of an annotation file that lists none, likewise"
    )
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument("--cfg-options", nargs="+", action=KeyValues, metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(args: argparse.Namespace) -> None:
    """Observes, writes and counts."""
    if args.out and not args.out.endswith(".npz"):
        raise ValueError(f"--out {args.out} must end in .npz")  # before all is read
    if args.out and exists(args.out) and not args.overwrite:
        raise ValueError(f"--out {args.out} exists; name another file, or give --overwrite")
    with redirect_stdout(sys.stderr):  # MMEngine's logger
        observation, statistics = _observe(args, *_training_set(args))
    if args.out:
        observation.save(args.out)
    if args.json:
        found = {"file": args.out, "settings": observation.settings, "source": observation.source}
        print(json.dumps({**found, **statistics.to_dict()}))
        return
    _print_table(statistics)
    if args.out:
        print(f"{args.out}: {_text_of(observation.settings)}; labels {observation.source[:16]}")


def _training_set(args: argparse.Namespace) -> tuple[dict, dict]:
    """Returns the config of the data set to observe, and what its config says to observe."""
    if is_config(args.source):
        if args.classes:
            raise ValueError(
                f"--classes {args.classes}: the config names the classes; leave it out"
            )
        cfg = load_config(args.source, data_root=args.data_root, cfg_options=args.cfg_options)
        sets = list(whole_datasets_of(cfg.train_dataloader.dataset))
        if len(sets) != 1:
            raise ValueError(
                f"{args.source} trains on {len(sets)} data sets; observe each by its annotation "
                "file, and give each an mmsrdl.ObservedDataset"
            )
        for inner in datasets_of(sets[0]):
            inner.pipeline = []  # no image is read
        return _without_observation(sets[0].to_dict())
    if args.data_root or args.cfg_options:
        raise ValueError("--data-root and --cfg-options are for configs; leave them out")
    dataset: dict[str, Any] = dict(type="mmsrdl.MultiLabelDataset", ann_file=args.source)
    names = _names(args.classes) or read_annotations(args.source).found_classes()
    return {**dataset, "metainfo": {"classes": names}, "pipeline": []}, {}


def _without_observation(cfg: dict) -> tuple[dict, dict]:
    """Takes an ObservedDataset out of nested wrappers, and returns its settings."""
    if str(cfg["type"]).endswith("ObservedDataset"):
        settings = {key: cfg.get(key) for key in (*SETTINGS, "file")}
        return cfg["dataset"], {k: v for k, v in settings.items() if v is not None}
    if "dataset" not in cfg:
        return cfg, {}
    inner, settings = _without_observation(cfg["dataset"])
    return {**cfg, "dataset": inner}, settings


def _observe(
    args: argparse.Namespace, dataset: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[Observation, ObservationStatistics]:
    given = {key: getattr(args, key) for key in SETTINGS if getattr(args, key) is not None}
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        if not args.published:
            if args.columns:
                raise ValueError(f"--columns {args.columns} needs --published LABELS IMAGES")
            wanted = given if args.keep else {**settings, **given}
            if not {"keep", "file"} & wanted.keys():
                raise ValueError(f"--keep must be given, one of {', '.join(KEEP)}; or --published")
            observed = ObservedDataset(dataset, **wanted)
            return observed.observation, observed.statistics
        if given:
            raise ValueError(
                f"--published says which labels are known; leave out {_text_of(given)}"
            )
        built = DATASETS.build(dataset)
    labels, classes = stored_labels(built), built.metainfo["classes"]
    images, (observed, listed) = image_names(built), args.published
    columns = _names(args.columns)
    observation = read_published(observed, listed, labels, images, classes, columns)
    return observation, observation.statistics(labels)


def _names(names: str | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    return CLASS_LISTS.get(names) or tuple(read_class_names(expanduser(names)))


def _text_of(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def _print_table(statistics: ObservationStatistics) -> None:
    table = Table(title=f"{statistics.num_images:,} images, {len(statistics.classes)} classes")
    table.add_column("class")
    for column in ("positive", "known", "share", "negative", "known", "share"):
        table.add_column(column, justify="right")
    for index in np.argsort(-statistics.positives, kind="stable"):
        cells = [statistics.classes[index]]
        for count, known in (
            (statistics.positives[index], statistics.known_positives[index]),
            (statistics.negatives[index], statistics.known_negatives[index]),
        ):
            cells += [f"{count:,}", f"{known:,}", f"{known / max(1, count):.1%}"]
        table.add_row(*cells)
    Console().print(table)
    print(statistics)
