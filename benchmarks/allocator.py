"""Times a training step on a CPU with and without :func:`mmsrdl.allocator.keep_freed_memory`."""

import argparse
import time

from benchmarks.harness import (
    Row,
    make_parser,
    peak_memory,
    prepare,
    print_result,
    report,
    run_child,
    summarise,
)
from benchmarks.systems import build
from mmsrdl.allocator import keep_freed_memory

GIB = 1 << 30
CHILDREN = {"as it is": "default", "keep_freed_memory": "keep"}


def parse_args(words: list[str] | None = None) -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser("allocator", __doc__)
    parser.add_argument(
        "--heads", nargs="+", default=("car_lite0_voc07", "car+oe"),
        help="names of systems.py, or configs",
    )  # fmt: skip
    parser.add_argument("--batches", nargs="+", type=int, default=(32, 4), help="B of each")
    parser.add_argument("--sizes", nargs="+", type=int, default=(192, 448), help="pixels of each")
    parser.add_argument("--steps", type=int, default=4, help="timed steps (default 4)")
    parser.add_argument("--child", choices=CHILDREN.values(), help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    if not len(args.heads) == len(args.batches) == len(args.sizes):
        parser.error("--heads, --batches and --sizes must be as many")
    return args


def main() -> None:
    """Runs the benchmark: processes with and without in turn, in as many rounds as asked."""
    args = parse_args()
    device = prepare(args)
    if args.child:
        measure(args)
        return
    rows = []
    for head, batch, size in zip(args.heads, args.batches, args.sizes, strict=True):
        rows += rows_of(args, head, batch, size)
    title = (
        "Processor time of a training step in processes of their own, the mean of "
        f"{args.steps} after the first"
    )
    report(title, rows, args.json, args.seed, device)


def rows_of(args: argparse.Namespace, head: str, batch: int, size: int) -> list[Row]:
    """Measures one setting."""
    found: dict[str, list[dict]] = {name: [] for name in CHILDREN}
    words = ["--heads", head, "--batches", str(batch), "--sizes", str(size)]
    words += ["--steps", str(args.steps), "--threads", str(args.threads), "--seed", str(args.seed)]
    for _ in range(args.rounds):
        for name, child in CHILDREN.items():
            found[name].append(run_child("benchmarks.allocator", [*words, "--child", child]))
    rows: list[Row] = []
    baseline = [each["seconds"] for each in found["as it is"]]
    for name, each in found.items():
        timing = summarise([one["seconds"] for one in each], baseline)
        rows.append(
            {
                "system": f"{head}, {size} px, batch {batch}",
                "allocator": name,
                "seconds": timing.seconds,
                "time": timing.ratio,
                "low": timing.low,
                "high": timing.high,
                "peak GiB": max(one["peak"] for one in each) / GIB,
            }
        )
    return rows


def measure(args: argparse.Namespace) -> None:
    """Times the steps of one process; seconds are those of the processor, as others wait, too."""
    if args.child == "keep" and not keep_freed_memory():
        raise RuntimeError("the allocator is not glibc's, or the environment has settings of it")
    (head,), (batch,), (size,) = args.heads, args.batches, args.sizes
    system = build(head, batch, size, 80, seed=args.seed)
    system.train_step()
    start = time.process_time()
    for _ in range(args.steps):
        system.train_step()
    print_result(seconds=(time.process_time() - start) / args.steps, peak=peak_memory())


if __name__ == "__main__":
    main()
