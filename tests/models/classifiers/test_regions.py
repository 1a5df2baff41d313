import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from mmsrdl.models.classifiers import attentional_boxes, crop_boxes


def blob(height: int, width: int, rows: slice, columns: slice) -> Tensor:
    region = torch.zeros(height, width)
    region[rows, columns] = 1
    return region


def test_box_encloses_a_blob() -> None:
    box = attentional_boxes(blob(16, 24, slice(4, 9), slice(10, 20)), (16, 24))
    assert box.tolist() == [10, 4, 20, 9]


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (slice(7, 8), slice(20, 21), [19, 6, 23, 9]),  # around the middle
        (slice(0, 1), slice(31, 32), [28, 0, 32, 3]),  # moved into the image
    ],
)
def test_least_side(rows: slice, columns: slice, expected: list[int]) -> None:
    region = blob(20, 32, rows, columns)
    assert attentional_boxes(region, (20, 32)).tolist() == expected
    x1, y1, x2, y2 = attentional_boxes(region, (20, 32), min_size=0.0).tolist()
    assert (x2 - x1, y2 - y1) == (1, 1)


def test_flat_maps_give_the_middle() -> None:
    assert attentional_boxes(torch.full((4, 4), 0.3), (16, 24)).tolist() == [3, 2, 21, 14]
    stripe = blob(16, 24, slice(3, 6), slice(None))
    assert attentional_boxes(stripe, (16, 24)).tolist() == [3, 3, 21, 6]


def test_one_pixel() -> None:
    assert attentional_boxes(torch.ones(1, 1), (1, 1)).tolist() == [0, 0, 1, 1]


def test_of_two_peaks_the_longer_run() -> None:
    region = blob(16, 24, slice(4, 9), slice(2, 5)) + blob(16, 24, slice(4, 9), slice(12, 20))
    assert attentional_boxes(region, (16, 24))[[0, 2]].tolist() == [12, 20]


def test_every_box_is_inside_and_long_enough() -> None:
    maps = torch.rand(50, 4, 3, 5, generator=torch.Generator().manual_seed(0)) ** 4
    x1, y1, x2, y2 = attentional_boxes(maps, (33, 41)).unbind(-1)
    assert bool((x1 >= 0).all() & (y1 >= 0).all() & (x2 <= 41).all() & (y2 <= 33).all())
    assert (x2 - x1).min() == 6  # a ceil of 41 / 8
    assert (y2 - y1).min() == 5
    assert (x2 - x1).unique().numel() > 5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    maps = torch.rand(4, 2, 5, 5).to(dtype)
    boxes = attentional_boxes(maps, (64, 64))
    assert boxes.tolist() == attentional_boxes(maps.float(), (64, 64)).tolist()


@pytest.mark.parametrize("size", [(16, 12), (5, 7), (40, 31), (1, 1)])
def test_crops_are_slices_that_torch_resizes(size: tuple[int, int]) -> None:
    images = torch.randn(2, 3, 16, 20)
    boxes = torch.tensor([[[0, 0, 20, 16], [3, 5, 11, 9]], [[19, 15, 20, 16], [0, 2, 17, 3]]])
    crops = crop_boxes(images, boxes, size)
    assert crops.shape == (4, 3, *size)
    for index, (x1, y1, x2, y2) in enumerate(boxes.flatten(0, 1).tolist()):
        part = images[index // 2, None, :, y1:y2, x1:x2]
        expected = F.interpolate(part, size, mode="bilinear", align_corners=True)[0]
        assert_close(crops[index], expected, rtol=0, atol=1e-4)


def test_no_gradient() -> None:
    maps, images = torch.rand(1, 1, 4, 4), torch.randn(1, 3, 8, 8, requires_grad=True)
    boxes = attentional_boxes(maps.requires_grad_(), (8, 8))
    assert not crop_boxes(images, boxes, (8, 8)).requires_grad
