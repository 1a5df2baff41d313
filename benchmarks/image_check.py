"""Times what looking for a JPEG's end costs, beside MMCV's loading of sound images."""

import argparse
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
from mmcv.transforms import LoadImageFromFile

from benchmarks.harness import Timing, compare, make_parser, prepare, report, timing_rows
from mmsrdl.datasets.demo_scenes import write_demo_scenes
from mmsrdl.datasets.jpeg import jpeg_is_cut
from mmsrdl.datasets.transforms import LoadWholeImage

THEIRS = "MMCV: LoadImageFromFile"


def parse_args() -> argparse.Namespace:
    """Parses the command line."""
    parser = make_parser("image_check", __doc__)
    parser.add_argument("--folder", help="folder of JPEGs (default: demo scenes are drawn)")
    parser.add_argument("--images", type=int, default=200, help="number of images (default 200)")
    args = parser.parse_args()
    if args.images < 1:
        parser.error(f"--images {args.images} must be at least 1")
    return args


def find_images(folder: str | None, scratch: str, number: int) -> list[Path]:
    """The first images of a folder, or scenes of a usual photograph's number of pixels."""
    if folder is None:
        write_demo_scenes(scratch, train=number, val=1, size=432)
        folder = str(Path(scratch, "train"))
    paths = sorted(path for path in Path(folder).rglob("*.jpg") if path.is_file())[:number]
    if len(paths) < number:
        raise ValueError(f"folder={folder!r} holds {len(paths)} .jpg files; lower images={number}")
    return paths


def calls_of(paths: Sequence[Path]) -> dict[str, Callable[[], Any]]:
    """Loading with and without the check, and the check alone."""
    contents = [path.read_bytes() for path in paths]

    def loading(loader: LoadImageFromFile) -> Callable[[], Any]:
        return lambda: [loader({"img_path": str(path)}) for path in paths] and None

    return {
        THEIRS: loading(LoadImageFromFile()),
        "mmsrdl: LoadWholeImage": loading(LoadWholeImage()),
        "the check alone": lambda: [jpeg_is_cut(content) for content in contents],
    }


def rows_of(timings: Mapping[str, Timing], images: int) -> list[dict[str, Any]]:
    """Rows of a report with the time of an image."""
    return [
        {**row, "microseconds an image": 1e6 * row["seconds"] / images}
        for row in timing_rows(timings)
    ]


def main() -> None:
    """Runs the benchmark."""
    args = parse_args()
    device = prepare(args)
    cv2.setNumThreads(0)  # as in the configs' workers
    with tempfile.TemporaryDirectory() as scratch:
        paths = find_images(args.folder, scratch, args.images)
        timings = compare(calls_of(paths), THEIRS, args.rounds, warmup=1)
    size = sum(path.stat().st_size for path in paths if path.exists()) / len(paths) / 1024
    source = f"{size:.0f} KiB each" if args.folder else "demo scenes of 432 x 432"
    tables = {f"one thread, {len(paths)} images": rows_of(timings, len(paths))}
    report(f"Loading sound JPEGs, {source}", tables, args.json, args.seed, device)


if __name__ == "__main__":
    main()
