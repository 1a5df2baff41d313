"""Computes the figures of kept scores, without the model, under one or several papers' protocols.

Papers differ in the kind of AP, the threshold, what difficult objects and images without a label
are, the top-3 rule and CF1, so a figure means something only beside its protocol.
"""

import argparse
import json
from dataclasses import replace
from typing import Any

from rich.console import Console

from mmsrdl.cli.common import make_parser as make_common_parser
from mmsrdl.evaluation import PROTOCOLS, Protocol, ScoresFile
from mmsrdl.evaluation.metrics.table import protocol_table
from mmsrdl.evaluation.protocols import (
    get_protocols,
    hidden_warning,
    images_without_label,
    unknown_entries,
    unknown_warning,
)

EXAMPLES = """\
  mmsrdl test my_config.py best.pth --out scores.npz
  mmsrdl evaluate scores.npz
  mmsrdl evaluate scores.npz --protocol paper ssgrl --json
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the command's parser."""
    parser = make_common_parser(prog, __doc__, EXAMPLES)
    parser.add_argument("scores", help="file of `mmsrdl test --out`")
    parser.add_argument(
        "--protocol",
        nargs="+",
        choices=PROTOCOLS,
        default=list(PROTOCOLS),
        metavar="NAME",
        help="some of %(choices)s; default: all",
    )
    parser.add_argument(
        "--topk", type=int, default=3, metavar="K", help="of the top-k figures, default 3; 0: none"
    )
    parser.add_argument(
        "--difficult",
        action="store_true",
        help="take all labels of -1 for difficult objects (VOC), which some protocols count: for "
        "files without that mark. Unknown labels are left out under every protocol",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def run(args: argparse.Namespace) -> None:
    """Evaluates and reports."""
    protocols = get_protocols(args.protocol)
    file = ScoresFile.load(args.scores)
    if args.difficult:
        file = replace(file, difficult=file.targets == -1)
    if not (file.targets == 1).any():
        raise ValueError(f"scores='{args.scores}' has no positive label, so no figure is defined")
    topk = args.topk or None
    figures = {
        protocol.name: protocol.figures(file.scores, file.targets, file.difficult, topk)
        for protocol in protocols
    }
    if args.json:
        print(json.dumps(_document(args.scores, file, protocols, figures), indent=2))
    else:
        _report(args, file, protocols, figures)


def _counts(file: ScoresFile) -> dict[str, int]:
    """What protocols differ on: of the images and entries of a file."""
    difficult, unknown = unknown_entries(file.targets, file.difficult)
    return {
        "images": len(file.targets),
        "images_without_label": images_without_label(file.targets),
        "classes": len(file.names),
        "classes_with_positives": int((file.targets == 1).any(0).count_nonzero()),
        "difficult_entries": difficult,
        "unknown_entries": unknown,
    }


def _document(
    scores: str,
    file: ScoresFile,
    protocols: tuple[Protocol, ...],
    figures: dict[str, dict[str, float]],
) -> dict[str, Any]:
    """What --json prints; figures in percent."""
    return {
        "scores": scores,
        **_counts(file),
        "protocols": {
            protocol.name: {
                "source": protocol.source,
                "open": protocol.open,
                "settings": protocol.settings(),
                "figures": figures[protocol.name],
            }
            for protocol in protocols
        },
        "remarks": _remarks(file, protocols),
    }


def _remarks(file: ScoresFile, protocols: tuple[Protocol, ...]) -> list[str]:
    """What a reader of the figures should know."""
    warnings = [unknown_warning(protocol, file.targets, file.difficult) for protocol in protocols]
    remarks = [f"{warning} (--difficult if they are)" for warning in warnings if warning]
    judged = protocols[0].judge(file.scores, file.targets, file.difficult)
    ap = protocols[0].average_precision(judged)
    if warning := hidden_warning(file.names, ap, judged.ap_targets):
        remarks.append(warning)
    kept = [protocol.name for protocol in protocols if protocol.empties == "kept"]
    if kept and not images_without_label(file.targets):
        remarks.append(
            f"protocol {', '.join(kept)} counts images without a label, and the file has none: if "
            "the data set dropped any (COCO's filter_empty=True), the figures are of fewer images"
        )
    return remarks


def _report(
    args: argparse.Namespace,
    file: ScoresFile,
    protocols: tuple[Protocol, ...],
    figures: dict[str, dict[str, float]],
) -> None:
    """Prints the table and what a reader of it should know."""
    counts = _counts(file)
    console = Console(markup=False, emoji=False, highlight=False)
    lines = [
        f"{args.scores}: {counts['images']} images, {counts['images_without_label']} of them "
        f"without a label; {counts['classes']} classes, {counts['classes_with_positives']} with "
        f"positives; {counts['difficult_entries']} difficult and {counts['unknown_entries']} "
        "unknown entries",
        protocol_table(figures, args.topk or None),
        *(protocol.describe() for protocol in protocols),
        *_remarks(file, protocols),
    ]
    for line in lines:
        console.print(line, soft_wrap=True)
