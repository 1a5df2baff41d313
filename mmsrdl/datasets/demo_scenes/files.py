"""The demo set as JPEG files and COCO instances json."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import cv2

from mmsrdl.datasets.demo_scenes.catalogue import CLASSES
from mmsrdl.datasets.demo_scenes.scene import SceneObject, draw_scene

VERSION = 1
MANIFEST = "demo_scenes.json"
JPEG_QUALITY = 95


def write_demo_scenes(
    root: str | os.PathLike[str], train: int = 3000, val: int = 1000, seed: int = 0, size: int = 96
) -> dict[str, Path]:
    """Write ``train/``, ``val/`` and ``annotations/`` of the demo set in COCO's format.

    A complete set of the same parameters is kept. The manifest, written last, is what makes
    a set complete; without it everything is written again.

    Args:
        root: Folder of the set; a new one, an empty one, or one that this function wrote.
        train: Number of training scenes.
        val: Number of held-out scenes.
        seed: Seed of the set.
        size: Side of the square images in pixels.

    Returns:
        Paths under the keys ``root``, ``train``, ``val``, ``train_ann``, ``val_ann`` and
        ``manifest``.

    Raises:
        ValueError: If a number of scenes is not positive, or seed or size is out of range.
        FileExistsError: If ``root`` holds files that are not a demo set.
    """
    if train < 1 or val < 1:
        raise ValueError(f"train and val must be positive, got train={train}, val={val}")
    paths = _paths(Path(root))
    state = dict(version=VERSION, train=train, val=val, seed=seed, size=size)
    if _is_complete(paths, state):
        return paths
    _refuse_foreign(paths)
    paths["root"].mkdir(parents=True, exist_ok=True)
    _write_json(paths["manifest"], dict(state, complete=False))
    _clear(paths)
    for split, number in (("train", train), ("val", val)):
        _write_split(paths, split, number, seed, size)
    _write_json(paths["manifest"], dict(state, complete=True))
    return paths


def _paths(root: Path) -> dict[str, Path]:
    annotations = root / "annotations"
    return dict(
        root=root,
        train=root / "train",
        val=root / "val",
        train_ann=annotations / "instances_train.json",
        val_ann=annotations / "instances_val.json",
        manifest=root / MANIFEST,
    )


def _is_complete(paths: Mapping[str, Path], state: Mapping[str, int]) -> bool:
    try:
        manifest = json.loads(paths["manifest"].read_text())
    except (FileNotFoundError, ValueError):
        return False
    return manifest == dict(state, complete=True) and all(
        paths[f"{split}_ann"].is_file()
        and {p.name for p in paths[split].glob("*.jpg")}
        == set(map(_file_name, range(state[split])))
        for split in ("train", "val")
    )


def _refuse_foreign(paths: Mapping[str, Path]) -> None:
    root = paths["root"]
    if not paths["manifest"].exists() and root.exists() and any(root.iterdir()):
        raise FileExistsError(
            f"root={str(root)!r} holds files but no {MANIFEST}: it is not a demo set. "
            "Give a new or an empty folder."
        )


def _clear(paths: Mapping[str, Path]) -> None:
    """Remove the files of an earlier demo set, and make the folders."""
    for split in ("train", "val"):
        for image in paths[split].glob("[0-9]" * 6 + ".jpg"):
            image.unlink()
        paths[split].mkdir(exist_ok=True)
        paths[f"{split}_ann"].unlink(missing_ok=True)
        paths[f"{split}_ann"].parent.mkdir(exist_ok=True)


def _file_name(index: int) -> str:
    return f"{index:06d}.jpg"


def _write_split(paths: Mapping[str, Path], split: str, number: int, seed: int, size: int) -> None:
    images: list[dict] = []
    annotations: list[dict] = []
    for index in range(number):
        scene = draw_scene(seed, split, index, size)
        target = paths[split] / _file_name(index)
        if not cv2.imwrite(str(target), scene.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
            raise OSError(f"could not write {target}")
        images.append(dict(id=index + 1, file_name=target.name, width=size, height=size))
        for item in scene.objects:
            annotations.append(_annotation(item, len(annotations) + 1, index + 1))
    categories = [dict(id=k, name=name) for k, name in enumerate(CLASSES, start=1)]
    info = dict(description="mmsrdl demo scenes", version=str(VERSION))
    content = dict(info=info, images=images, annotations=annotations, categories=categories)
    _write_json(paths[f"{split}_ann"], content)


def _annotation(item: SceneObject, annotation_id: int, image_id: int) -> dict:
    return dict(
        id=annotation_id,
        image_id=image_id,
        category_id=item.label + 1,
        bbox=list(item.bbox),
        area=item.area,
        iscrowd=0,
        segmentation=[],
        occlusion=round(item.occlusion, 4),
    )


def _write_json(path: Path, content: dict) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content))
    os.replace(part, path)
