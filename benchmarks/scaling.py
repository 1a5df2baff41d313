"""What one step costs as the number of classes and the size of the image grow.

80 classes are COCO's, 9,605 are those of Open Images that have positives.
"""

import argparse
import time

from benchmarks.harness import (
    make_parser,
    peak_memory,
    prepare,
    print_result,
    report,
    run_child,
    synchronise,
)
from benchmarks.systems import build

GIB = 1 << 30


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser("scaling", __doc__)
    parser.add_argument("--head", default="car+oe", help="name of systems.py, or config")
    parser.add_argument("--classes", nargs="+", type=int, default=(20, 80, 1000, 9605))
    parser.add_argument("--sizes", nargs="+", type=int, default=(224, 448, 576))
    parser.add_argument("--batch", type=int, default=4, help="B (default 4)")
    parser.add_argument("--dtype", default="fp32", help="fp32 (default), bf16 or fp16")
    parser.add_argument("--steps", type=int, default=3, help="timed steps (default 3)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main() -> None:
    """Measures every number of classes at 448 px, and every size with 80 classes."""
    args = parse()
    device = prepare(args)
    if args.child:
        measure(args)
        return
    settings = [(classes, 448) for classes in args.classes]
    settings += [(80, size) for size in args.sizes if (80, size) not in settings]
    rows = []
    for classes, size in settings:
        row: dict = dict(classes=classes, size=size)
        for name in ("linear", args.head):
            found = child(args, name, classes, size)
            row |= {
                f"{name} infer ms": found["infer"] * 1e3,
                f"{name} train ms": found["train"] * 1e3,
            }
            row |= {f"{name} peak GiB": found["peak"] / GIB}
        rows.append(row)
    title = (
        f"One step of ResNet-101 with batch {args.batch}, {args.dtype}: fastest of {args.steps}; "
        "peak of the training, on a CPU of the whole process"
    )
    report(title, rows, args.json, args.seed, device)


def child(args: argparse.Namespace, head: str, classes: int, size: int) -> dict:
    """Measures one setting in a process of its own."""
    options = ["--child", "--head", head, "--classes", str(classes), "--sizes", str(size)]
    options += ["--batch", str(args.batch), "--dtype", args.dtype, "--steps", str(args.steps)]
    options += ["--device", args.device, "--threads", str(args.threads), "--seed", str(args.seed)]
    return run_child("benchmarks.scaling", options)


def measure(args: argparse.Namespace) -> None:
    """Times inference and training of one setting."""
    device = prepare(args)
    (classes,), (size,) = args.classes, args.sizes
    system = build(args.head, args.batch, size, classes, args.dtype, device=device, seed=args.seed)
    fastest = {}
    for mode in ("inference", "training"):
        call, times = system.call(mode), []
        for _ in range(args.steps + 1):  # the first is not counted
            synchronise(device)
            start = time.perf_counter()
            call()
            synchronise(device)
            times.append(time.perf_counter() - start)
        fastest[mode] = min(times[1:])
    print_result(infer=fastest["inference"], train=fastest["training"], peak=peak_memory(device))


if __name__ == "__main__":
    main()
