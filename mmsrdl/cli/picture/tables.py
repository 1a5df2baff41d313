"""Writes the paper's Tables 1, 2, 4, 5, 6 and Figure 6, our figures beside its own.

Ours are read from work directories. A run stands in the row of the system that its config builds,
whatever its folder is called; what is not run stays empty. Table 3 holds inference times, which no
work directory knows: `python -m benchmarks.head_overhead` measures times.
"""

import argparse

from mmsrdl.cli.common import make_parser as make_plain_parser
from mmsrdl.paper_tables import write_tables

EXAMPLES = """\
  mmsrdl picture tables work_dirs --out tables
  mmsrdl picture tables work_dirs/srdl_r101_* --row "Ours CAR=runs/car_seed0"
"""


def make_parser(prog: str) -> argparse.ArgumentParser:
    """Makes the action's parser."""
    parser = make_plain_parser(prog, __doc__, EXAMPLES)
    parser.add_argument(
        "work_dirs", nargs="*", help="work directories of train and test, or folders of them"
    )
    parser.add_argument("--out", default="tables", metavar="DIR", help="folder of the tables")
    parser.add_argument(
        "--row",
        action="append",
        default=[],
        type=row,
        metavar="ROW=DIR",
        help="the row that a work directory belongs to; may be given several times, also for one "
        "row (seeds), and then decides alone",
    )
    return parser


def row(text: str) -> tuple[str, str]:
    """Reads ``ROW=DIR``."""
    name, sign, folder = text.partition("=")
    if not (name and sign and folder):
        raise argparse.ArgumentTypeError(f"--row takes ROW=DIR, such as 'Ours=DIR', got {text!r}")
    return name.strip(), folder


def run(args: argparse.Namespace) -> None:
    """Writes."""
    for file in write_tables(args.work_dirs, args.out, args.row):
        print(file)
