"""Every dirty image is handled as docs/data.md says, by each part that reads images."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmsrdl.apis.image_inputs import to_bgr
from mmsrdl.datasets.transforms import LoadWholeImage
from tests.dirty.handling import everywhere, is_documented, is_readable_secret, row, write_dataset
from tests.dirty.images import IMAGES, DirtyImage

DOCS = Path(__file__).resolve().parents[2] / "docs" / "data.md"

every_image = pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dirty")
    write_dataset(folder)
    return folder


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[str, dict[str, str]]:
    return everywhere(folder)


@every_image
def test_every_part_does_what_is_documented(
    image: DirtyImage, folder: Path, outcomes: dict[str, dict[str, str]]
) -> None:
    if is_readable_secret(image, folder):
        pytest.skip("this user may read every file")
    assert is_documented(image, outcomes[image.name]), outcomes[image.name]


@every_image
def test_sound_images_are_decoded_as_before(image: DirtyImage, folder: Path) -> None:
    if image.refused or not image.is_known:
        pytest.skip("it is refused")
    path = str(folder / "images" / image.name)
    ours, theirs = (loader()({"img_path": path}) for loader in (LoadWholeImage, LoadImageFromFile))
    assert ours.keys() == theirs.keys()
    np.testing.assert_array_equal(ours["img"], theirs["img"])
    assert ours["img_shape"] == ours["ori_shape"] == theirs["ori_shape"]


@pytest.mark.parametrize("name", ["rgb16.png", "grey16.png", "turned.jpg", "palette.png"])
def test_pil_images_are_read_as_files_are(name: str, folder: Path) -> None:
    """Pillow would make 16 bits white and leave a turned image lying."""
    path = folder / "images" / name
    with Image.open(path) as image:
        given = to_bgr(image)
    read = cv2.imread(str(path))
    assert given.shape == read.shape
    assert np.abs(given.astype(int) - read).mean() < 2  # two builds of libjpeg


def test_documentation_holds_the_table() -> None:
    assert "\n".join(map(row, IMAGES)) in DOCS.read_text(encoding="utf-8")


def test_there_are_enough_of_them() -> None:
    assert len({image.name for image in IMAGES}) == len(IMAGES) >= 40
