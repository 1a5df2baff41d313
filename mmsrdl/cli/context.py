"""Says how far kept scores lean on context: AP of a class with and without its usual companions.

Also of rare classes, of images with few and many labels and, given boxes, of small and large
objects. All is AP at one number of positives, so that groups can be compared (docs/context.md).
Several files of scores are runs of one system on the same images, such as seeds, and are averaged.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import Any

import torch
from mmengine.registry import DefaultScope
from rich.console import Console

from mmsrdl.apis import load_config
from mmsrdl.cli.common import is_config
from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.datasets.class_names import first_difference
from mmsrdl.datasets.formats import read_annotations
from mmsrdl.datasets.object_areas import object_areas
from mmsrdl.datasets.statistics import LabelStatistics, config_statistics, file_statistics
from mmsrdl.evaluation import (
    CompanionRule,
    ContextFigures,
    ScoresFile,
    context_figures,
    mean_context_figures,
)
from mmsrdl.evaluation.functional.context import COCO_AREAS
from mmsrdl.evaluation.metrics.context_table import (
    comparison_table,
    context_class_table,
    context_figures_dict,
    context_text,
)

EXAMPLES = """\
  mmsrdl test my_config.py best.pth --out scores.npz
  mmsrdl context scores.npz --train my_config.py
  mmsrdl context srdl_0.npz srdl_1.npz --against gmp_0.npz gmp_1.npz --train train.csv
  mmsrdl context scores.npz --train train.csv --boxes instances_val.json --out context.png
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", nargs="+", help="files of `mmsrdl test --out`, of one system")
    parser.add_argument(
        "--train",
        required=True,
        metavar="CONFIG_OR_FILE",
        help="where the training labels are: a config, a model's name, or an annotation file",
    )
    parser.add_argument("--data-root", metavar="DIR", help="folder of the config's data sets")
    parser.add_argument(
        "--against",
        nargs="+",
        metavar="SCORES",
        help="files of another system on the same images: adds the difference to it",
    )
    parser.add_argument(
        "--names",
        nargs=2,
        default=("this", "other"),
        metavar="NAME",
        help="what the system and that of --against are called",
    )
    parser.add_argument(
        "--boxes", metavar="FILE", help="annotation file with boxes of the scored images, for sizes"
    )
    parser.add_argument(
        "--area-bounds",
        type=float,
        nargs=2,
        default=COCO_AREAS,
        metavar="SHARE",
        help="from which shares of the image an object is medium, and large; default COCO's, "
        "1/300 and 3/100",
    )
    parser.add_argument(
        "--rarity-bounds",
        type=int,
        nargs=2,
        metavar="IMAGES",
        help="from how many training images a class is medium, and frequent; default: thirds",
    )
    parser.add_argument(
        "--min-probability",
        type=float,
        default=0.2,
        metavar="P",
        help="class j is a usual companion of c where P(j | c) >= P in training, default 0.2, and",
    )
    parser.add_argument(
        "--min-lift", type=float, default=1.0, metavar="L", help="P(j | c) / P(j) > L, default 1"
    )
    parser.add_argument(
        "--min-positives",
        type=int,
        default=10,
        metavar="N",
        help="a class counts in a group where it has so many positives, default 10",
    )
    parser.add_argument(
        "--min-negatives",
        type=int,
        default=100,
        metavar="N",
        help="and among false alarms where each group has so many negatives, default 100",
    )
    parser.add_argument(
        "--bootstrap", type=int, default=1000, metavar="B", help="replicates, default 1000; 0: none"
    )
    parser.add_argument("--per-class", action="store_true", help="print the classes, too")
    parser.add_argument("--out", metavar="PNG", help="draw the figures")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(args: argparse.Namespace) -> None:
    """Measures and reports."""
    files = [ScoresFile.load(path) for path in args.scores]
    others = [ScoresFile.load(path) for path in args.against or ()]
    _check_alike([*args.scores, *(args.against or ())], [*files, *others])
    names, rule = files[0].names, CompanionRule(args.min_probability, args.min_lift)
    options: dict[str, Any] = dict(
        training=_training(args, names),
        rule=rule,
        areas=_areas(args, files[0]),
        area_bounds=tuple(args.area_bounds),
        rarity_bounds=None if args.rarity_bounds is None else tuple(args.rarity_bounds),
        min_positives=args.min_positives,
        min_negatives=args.min_negatives,
        replicates=args.bootstrap,
    )
    systems = {args.names[0]: _measure(files, options)}
    if others:
        systems[args.names[1]] = _measure(others, options)
    if args.out is not None:
        from mmsrdl.visualization import draw_context

        draw_context(list(systems.values()), list(systems), args.out)
    if args.json:
        document = {name: context_figures_dict(found) for name, found in systems.items()}
        print(json.dumps({"companions": rule.describe(), "systems": document}, indent=2))
    else:
        _report(args, systems, names, rule)


def _report(
    args: argparse.Namespace,
    systems: dict[str, ContextFigures],
    names: Sequence[str],
    rule: CompanionRule,
) -> None:
    """Prints the tables."""
    first, *rest = systems.values()
    lines = [context_text(first, names, rule, args.min_positives, args.min_negatives)]
    if args.per_class:
        lines.append(context_class_table(first, names))
    if rest:
        lines.append(comparison_table(first, rest[0], args.names))
    if args.out is not None:
        lines.append(args.out)
    console = Console(markup=False, emoji=False, highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)


def _measure(files: Sequence[ScoresFile], options: dict[str, Any]) -> ContextFigures:
    """Averages the figures of runs."""
    return mean_context_figures(
        [context_figures(file.scores, file.targets, **options) for file in files]
    )


def _check_alike(paths: Sequence[str], files: Sequence[ScoresFile]) -> None:
    """Refuses scores of other classes or images than the first file's."""
    first = files[0]
    for path, file in zip(paths, files, strict=True):
        if file.names != first.names:
            raise ValueError(
                f"scores='{path}' has other classes than '{paths[0]}': "
                f"{first_difference(file.names, first.names)}; score the same classes in all"
            )
        if not torch.equal(file.targets, first.targets) or file.img_path != first.img_path:
            raise ValueError(
                f"scores='{path}' is of other images or labels than '{paths[0]}'; score the same "
                "images in all, in one order"
            )


def _training(args: argparse.Namespace, names: Sequence[str]) -> LabelStatistics:
    """Counts the training labels."""
    if not is_config(args.train):
        return file_statistics(args.train, names)
    with redirect_stdout(sys.stderr):  # MMEngine's logger
        cfg = load_config(args.train, data_root=args.data_root)
        loader = cfg.get("train_dataloader")
        if not loader:
            raise ValueError(f"--train {args.train} has no train_dataloader; give another config")
        with DefaultScope.overwrite_default_scope(cfg.get("default_scope") or "mmpretrain"):
            statistics = config_statistics(loader.dataset)
    if statistics.classes != tuple(names):
        raise ValueError(
            f"--train {args.train} has other classes than the scores: "
            f"{first_difference(statistics.classes, names)}; give the config they are from"
        )
    return statistics


def _areas(args: argparse.Namespace, file: ScoresFile) -> torch.Tensor | None:
    """Reads the sizes of the objects."""
    if args.boxes is None:
        return None
    if not file.img_path:
        raise ValueError(
            f"--boxes {args.boxes} belongs to images by their paths, which scores="
            f"'{args.scores[0]}' has not; let PackInputs pack img_path (meta_keys)"
        )
    return torch.from_numpy(object_areas(read_annotations(args.boxes), file.img_path, file.names))
