"""Demo scenes with combinations for labels, as COCO instances json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2

from experiments.open_vocabulary.combinations import ALL, SEEN_COLOURS
from mmsrdl.datasets.demo_scenes import CLASSES, COLOURS, draw_scene

__all__ = ["SIZE", "write_scenes"]

SIZE = 64
JPEG_QUALITY = 95


def write_scenes(root: Path, train: int, val: int, seed: int) -> None:
    """Writes scenes with seen combinations to train on, and scenes with all to evaluate on.

    The layout is that of :func:`mmsrdl.datasets.demo_scenes.write_demo_scenes`, the categories of
    both files are :data:`ALL`.

    Args:
        root: Folder to write.
        train: Number of training scenes.
        val: Number of validation scenes.
        seed: Seed of the set.

    Raises:
        OSError: If an image cannot be written.
    """
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    every = {shape: list(COLOURS) for shape in CLASSES}
    for split, number, colours in (("train", train, SEEN_COLOURS), ("val", val, every)):
        content = _write_split(root, split, number, seed, colours)
        path = root / "annotations" / f"instances_{split}.json"
        path.write_text(json.dumps(content), encoding="utf-8")


def _write_split(
    root: Path, split: str, number: int, seed: int, colours: Mapping[str, Sequence[str]]
) -> dict[str, list[dict]]:
    """Writes the images of a split, and returns its annotations."""
    (root / split).mkdir(exist_ok=True)
    images: list[dict] = []
    annotations: list[dict] = []
    for index in range(number):
        scene = draw_scene(seed, split, index, SIZE, colours)
        path = root / split / f"{index:06d}.jpg"
        if not cv2.imwrite(str(path), scene.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
            raise OSError(f"could not write {path}")
        images.append(dict(id=index + 1, file_name=path.name, width=SIZE, height=SIZE))
        for item in scene.objects:
            label = ALL.index(f"{item.colour} {CLASSES[item.label]}")
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=index + 1,
                    category_id=label + 1,
                    bbox=list(item.bbox),
                    area=item.area,
                    iscrowd=0,
                )
            )
    categories = [dict(id=k, name=name) for k, name in enumerate(ALL, start=1)]
    return dict(images=images, annotations=annotations, categories=categories)
