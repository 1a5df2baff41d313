"""Times the data pipelines of the paper's recipe at 448 px beside MMPretrain's transforms."""

import argparse
import copy
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpretrain.models import ClsDataPreprocessor

from benchmarks.harness import ROOT, Timing, compare, make_parser, prepare, report, timing_rows
from mmsrdl.datasets import CocoMultiLabel, MultiLabelDataset, VOCMultiLabel, default_collate
from mmsrdl.datasets.demo_scenes import CLASSES, write_demo_scenes

BATCH = 16
CONFIG = ROOT / "configs" / "_base_" / "datasets" / "loaders_448.py"
THEIRS = "MMPretrain: {phase}, Pillow"


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser("pipeline", __doc__)
    parser.add_argument("--data-root", help="folder VOC2007 (default: demo scenes are drawn)")
    parser.add_argument("--images", type=int, default=64, help="number of images (default 64)")
    args = parser.parse_args()
    if args.images < BATCH or args.images % BATCH:
        parser.error(f"--images {args.images} must be a multiple of {BATCH}, such as 64")
    return args


def their_pipelines(backend: str) -> dict[str, list[dict]]:
    """What MMPretrain has nearest to the recipe: one crop of random size, resized once."""
    options = dict(interpolation="bicubic", backend=backend)
    load, pack = dict(type="LoadImageFromFile"), dict(type="PackInputs")
    crop = dict(type="RandomResizedCrop", scale=448, crop_ratio_range=(0.25, 1.0), **options)
    flip = dict(type="RandomFlip", prob=0.5, direction="horizontal")
    resize = dict(type="Resize", scale=(448, 448), **options)
    return {"train": [load, crop, flip, pack], "test": [load, resize, pack]}


def with_resize(pipeline: Sequence[Mapping[str, Any]], **resize: Any) -> list[dict]:
    """A pipeline with every resize replaced by another one of the same scale."""
    kinds = ("Resize", "mmsrdl.TorchResize")
    return [
        dict(scale=step["scale"], interpolation="bicubic", **resize)
        if step["type"] in kinds
        else dict(step)
        for step in pipeline
    ]


def our_pipeline(phase: str) -> list[dict]:
    """The configs' pipeline of a phase, 'train' or 'test'."""
    return [dict(step) for step in Config.fromfile(str(CONFIG))[f"{phase}_pipeline"]]


def pipelines(phase: str) -> dict[str, list[dict]]:
    """Pipelines of a phase by name: the configs' with either resize, and MMPretrain's."""
    own = our_pipeline(phase)
    return {
        "mmsrdl: Pillow": with_resize(own, type="Resize", backend="pillow"),
        "mmsrdl: PyTorch": with_resize(own, type="mmsrdl.TorchResize"),
        THEIRS.format(phase=phase): their_pipelines("pillow")[phase],
        "MMPretrain: OpenCV, not antialiased": their_pipelines("cv2")[phase],
    }


def make_dataset(data_root: str | None, scratch: str, images: int) -> MultiLabelDataset:
    """The photographs, or scenes of a usual photograph's number of pixels."""
    if data_root is not None:
        dataset = VOCMultiLabel(data_root, split="trainval", pipeline=[], check_files=False)
    else:
        write_demo_scenes(scratch, train=images, val=1, size=432)
        dataset = CocoMultiLabel(
            "annotations/instances_train.json",
            data_root=scratch,
            data_prefix="train",
            metainfo=dict(classes=list(CLASSES)),
            pipeline=[],
        )
    if len(dataset) < images:
        raise ValueError(f"images={images} must be at most {len(dataset)}, the data set's number")
    return dataset


def loading(
    dataset: MultiLabelDataset, pipeline: Sequence[dict], images: int
) -> Callable[[], object]:
    """What a worker does: samples by (seed, epoch, index), collated into batches."""
    dataset = copy.deepcopy(dataset)
    dataset.pipeline = Compose(pipeline)
    dataset.set_epoch(0, 0)

    def load() -> None:
        for start in range(0, images, BATCH):
            default_collate([dataset[index] for index in range(start, start + BATCH)])

    return load


def rate_rows(timings: Mapping[str, Timing], images: int) -> list[dict[str, Any]]:
    """Rows of a report with the number of images a second."""
    return [{**row, "images/s": images / row["seconds"]} for row in timing_rows(timings)]


def profile(
    dataset: MultiLabelDataset, pipeline: Sequence[dict], images: int, device: torch.device
) -> dict[str, float]:
    """Milliseconds an image by stage, up to the normalised batch on the device."""
    seconds: dict[str, float] = defaultdict(float)
    clock = time.perf_counter

    def timed(stage: str, call: Callable[..., Any], *args: Any) -> Any:
        start = clock()
        result = call(*args)
        seconds[stage] += clock() - start
        return result

    steps = Compose(pipeline).transforms
    names = [f"{place}. {type(step).__name__}" for place, step in enumerate(steps, start=1)]
    # Only what the recipe's config gives: the numbers of classes are the data sets'.
    normalise = dict(Config.fromfile(str(CONFIG)).data_preprocessor)
    preprocessor = ClsDataPreprocessor(**normalise).to(device)
    for start in range(0, images, BATCH):
        samples = []
        for index in range(start, start + BATCH):
            sample = timed("0. annotation", dataset.get_data_info, index)
            for name, step in zip(names, steps, strict=True):
                sample = timed(name, step, sample)
            samples.append(sample)
        batch = timed("collate", default_collate, samples)
        timed("data preprocessor", preprocess, preprocessor, batch, device)
    return {stage: 1000 * total / images for stage, total in seconds.items()}


def preprocess(preprocessor: ClsDataPreprocessor, batch: dict, device: torch.device) -> None:
    """Copies a batch to the device and normalises it there."""
    preprocessor(batch, training=True)
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def profile_rows(
    dataset: MultiLabelDataset, phase: str, images: int, device: torch.device
) -> list[dict[str, Any]]:
    """Stages of the configs' pipeline of a phase; the first pass warms up."""
    pipeline = our_pipeline(phase)
    *_, stages = (profile(dataset, pipeline, images, device) for _ in range(2))
    whole = sum(stages.values())
    return [
        {"stage": stage, "ms an image": ms, "share in %": 100 * ms / whole}
        for stage, ms in stages.items()
    ]


def run(args: argparse.Namespace, device: torch.device, scratch: str) -> dict[str, list[dict]]:
    """Tables of both phases by heading."""
    dataset = make_dataset(args.data_root, str(Path(scratch) / "scenes"), args.images)
    tables = {}
    for phase in ("train", "test"):
        calls = {
            name: loading(dataset, pipeline, args.images)
            for name, pipeline in pipelines(phase).items()
        }
        timings = compare(calls, THEIRS.format(phase=phase), args.rounds, warmup=1)
        tables[f"{phase}: one worker, {args.images} images in batches of {BATCH}"] = rate_rows(
            timings, args.images
        )
        tables[f"{phase}: stages of the configs' pipeline"] = profile_rows(
            dataset, phase, args.images, device
        )
    return tables


def main() -> None:
    """Runs the benchmark."""
    args = parse_args()
    device = prepare(args)
    cv2.setNumThreads(0)  # as in the configs' workers
    init_default_scope("mmpretrain")
    with tempfile.TemporaryDirectory() as scratch:
        tables = run(args, device, scratch)
    source = "VOC 2007" if args.data_root else "demo scenes of 432 x 432"
    report(f"Data pipelines at 448 px, {source}", tables, args.json, args.seed, device)


if __name__ == "__main__":
    main()
