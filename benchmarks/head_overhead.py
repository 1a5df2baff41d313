"""What a head costs on top of the same backbone under a linear layer.

Parameters, multiply-adds, time and peak memory, of SRDL and of the systems it is compared with.

The paper's Table 3 has 32.58 ms for SRDL and 31.54 ms for plain ResNet-101: a ratio of 1.033.
"""

import argparse
from functools import partial

import torch

from benchmarks.complexity import count_macs, count_parameters
from benchmarks.harness import (
    compare,
    make_parser,
    peak_memory,
    prepare,
    print_result,
    report,
    run_child,
)
from benchmarks.systems import DTYPES, System, build, is_plain

HEADS = (
    "linear", "linear-gap", "asl", "csra", "mlgcn", "pgcn", "dsdl", "sam", "addgcn", "sd", "ssgrl",
    "mldecoder", "q2l", "mcar-global", "mcar", "car-plain", "car", "car+oe",
)  # fmt: skip
MODES = ("inference", "training")
FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
GIB = 1 << 30


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser("head_overhead", __doc__)
    parser.add_argument(
        "--heads", nargs="+", default=HEADS, help="names or configs; see systems.py"
    )
    parser.add_argument(
        "--baseline", default="linear", help="head whose time is 1 (default linear)"
    )
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--batch", nargs="+", type=int, default=(1, 4, 16))
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=("fp32", "bf16"))
    parser.add_argument("--size", type=int, default=448, help="pixels a side (default 448)")
    parser.add_argument("--classes", type=int, default=80, help="C (default 80)")
    parser.add_argument("--format", choices=(*FORMATS, "faster"), default="faster")
    parser.add_argument("--graphs", action="store_true", help="CUDA graphs too, for inference")
    parser.add_argument("--no-memory", action="store_true", help="leave the peak memory out")
    parser.add_argument("--child", metavar="HEAD", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.child is None and args.baseline not in args.heads:
        parser.error(f"--heads must hold {args.baseline!r}, the baseline")
    return args


def main() -> None:
    """Measures, and prints a table of ratios to the linear head of the same run."""
    args = parse()
    device = prepare(args)
    if args.child is not None:
        measure_memory(args, device)
        return
    rows = []
    for mode in args.modes:
        for dtype in args.dtype:
            for batch in args.batch:
                rows += measure(args, device, mode, dtype, batch)
    title = (
        f"Heads on ResNet-101 at {args.size} px, {args.classes} classes; ratios to "
        f"{args.baseline!r} (the paper's Table 3: inference 1.033)"
    )
    report(title, rows, args.json, args.seed, device)


def heads_of(args: argparse.Namespace, mode: str, batch: int) -> list[str]:
    """The heads that run, and that differ, in this mode.

    At inference there is no erasing; ADD-GCN's batch normalisation does not train on one image.
    """
    if mode == "inference":
        return [head for head in args.heads if "+oe" not in head]
    return [head for head in args.heads if head != "addgcn" or batch > 1]


def measure(
    args: argparse.Namespace, device: torch.device, mode: str, dtype: str, batch: int
) -> list[dict]:
    """Rows of one mode, type and batch size."""
    make = partial(
        build,
        batch=batch,
        size=args.size,
        num_classes=args.classes,
        dtype=dtype,
        device=device,
        seed=args.seed,
    )
    layout = args.format if args.format != "faster" else faster_format(args, device, mode, make)
    systems = {
        head: make(head, memory_format=FORMATS[layout]) for head in heads_of(args, mode, batch)
    }
    sizes = {head: size_of(system) for head, system in systems.items()}
    calls = {head: system.call(mode) for head, system in systems.items()}
    tables = {mode: compare(calls, args.baseline, args.rounds, device=device)}
    if args.graphs and mode == "inference" and device.type == "cuda":
        # The plain form's large tensors would stay in its graph's own memory.
        captured = {h: s.captured() for h, s in systems.items() if not is_plain(h)}
        tables["inference, CUDA graph"] = compare(
            captured, args.baseline, args.rounds, device=device
        )
    del systems, calls
    peaks = {} if args.no_memory else {h: child_peak(args, h, mode, dtype, batch, layout)
                                       for h in heads_of(args, mode, batch)}  # fmt: skip
    rows = []
    for what, timings in tables.items():
        for head, timing in timings.items():
            row = dict(mode=what, dtype=dtype, batch=batch, format=layout, head=head)
            row |= sizes[head]
            row |= dict(
                ms=timing.seconds * 1e3, time=timing.ratio, low=timing.low, high=timing.high
            )
            if peaks and what == mode:
                row |= dict(memory_gib=peaks[head] / GIB, memory=peaks[head] / peaks[args.baseline])
            rows.append(row)
    return rows


def size_of(system: System) -> dict[str, float]:
    """Millions of parameters of the model and of its head; billions of multiply-adds an image."""
    return dict(
        params_m=count_parameters(system) / 1e6,
        head_m=count_parameters(system, "head") / 1e6,
        gmac=count_macs(system) / 1e9,
    )


def faster_format(args: argparse.Namespace, device: torch.device, mode: str, make: partial) -> str:
    """The memory format in which the baseline is faster."""
    calls = {
        name: make(args.baseline, memory_format=fmt).call(mode) for name, fmt in FORMATS.items()
    }
    timings = compare(calls, "channels_last", min(args.rounds, 3), warmup=1, device=device)
    return min(timings, key=lambda name: timings[name].ratio)


def child_peak(
    args: argparse.Namespace, head: str, mode: str, dtype: str, batch: int, layout: str
) -> int:
    """Peak memory of one setup in a process of its own, in bytes."""
    options = ["--child", head, "--modes", mode, "--dtype", dtype, "--batch", str(batch)]
    options += ["--format", layout, "--size", str(args.size), "--classes", str(args.classes)]
    options += ["--device", args.device, "--threads", str(args.threads), "--seed", str(args.seed)]
    return run_child("benchmarks.head_overhead", options)["peak"]


def measure_memory(args: argparse.Namespace, device: torch.device) -> None:
    """Runs one setup three times and hands its peak to the parent.

    On the CPU what the interpreter and the libraries take is left out: it is no part of the model
    and would hide a difference.
    """
    before = peak_memory(device) if device.type == "cpu" else 0
    system = build(
        args.child,
        batch=args.batch[0],
        size=args.size,
        num_classes=args.classes,
        dtype=args.dtype[0],
        device=device,
        memory_format=FORMATS[args.format],
        seed=args.seed,
    )
    call = system.call(args.modes[0])
    for _ in range(3):
        call()
    print_result(peak=peak_memory(device) - before)


if __name__ == "__main__":
    main()
