"""Memory of one training step of SigRL's feature reconstruction with its label graph.

The published setting has batch 32, 14 x 14 patches, 925 labels and 512 channels, so that one tensor
over all four has 11 GiB, and a tensor over all pairs of labels 1.6 GiB. CLIP is no part of the
step: features and label vectors are random numbers of its size, and the features get a gradient.
"""

import argparse
import time

import torch
from torch.nn import functional as F

from benchmarks.harness import (
    make_parser,
    peak_memory,
    prepare,
    print_result,
    report,
    run_child,
    synchronise,
)
from mmsrdl.models import SVFRAttention
from mmsrdl.ops import use_backend

LIMIT = 6e9
FORMS = {"mmsrdl": "chunked", "plain": "plain"}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = make_parser("svfr_memory", __doc__)
    parser.add_argument("--batch", type=int, default=32, help="B (default 32)")
    parser.add_argument("--side", type=int, default=14, help="P is its square (default 14)")
    parser.add_argument("--classes", type=int, default=925, help="C (default 925)")
    parser.add_argument("--channels", type=int, default=512, help="D (default 512)")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=("mmsrdl",))
    parser.add_argument("--child", metavar="FORM", choices=FORMS, help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.side < 4:
        parser.error(f"--side {args.side}: a score is the mean of 16 positions; use 4 or more")
    return args


def main() -> None:
    """Measures every form in a process of its own, and fails if ours exceeds the limit."""
    args = parse()
    device = prepare(args)
    if args.child is not None:
        measure(args, device)
        return
    rows = []
    for form in args.forms:
        found = child(args, form)
        row = dict(form=form, batch=args.batch, positions=args.side**2, classes=args.classes)
        row |= {
            "channels": args.channels,
            "step s": found["seconds"],
            "peak GB": found["peak"] / 1e9,
            "of that the step's GB": (found["peak"] - found["before"]) / 1e9,
        }
        rows.append(row)
    title = "One training step of SVFR and GATv2 without CLIP; peak memory of the whole process"
    report(title, rows, args.json, args.seed, device)
    check(rows)


def check(rows: list[dict]) -> None:
    """Ends the program if the step exceeds the limit.

    Args:
        rows: Rows of the report.

    Raises:
        SystemExit: If it does.
    """
    for row in rows:
        if row["form"] == "mmsrdl" and not row["peak GB"] * 1e9 < LIMIT:
            raise SystemExit(f"\n{row['peak GB']:.2f} GB exceed the limit of {LIMIT / 1e9:.0f} GB")


def child(args: argparse.Namespace, form: str) -> dict:
    """Measures one form in a process of its own."""
    options = ["--child", form, "--batch", str(args.batch), "--side", str(args.side)]
    options += ["--classes", str(args.classes), "--channels", str(args.channels)]
    options += ["--device", args.device, "--threads", str(args.threads), "--seed", str(args.seed)]
    return run_child("benchmarks.svfr_memory", options)


def measure(args: argparse.Namespace, device: torch.device) -> None:
    """Runs one step and hands its time and the peak memory to the parent."""
    before = peak_memory(device)
    start = time.perf_counter()
    with use_backend(FORMS[args.child]):
        train_step(args, device)
    synchronise(device)
    print_result(seconds=time.perf_counter() - start, before=before, peak=peak_memory(device))


def train_step(args: argparse.Namespace, device: torch.device) -> float:
    """Takes one step of AdamW, with a score's mean of the 16 best positions, and returns its loss.

    Args:
        args: Output of :func:`parse`.
        device: Where to compute.
    """
    attention = SVFRAttention(args.channels, args.channels).to(device)
    optimizer = torch.optim.AdamW(attention.parameters(), lr=1e-4)
    shape = (args.batch, args.channels, args.side, args.side)
    feature_map = torch.randn(shape, device=device, requires_grad=True)
    vectors = torch.randn(args.classes, args.channels, device=device) * args.channels**-0.5
    target = (torch.rand(args.batch, args.classes, device=device) < 0.01).float()
    maps = attention(feature_map, attention.embed_labels(vectors))
    assert maps.scores is not None
    logits = maps.scores.topk(16).values.mean(-1)
    loss = F.binary_cross_entropy_with_logits(logits, target)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


if __name__ == "__main__":
    main()
