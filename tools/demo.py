"""Trains, evaluates and pictures SRDL and other systems on the built-in demo scenes."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn
from rich.table import Table
from torch import Tensor

from mmsrdl.apis import attend_images, load_config, load_model
from mmsrdl.datasets.demo_scenes import CLASSES, subset_targets, write_demo_scenes
from mmsrdl.evaluation import average_precision, precision_recall_f1
from mmsrdl.visualization import draw_attention_panel

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = sorted(path.stem.removesuffix("_demo") for path in ROOT.glob("configs/demo/*_demo.py"))
FIGURES = 6


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work-dir", default="work_dirs/demo", help="folder of all that it writes")
    parser.add_argument("--train", type=int, default=3000, help="number of training scenes")
    parser.add_argument("--val", type=int, default=1000, help="number of held-out scenes")
    # The recipe was chosen on the scenes of seed 0.
    parser.add_argument("--seed", type=int, default=1, help="seed of scenes and training")
    parser.add_argument(
        "--systems", nargs="+", choices=["all", *SYSTEMS], default=["srdl", "gmp"], metavar="NAME",
        help=f"what is trained: all, or some of {', '.join(SYSTEMS)} (default: srdl gmp)",
    )  # fmt: skip
    args = parser.parse_args()
    if "all" in args.systems:
        args.systems = SYSTEMS
    return args


def config_of(system: str) -> Path:
    """Returns the config of a system on the demo scenes."""
    return ROOT / f"configs/demo/{system}_demo.py"


def start_training(
    system: str, args: argparse.Namespace, scenes: Path, log: Path
) -> subprocess.Popen:
    """Starts the training of one system in a process of its own."""
    command = [
        sys.executable, str(ROOT / "tools" / "train.py"), str(config_of(system)),
        "--work-dir", str(log.parent), "--data-root", str(scenes), "--seed", str(args.seed),
    ]  # fmt: skip
    options = [f"val_evaluator.out_file={log.parent / 'scores.npz'}"]
    cores = os.cpu_count() or 1
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(max(cores // len(args.systems), 1)),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    return subprocess.Popen(
        [*command, "--cfg-options", *options],
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        env=environment,
    )


def iterations_done(log: Path) -> int:
    """Returns the newest iteration in the scalars of a run that is going on."""
    files = sorted(log.parent.glob("*/vis_data/scalars.json"))
    lines = files[-1].read_text().splitlines() if files else []
    steps = [json.loads(line) for line in lines if line.endswith("}")]
    return max((step.get("iter", 0) for step in steps), default=0)


def train_all(args: argparse.Namespace, scenes: Path, console: Console) -> dict[str, Path]:
    """Trains the systems, as many side by side as there are cores; returns their folders."""
    work_dirs = {system: Path(args.work_dir) / f"{system}_demo" for system in args.systems}
    waiting, running = list(args.systems), {}
    totals = {}
    columns = (
        TextColumn("{task.description:>14}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(), TextColumn("left"), TimeLeftColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        tasks: dict[str, TaskID] = {}
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                system = waiting.pop(0)
                log = work_dirs[system] / "train.log"
                log.parent.mkdir(parents=True, exist_ok=True)
                # A run of before would be taken for this one's progress.
                for old in log.parent.glob("*/vis_data/scalars.json"):
                    old.unlink()
                running[system] = start_training(system, args, scenes, log)
                cfg = load_config(str(config_of(system)))
                batches = -(-args.train // cfg.train_dataloader.batch_size)
                totals[system] = cfg.train_cfg.max_epochs * batches
                tasks[system] = progress.add_task(system, total=totals[system])
            time.sleep(1)
            for system, run in list(running.items()):
                # A run goes on after its last iteration: it evaluates and saves.
                done = iterations_done(work_dirs[system] / "train.log")
                if run.poll() is not None:
                    del running[system]
                    if run.returncode:
                        stop(system, running, work_dirs[system] / "train.log", console)
                    done = totals[system]
                progress.update(tasks[system], completed=done)
    return work_dirs


def stop(
    failed: str, running: dict[str, subprocess.Popen], log: Path, console: Console
) -> NoReturn:
    """Ends the other trainings after one failed, and shows why it did."""
    for run in running.values():
        run.terminate()
    console.print(f"[red]{failed} failed; the end of {log}:[/red]")
    console.print("\n".join(log.read_text().splitlines()[-15:]), markup=False)
    raise SystemExit(1)


def percent(value: Tensor) -> str:
    """Formats the mean of a per-class figure that may be undefined for some."""
    return f"{100 * value.nanmean().item():.1f}"


def report(work_dirs: dict[str, Path], ann_file: Path, console: Console) -> None:
    """Prints the table of the systems on the held-out scenes."""
    table = Table(title="Held-out demo scenes (raw AP, percent)")
    for column in ("system", "mAP", "CF1", "OF1", "AP small", "AP occluded"):
        table.add_column(column, justify="left" if column == "system" else "right")
    image_ids = [image["id"] for image in json.loads(ann_file.read_text())["images"]]
    for system, work_dir in work_dirs.items():
        with np.load(work_dir / "scores.npz") as file:
            scores, targets = torch.from_numpy(file["scores"]), torch.from_numpy(file["targets"])
        subsets = [
            average_precision(scores, subset_targets(targets, ann_file, CLASSES, image_ids, kind))
            for kind in ("small", "occluded")
        ]
        f1 = precision_recall_f1(scores, targets)
        cells = [percent(average_precision(scores, targets)), f"{100 * f1.CF1:.1f}"]
        cells += [f"{100 * f1.OF1:.1f}", *map(percent, subsets)]
        table.add_row(system, *cells)
    console.print(table)


def draw(work_dir: Path, scenes: Path, out_dir: Path) -> list[Path]:
    """Draws the paper's Figure 5 for some held-out scenes."""
    cfg = load_config(str(config_of("srdl")))
    checkpoint = (work_dir / "last_checkpoint").read_text().strip()
    model, classes = load_model(cfg, checkpoint)
    images = [str(path) for path in sorted((scenes / "val").glob("*.jpg"))[:FIGURES]]
    written = []
    for result in attend_images(model, cfg, images):
        written.append(out_dir / f"{Path(result.path).stem}.png")
        draw_attention_panel(result.path, result.spatial, result.scores, classes, written[-1])
    return written


def main() -> None:
    """Runs the demo."""
    args, console, began = parse_args(), Console(), time.monotonic()
    scenes = Path(args.work_dir) / "scenes"
    paths = write_demo_scenes(scenes, train=args.train, val=args.val, seed=args.seed)
    console.print(f"{args.train} + {args.val} scenes of {len(CLASSES)} classes in {scenes}")
    work_dirs = train_all(args, scenes, console)
    report(work_dirs, Path(paths["val_ann"]), console)
    figures = []
    if "srdl" in work_dirs:
        figures = draw(work_dirs["srdl"], scenes, Path(args.work_dir) / "attention_maps")
    console.print("\nwritten:")
    for path in (scenes, *work_dirs.values(), *figures):
        console.print(f"  {path}", highlight=False)
    console.print(f"\n{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
