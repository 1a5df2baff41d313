"""Runs all studies of SRDL's claims: what is missing of them, and a report of what there is."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.claims.report import write_report
from experiments.claims.steps import COCO, STUDIES, VOC, Sources, Step, steps_of

EXAMPLES = """\
examples:
  python -m experiments.claims small --voc VOCdevkit/VOC2007 --coco data/coco \\
      --weights tf_efficientnet_lite0.pth --word-vectors glove.6B.300d.txt
  python -m experiments.claims full --voc VOCdevkit/VOC2007 --coco data/coco \\
      --word-vectors glove.6B.300d.txt --processes 8 --dry-run
"""


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.claims",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "study", choices=STUDIES, help="small: frozen maps and 192 px; full: the paper's tables"
    )
    parser.add_argument("--voc", metavar="DIR", help="VOC2007; without it its steps are left out")
    parser.add_argument("--coco", metavar="DIR", help="MS-COCO 2014, likewise")
    parser.add_argument("--weights", metavar="FILE", help="ImageNet weights of the backbone")
    parser.add_argument(
        "--word-vectors", nargs="+", default=[], metavar="FILE",
        help="one for both data sets, or VOC's and COCO's",
    )  # fmt: skip
    for data in ("voc", "coco"):
        parser.add_argument(
            f"--{data}-options", nargs="+", default=[], metavar="KEY=VALUE",
            help="settings of its configs of photographs, such as other splits",
        )  # fmt: skip
    parser.add_argument("--out", default="work_dirs/claims", metavar="DIR", help="of all results")
    parser.add_argument("--steps", nargs="+", metavar="NAME", help="of the steps; default: all")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time (default 2)")
    parser.add_argument("--dry-run", action="store_true", help="say what is missing, run nothing")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Runs what is missing.

    Args:
        words: The command line; that of the process by default.

    Returns:
        0, or 1 if a step failed. Mistakes of the user end the process with 2.
    """
    parser = make_parser()
    args = parser.parse_args(words)
    try:
        return _run(args)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        return parser.exit(2, f"{parser.prog}: error: {error}\n")


def _run(args: argparse.Namespace) -> int:
    out = Path(args.out)
    steps = steps_of(args.study, _sources(args, out))
    chosen = _choose(steps, args.steps)
    worst = 0
    for step in chosen:
        print(f"\n== {step.name}", flush=True)
        worst = max(worst, _run_step(step, args.dry_run))
        if not args.dry_run:
            write_report(steps, out)
    if not args.dry_run:
        print(f"\nreport: {out / 'report.md'}")
    return worst


def _run_step(step: Step, dry_run: bool) -> int:
    """Runs a step; what ends it, such as missing data, does not end those after it."""
    try:
        return step.run(dry_run)
    except SystemExit as error:  # its command has said why
        code = error.code
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        code = f"{type(error).__name__}: {error}"
    print(f"failed: {step.name} ({code})", file=sys.stderr, flush=True)
    return 1


def _sources(args: argparse.Namespace, out: Path) -> Sources:
    """Checks what was given.

    Raises:
        ValueError: If there is no data set, word vectors are of none, or a setting has no value.
    """
    roots = {VOC: args.voc, COCO: args.coco}
    if not any(roots.values()):
        raise ValueError("--voc and --coco are both missing; name a folder of one at least")
    if len(args.word_vectors) > 2:
        raise ValueError(
            f"--word-vectors {' '.join(args.word_vectors)}: give one file, or VOC's and COCO's"
        )
    vectors = args.word_vectors * (2 if len(args.word_vectors) == 1 else 1)
    options = {VOC: args.voc_options, COCO: args.coco_options}
    for word in (word for words in options.values() for word in words):
        if "=" not in word:
            raise ValueError(
                f"--voc-options and --coco-options: {word} must be KEY=VALUE, such as "
                "train_dataloader.dataset.split=train"
            )
    return Sources(
        out=out,
        roots={data: root for data, root in roots.items() if root},
        settings={data: words for data, words in options.items() if words},
        vectors=dict(zip((VOC, COCO), vectors, strict=False)),
        weights=args.weights,
        processes=args.processes,
    )


def _choose(steps: Sequence[Step], names: Sequence[str] | None) -> list[Step]:
    """Returns the steps of some names, in their order.

    Raises:
        ValueError: If a name is none of a step's.
    """
    known = [step.name for step in steps]
    strangers = [name for name in names or () if name not in known]
    if strangers:
        raise ValueError(f"--steps {' '.join(strangers)}: the steps are {', '.join(known)}")
    return [step for step in steps if names is None or step.name in names]


if __name__ == "__main__":
    raise SystemExit(main())
