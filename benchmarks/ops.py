"""The two operators beside their plain form, and beside what the machine could do at best.

The floors are what is least possible with the plain arithmetic: reading the operands and writing
the results once, at the bandwidth measured here; and every tanh (every multiply-add and maximum)
at the rate measured here on data in cache.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from benchmarks.harness import compare, make_parser, prepare, report, synchronise
from benchmarks.systems import DTYPES
from mmsrdl import ops

PLAIN, OURS, LARGE = "plain", "mmsrdl", "mmsrdl, large gates"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser("ops", __doc__)
    parser.add_argument("--batch", type=int, default=4, help="B (default 4)")
    parser.add_argument("--side", type=int, default=14, help="P is its square (default 14)")
    parser.add_argument("--classes", type=int, default=80, help="C (default 80)")
    parser.add_argument("--channels", type=int, default=2048, help="D (default 2048)")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=("fp32", "bf16"))
    return parser.parse_args(arguments)


def main() -> None:
    """Measures, and prints a table with ratios to the plain form of the same run."""
    args = parse()
    device = prepare(args)
    ceiling = Ceiling(device)
    rows = []
    for dtype in args.dtype:
        for operator, make in (("gated score", scores), ("attended max pool", pools)):
            for backward in (False, True):
                calls = {name: call for name, call in make(args, DTYPES[dtype], device, backward)}
                floor = ceiling.of(operator, args, DTYPES[dtype], backward)
                for name, timing in compare(calls, PLAIN, args.rounds, device=device).items():
                    row = dict(operator=operator, step=step(backward), dtype=dtype, form=name)
                    row |= dict(ms=timing.seconds * 1e3, time=timing.ratio)
                    row |= dict(low=timing.low, high=timing.high)
                    row |= {f"floor {what}": ms for what, ms in floor.items()}
                    rows.append(row)
    shape = f"B {args.batch}, P {args.side**2}, C {args.classes}, D {args.channels}"
    report(f"Operators at {shape}; times beside the plain form's; floors in ms", rows, args.json,
           args.seed, device)  # fmt: skip


def step(backward: bool) -> str:
    """What is timed."""
    return "forward + backward" if backward else "forward"


def timed(
    operator: Callable[..., Tensor], operands: list[Tensor], plain: bool, backward: bool
) -> Callable[[], object]:
    """A call of an operator, with its gradients if wanted."""

    def call() -> None:
        with torch.set_grad_enabled(backward):
            result = operator(*operands)
        if backward:
            torch.autograd.grad(result, operands, torch.ones_like(result))

    def call_plain() -> None:
        with ops.use_backend(PLAIN):
            call()

    for operand in operands:
        operand.requires_grad_(backward)
    return call_plain if plain else call


def scores(
    args: argparse.Namespace, dtype: torch.dtype, device: torch.device, backward: bool
) -> Iterator[tuple[str, Callable[[], object]]]:
    """The gated score with gates as at the start of a training, and with large ones."""
    position = torch.randn(args.batch, args.side**2, args.channels)
    label, weight = torch.randn(args.classes, args.channels), torch.randn(args.channels) / 32
    for name, scale in ((PLAIN, 0.01), (OURS, 0.01), (LARGE, 1.0)):
        operands = [t.to(device, dtype) for t in (position, label * scale, weight)]
        yield name, timed(ops.gated_score, operands, name == PLAIN, backward)


def pools(
    args: argparse.Namespace, dtype: torch.dtype, device: torch.device, backward: bool
) -> Iterator[tuple[str, Callable[[], object]]]:
    """The attended max pool of features as they are behind a ReLU."""
    feature = torch.randn(args.batch, args.side**2, args.channels).relu_()
    spatial = torch.rand(args.batch, args.classes, args.side**2)
    channel = torch.rand(args.batch, args.classes, args.channels)
    for name in (PLAIN, OURS):
        operands = [t.to(device, dtype) for t in (feature, spatial, channel)]
        yield name, timed(ops.attended_max_pool, operands, name == PLAIN, backward)


class Ceiling:
    """What a device reaches: bytes a second from memory, tanh and multiply-adds in cache."""

    def __init__(self, device: torch.device) -> None:
        large = torch.ones(1 << 26, device=device)
        small = torch.ones(1 << (17 if device.type == "cpu" else 24), device=device)
        self.bandwidth = 2 * large.nbytes / fastest(lambda: large.neg_(), device)
        self.tanh = small.numel() / fastest(lambda: small.tanh_(), device)
        self.madd = small.numel() / fastest(lambda: small.add_(small), device)

    def of(
        self, operator: str, args: argparse.Namespace, dtype: torch.dtype, backward: bool
    ) -> dict[str, float]:
        """Least times in milliseconds of the bytes and of the arithmetic."""
        batch, positions = args.batch, args.side**2
        gates = batch * positions * args.classes * args.channels
        feature = batch * positions * args.channels
        passes = 3 if backward else 1  # operands read again, and their gradients written
        if operator == "gated score":
            moved = feature + args.classes * args.channels + batch * positions * args.classes
            # The backward pass computes every tanh again.
            work = gates * (2 if backward else 1) / self.tanh
        else:
            moved = feature + batch * args.classes * (positions + 2 * args.channels)
            work = 3 * gates / self.madd  # gate, product, maximum
        return {
            "bytes": passes * moved * dtype.itemsize / self.bandwidth * 1e3,
            "arithmetic": work * 1e3,
        }


def fastest(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of 50 calls."""
    times = []
    for _ in range(50):
        synchronise(device)
        start = time.perf_counter()
        call()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
