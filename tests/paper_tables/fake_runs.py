"""Work directories as training and test leave them, from real configs; nothing is trained."""

import json
from pathlib import Path
from typing import Any

from mmsrdl.apis import load_config
from mmsrdl.paper_tables.published import METRICS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def figures_of(value: float, prefix: str = "mlr") -> dict[str, float]:
    """The metric's keys: mAP, and one less for each further one."""
    return {f"{prefix}/{name}": value - number for number, name in enumerate(METRICS)}


def write_log(run: Path, images: int) -> None:
    line = "2026/01/01 00:00:00 - mmengine - INFO - "
    (run / f"{run.name}.log").write_text(
        f"{line}Epoch(val) [1][1/1]\n"
        f"{line}mlr: raw AP, mean over 20 of 20 classes; predicted if score >= 0.5, _top3 also "
        f"among the 3 highest; {images} images, 7 unknown entries left out\n"
    )


def make_training(
    folder: Path,
    config: str,
    values: list[float],
    images: int = 4952,
    seed: int = 0,
    stamp: str = "20260101_000000",
    **options: Any,
) -> Path:
    """Writes the work directory of a training whose epochs had some mAPs, and returns it."""
    run = folder / stamp
    (run / "vis_data").mkdir(parents=True)
    options = {name.replace("__", "."): value for name, value in options.items()}
    epochs = options.setdefault("train_cfg.max_epochs", len(values))
    assert epochs >= len(values)
    cfg = load_config(str(CONFIGS / config), str(folder), seed=seed, cfg_options=options)
    cfg.dump(run / "vis_data" / "config.py")
    records = [{"loss": 1.0, "epoch": 1, "iter": 10, "step": 10}]
    records += [{**figures_of(value), "step": step + 1} for step, value in enumerate(values)]
    (run / "vis_data" / "scalars.json").write_text(
        "".join(f"{json.dumps(record)}\n" for record in records)
    )
    write_log(run, images)
    return folder


def make_test(
    folder: Path,
    config: str,
    value: float,
    checkpoint: str,
    images: int = 4952,
    stamp: str = "20260102_000000",
    **options: Any,
) -> Path:
    """Writes what a test leaves, and returns the work directory."""
    run = folder / stamp
    (run / "vis_data").mkdir(parents=True)
    options = {name.replace("__", "."): value for name, value in options.items()}
    cfg = load_config(str(CONFIGS / config), str(folder), cfg_options=options)
    cfg.load_from = checkpoint
    cfg.dump(run / "vis_data" / "config.py")
    (run / f"{stamp}.json").write_text(json.dumps(figures_of(value)))
    write_log(run, images)
    return folder
