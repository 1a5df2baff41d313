"""Takes the dirty images through every part that reads images."""

import csv
import warnings
from pathlib import Path

from mmsrdl.apis import MultiLabelInferencer
from mmsrdl.apis.page import open_image
from mmsrdl.datasets import MultiLabelDataset
from mmsrdl.datasets.check import check_data
from mmsrdl.datasets.splits import split_of_file
from tests.apis.tiny_model import make_config, write_checkpoint
from tests.dirty.images import IMAGES, DirtyImage, make_images

LOADED = "loaded"
PIPELINE = [
    {"type": "mmpretrain.LoadImageFromFile"},
    {"type": "mmpretrain.Resize", "scale": (64, 64)},
    {"type": "mmpretrain.PackInputs"},
]


def write_dataset(folder: Path) -> Path:
    """Writes the images and a CSV that lists them; returns the latter."""
    make_images(folder / "images")
    file = folder / "labels.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("path", "labels"))
        writer.writerows((image.name, "cat") for image in IMAGES)
    return file


def make_dataset(folder: Path, **options: object) -> MultiLabelDataset:
    """Makes a data set of what :func:`write_dataset` wrote."""
    defaults = dict(pipeline=PIPELINE, check_files=False)
    return MultiLabelDataset(
        ann_file=str(folder / "labels.csv"),
        data_prefix=str(folder / "images"),
        classes=["cat"],
        **{**defaults, **options},
    )


def in_dataset(folder: Path) -> dict[str, str]:
    """Returns, by name, the size as loaded, or what the error says."""
    dataset = make_dataset(folder)
    found = {}
    for index, image in enumerate(IMAGES):
        try:
            height, width = dataset[index]["data_samples"].ori_shape
            found[image.name] = f"{LOADED} {width} x {height}"
        except Exception as error:
            found[image.name] = str(error)
    return found


def in_check(folder: Path) -> dict[str, str]:
    """Returns, by name, the kinds of error that ``mmsrdl data check`` finds."""
    split = split_of_file("train", str(folder / "labels.csv"), str(folder / "images"))
    report = check_data([split], workers=1)
    found = {image.name: "" for image in IMAGES}
    for finding in report.findings:
        if finding.level == "error" and finding.image in found and finding.image:
            found[finding.image] = finding.kind
    return found


def in_inferencer(folder: Path) -> dict[str, str]:
    """Returns, by name, ``LOADED`` or the error of a prediction."""
    cfg = make_config("linear", folder, folder / "work")
    checkpoint = write_checkpoint(cfg, folder / "model.pth")
    inferencer = MultiLabelInferencer(cfg, checkpoint, device="cpu")
    # Paths of a folder are given one by one: as a folder it is looked into, and a pipe left out.
    images = [image for image in IMAGES if not (folder / "images" / image.name).is_dir()]
    paths = [str(folder / "images" / image.name) for image in images]
    predictions = inferencer(paths, on_error="skip", num_workers=0, batch_size=8)
    return {
        image.name: prediction.error or LOADED
        for image, prediction in zip(images, predictions, strict=True)
    }


def on_page(folder: Path, image: DirtyImage) -> str:
    """Returns ``LOADED`` or what the page says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            open_image(str(folder / "images" / image.name), max_megapixels=50)
    except ValueError as error:
        return str(error)
    return LOADED
