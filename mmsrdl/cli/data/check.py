"""Reads every label and every image, and reports what would go wrong in training.

Errors make training fail or its figures wrong: missing, empty and damaged files, labels outside the
classes, classes without a training image, one image in two splits. Warnings are probably not meant:
images that stand twice, class names that differ in case alone. The exit code is 1 where there are
errors.
"""

import argparse
import json
import sys
from collections import Counter
from contextlib import redirect_stdout

from rich.console import Console
from rich.text import Text

from mmsrdl.apis import load_config
from mmsrdl.apis.splits import loader_of_config, splits_of_config
from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.cli.common import track
from mmsrdl.datasets.check import check_data
from mmsrdl.datasets.class_names import read_class_names
from mmsrdl.datasets.findings import LEVELS, DataReport, Finding
from mmsrdl.datasets.splits import split_of_file

EXAMPLES = """\
  mmsrdl data check my_config.py
  mmsrdl data check --train train.csv --val val.csv --images photos
  mmsrdl data check --train train.json --json > report.json
"""

STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}
SHOWN = 10
"""Findings of one kind that are printed without --all."""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("config", nargs="?", help="config file; or give --train and --val")
    for name in ("train", "val", "test"):
        parser.add_argument(f"--{name}", metavar="FILE", help=f"annotation file of {name}")
    parser.add_argument("--images", metavar="DIR", help="folder of the images, if not the file's")
    parser.add_argument(
        "--classes", metavar="FILE", help="class names, one a line; else those of the first split"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="threads that decode images")
    parser.add_argument("--all", action="store_true", help="print all findings, not 10 of a kind")
    parser.add_argument("--json", action="store_true", help="print all findings as JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Checks."""
    files = {name: getattr(args, name) for name in ("train", "val", "test") if getattr(args, name)}
    if bool(args.config) == bool(files):
        raise ValueError(
            "give a config, or annotation files with --train, --val or --test, and not both"
        )
    load = None
    if args.config:
        if args.images:
            raise ValueError(f"--images {args.images}: a config says where its images are")
        cfg = load_config(args.config)
        with redirect_stdout(sys.stderr):  # MMEngine's logger
            splits, load = splits_of_config(cfg), loader_of_config(cfg)
    else:
        splits = [split_of_file(name, path, args.images) for name, path in files.items()]
    classes = read_class_names(args.classes) if args.classes else None
    report = check_data(
        splits,
        load,
        classes,
        args.workers,
        lambda found, total: track(found, "reading images", total),
    )
    if args.json:
        print(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        print_report(report, None if args.all else SHOWN)
    return int(report.count("error") > 0)


def print_report(report: DataReport, shown: int | None) -> None:
    """Prints the findings, and how many there are.

    Args:
        report: What was found.
        shown: Findings of one kind that are printed; None for all.
    """
    console = Console(soft_wrap=True, highlight=False)
    kinds = Counter(finding.kind for finding in report.findings)
    seen: Counter[str] = Counter()
    for finding in report.findings:
        seen[finding.kind] += 1
        if shown is None or seen[finding.kind] <= shown:
            console.print(_line(finding))
        elif seen[finding.kind] == kinds[finding.kind]:
            rest = kinds[finding.kind] - shown
            console.print(Text(f"{finding.level} [{finding.kind}] and {rest} more: --all"))
    images = ", ".join(f"{count:,} of {name}" for name, count in report.images.items())
    counts = ", ".join(f"{report.count(level)} {level}s" for level in LEVELS)
    console.print(Text(f"{images}; {len(report.classes)} classes: {counts}"))
    sys.stdout.flush()


def _line(finding: Finding) -> Text:
    place = finding.file + (f":{finding.line}" if finding.line else "")
    where = ": ".join(part for part in (finding.split, place) if part)
    text = Text(finding.level, style=STYLES[finding.level])
    text.append(f" [{finding.kind}] ", style="bold")
    return text.append((f"{where}: " if where else "") + finding.message, style="default")
