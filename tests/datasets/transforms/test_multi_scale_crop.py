import re
from collections import Counter

import numpy as np
import pytest
import torch

from mmsrdl.datasets import MultiScaleCrop
from mmsrdl.registry import TRANSFORMS

HEIGHT, WIDTH = 12, 14
# Every pixel holds its own position, so that a crop tells where it was taken.
IMAGE = np.stack(np.meshgrid(range(HEIGHT), range(WIDTH), indexing="ij"), axis=-1)


def crops(crop: MultiScaleCrop, count: int) -> list[tuple[int, int, int, int]]:
    """Return (top, left, height, width) of crops, after checking their content."""
    boxes = []
    for _ in range(count):
        results = crop({"img": IMAGE, "img_shape": IMAGE.shape[:2]})
        img = results["img"]
        (top, left), (height, width) = img[0, 0], img.shape[:2]
        assert results["img_shape"] == (height, width)
        np.testing.assert_array_equal(img, IMAGE[top : top + height, left : left + width])
        boxes.append((int(top), int(left), height, width))
    return boxes


def test_squares_of_all_sizes_at_all_positions() -> None:
    torch.manual_seed(0)
    boxes = crops(MultiScaleCrop(sizes=(12, 9, 6)), 3000)
    assert all(height == width for _, _, height, width in boxes)
    sizes = Counter(height for _, _, height, _ in boxes)
    assert set(sizes) == {6, 9, 12}
    assert all(abs(count - 1000) < 130 for count in sizes.values())  # five standard deviations
    for size in sizes:
        tops = Counter(top for top, _, height, _ in boxes if height == size)
        lefts = Counter(left for _, left, height, _ in boxes if height == size)
        assert set(tops) == set(range(HEIGHT - size + 1))
        assert set(lefts) == set(range(WIDTH - size + 1))
        expected = sizes[size] / len(lefts)
        assert all(abs(count - expected) < 5 * expected**0.5 for count in lefts.values())


def test_independent_sides_take_all_pairs() -> None:
    torch.manual_seed(0)
    boxes = crops(MultiScaleCrop(sizes=(12, 9, 6), independent=True), 300)
    assert len({(height, width) for _, _, height, width in boxes}) == 9


def test_torchs_seed_alone_decides() -> None:
    crop = MultiScaleCrop(sizes=(9, 6))
    torch.manual_seed(5)
    np.random.seed(0)
    first = crops(crop, 10)
    torch.manual_seed(5)
    np.random.seed(1)
    assert crops(crop, 10) == first
    assert crops(crop, 10) != first


def test_defaults_are_the_papers_and_grey_images_pass() -> None:
    crop = MultiScaleCrop()
    assert crop.sizes == (512, 448, 384, 320, 256)
    assert not crop.independent
    img = crop({"img": np.zeros((512, 512), np.uint8)})["img"]
    assert img.shape[0] == img.shape[1] in crop.sizes


@pytest.mark.parametrize("shape", [(12, 8, 3), (8, 12, 3)])
def test_image_smaller_than_a_size_is_refused(shape: tuple[int, ...]) -> None:
    message = f"sizes holds 9, .*shape {re.escape(str(shape))}.*resize before"
    with pytest.raises(ValueError, match=message):
        MultiScaleCrop(sizes=(6, 9))({"img": np.zeros(shape)})


@pytest.mark.parametrize("sizes", [(), (0,), (3, -1), (2.5,)])
def test_wrong_sizes_are_refused(sizes: tuple) -> None:
    with pytest.raises(ValueError, match="sizes must hold"):
        MultiScaleCrop(sizes=sizes)


def test_is_built_from_a_config() -> None:
    crop = TRANSFORMS.build({"type": "mmsrdl.MultiScaleCrop", "sizes": [4, 2], "independent": True})
    assert repr(crop) == "MultiScaleCrop(sizes=(4, 2), independent=True)"
