"""Takes the dirty images through every part that reads images."""

import csv
import os
import re
import tempfile
import warnings
from collections import Counter
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


def is_readable_secret(image: DirtyImage, folder: Path) -> bool:
    """Whether this user, such as root, reads the file that may not be read."""
    return image.name == "secret.jpg" and os.access(folder / "images" / image.name, os.R_OK)


def is_documented(image: DirtyImage, found: dict[str, str]) -> bool:
    """Whether each part (see :func:`everywhere`) does with an image what is documented."""
    width, height = image.size
    if image.refused or not image.is_known:
        reason = image.refused or "cannot decode"
        is_right = re.search(reason, found["data set"]) and image.name in found["data set"]
        is_right = is_right and found["inferencer"] != LOADED
    else:
        is_right = found["data set"] == f"{LOADED} {width} x {height}"
        is_right = is_right and found["inferencer"] == LOADED
    check = image.check if image.is_known else "unreadable-in-training"
    is_right = is_right and found["data check"] == (check or LOADED)
    return bool(is_right) and (image.page is None or (found["page"] == LOADED) == image.page)


def everywhere(folder: Path) -> dict[str, dict[str, str]]:
    """Returns what each part says of each image of :func:`write_dataset`, by name and part."""
    trained, checked, inferred = in_dataset(folder), in_check(folder), in_inferencer(folder)
    return {
        image.name: {
            "data set": trained[image.name],
            "data check": checked[image.name] or LOADED,
            "inferencer": inferred.get(image.name, "left out"),
            "page": "not sent" if image.page is None else on_page(folder, image),
        }
        for image in IMAGES
    }


def main() -> int:
    """Prints what becomes of every image, and counts; returns 1 if one is not as documented."""
    counts: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_dataset(folder)
        outcomes = everywhere(folder)
        for image in IMAGES:
            found = outcomes[image.name]
            print(image.name)
            for part, outcome in found.items():
                print(f"    {part}: {' '.join(outcome.split())[:140]}")
                word = LOADED if outcome.startswith(LOADED) else "refused"
                word = outcome if outcome in ("not sent", "left out") else word
                counts[f"{part}: {word}"] += 1
            if not is_documented(image, found) and not is_readable_secret(image, folder):
                wrong.append(image.name)
    print(f"{len(IMAGES)} images, {len(IMAGES) - len(wrong)} handled as documented")
    for outcome, number in sorted(counts.items()):
        print(f"    {outcome} {number}")
    if wrong:
        print(f"otherwise: {', '.join(wrong)}")
    return int(bool(wrong))


def row(image: DirtyImage) -> str:
    """Returns what is documented of an image, as a row of Markdown."""
    width, height = image.size
    loaded = "refused" if image.refused else f"loaded, {width:,} x {height:,}"
    if image.format:
        loaded += f" where OpenCV reads moving {image.format}"
    page = {True: "shown", False: "refused", None: ""}[image.page]
    check = f"`{image.check}`" if image.check else ""
    return f"| `{image.name}` | {image.what} | {loaded} | {check} | {page} |"


def print_table() -> None:
    """Prints the rows of docs/data.md."""
    print("\n".join(map(row, IMAGES)))
