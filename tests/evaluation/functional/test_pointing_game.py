import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from mmsrdl.evaluation import pointing_accuracy, pointing_hits
from mmsrdl.evaluation.functional import is_hard, point_hits


def peak(row: int, column: int, rows: int = 4, columns: int = 5) -> Tensor:
    each = torch.zeros(rows, columns)
    each[row, column] = 1.0
    return each


def box(*corners: float) -> Tensor:
    return torch.tensor([corners], dtype=torch.float32)


def test_the_point_is_the_centre_of_the_largest_cell() -> None:
    # Cells of 20 x 30 pixels: the centre of (1, 3) is x = 70, y = 45.
    maps = peak(1, 3)[None]
    for corners, hit in (
        ((69, 44, 71, 46), 1.0),
        ((0, 0, 69.5, 120), 0.0),
        ((70.5, 0, 100, 120), 0.0),
        ((44, 69, 46, 71), 0.0),  # x and y exchanged
    ):
        assert pointing_hits(maps, [box(*corners)], (120, 100)).tolist() == [hit]


def test_the_point_is_that_of_the_map_enlarged_bilinearly() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(20, 5, 6, generator=generator)
    maps[:, [0, -1]] = maps[:, :, [0, -1]] = 0.0  # beyond the outer centres it is flat
    large = torch.nn.functional.interpolate(maps[None], size=(55, 66), mode="bilinear")[0]
    for small, each in zip(maps, large, strict=True):
        y, x = divmod(int(each.argmax()), 66)
        around = box(x + 0.4, y + 0.4, x + 0.6, y + 0.6)  # the pixel's centre
        assert pointing_hits(small[None], [around], (55, 66)).tolist() == [1.0]


def test_any_box_of_the_class_will_do_and_classes_have_their_own() -> None:
    maps = torch.stack([peak(0, 0), peak(0, 0), peak(0, 0)])
    far, near = box(80, 80, 100, 120), box(5, 5, 15, 25)
    boxes = [torch.cat([far, near]), far, torch.empty(0, 4)]
    assert pointing_hits(maps, boxes, (120, 100)).tolist() == [1.0, 0.0, 0.0]


def test_ties_score_their_share() -> None:
    corner = box(0, 0, 40, 30)  # 2 of the 20 cells, among them the first
    flat = torch.full((4, 5), 0.3)
    assert_close(pointing_hits(flat[None], [corner], (120, 100)).item(), 0.1)
    two = peak(0, 0) + peak(3, 3)
    assert pointing_hits(two[None], [corner], (120, 100)).item() == 0.5


def test_tolerance_is_a_distance() -> None:
    around = box(10, 10, 20, 20)
    points = torch.tensor([[15.0, 15], [23, 24], [20, 25.5], [7, 6], [4, 15]])
    for tolerance, expected in (
        (0, [True, False, False, False, False]),
        (5, [True, True, False, True, False]),
        (6, [True, True, True, True, True]),
    ):
        assert point_hits(points, around, tolerance).tolist() == expected


def test_against_a_loop() -> None:
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 3, (30, 3, 4)).astype(np.float32)
    corners = rng.uniform(0, 60, (30, 2, 2, 2)).astype(np.float32)
    boxes = np.sort(corners, axis=2).reshape(30, 2, 4)  # x1 y1 x2 y2
    expected = []
    for each, around in zip(maps, boxes, strict=True):
        hits, count = 0, 0
        for i in range(3):
            for j in range(4):
                if each[i, j] == each.max():
                    y, x, count = (i + 0.5) * 60 / 3, (j + 0.5) * 60 / 4, count + 1
                    hits += any(a <= x <= c and b <= y <= d for a, b, c, d in around)
        expected.append(hits / count)
    found = pointing_hits(torch.from_numpy(maps), list(torch.from_numpy(boxes)), (60, 60))
    assert found.tolist() == pytest.approx(expected)
    assert 0 < sum(expected) < 30


def test_hard_pairs() -> None:
    size = (100, 100)
    assert is_hard(box(0, 0, 49, 50), size, 2)
    assert not is_hard(box(0, 0, 50, 50), size, 2)
    assert not is_hard(box(0, 0, 10, 10), size, 1)
    assert not is_hard(torch.cat([box(0, 0, 40, 40), box(50, 50, 90, 90)]), size, 2)


def test_accuracy() -> None:
    hits = torch.tensor([1, 1, 0, 0.5, 0])
    found = pointing_accuracy(hits, torch.tensor([0, 0, 0, 2, 2]), 4)
    assert_close(found.per_class[[0, 2]], torch.tensor([2 / 3, 0.25], dtype=torch.float64))
    assert found.per_class[[1, 3]].isnan().all()
    assert found.mean == pytest.approx((2 / 3 + 0.25) / 2)
    assert found.overall == pytest.approx(0.5)
    assert found.pairs.tolist() == [3, 0, 2, 0]


def test_no_class() -> None:
    assert pointing_hits(torch.empty(0, 4, 5), [], (10, 10)).shape == (0,)


@pytest.mark.parametrize(
    ("maps", "count", "tolerance", "error", "message"),
    [
        (torch.zeros(4, 5), 4, 0, ValueError, r"\[K, h, w\] .* got \[4, 5\]"),
        (torch.zeros(2, 4, 5), 1, 0, ValueError, "1 lists of boxes"),
        (torch.zeros(1, 0, 5), 1, 0, ValueError, r"got \[1, 0, 5\]"),
        (torch.full((1, 4, 5), torch.nan), 1, 0, ValueError, "NaN or infinite"),
        (torch.zeros(1, 4, 5), 1, -1, ValueError, "tolerance=-1"),
        (torch.zeros(1, 4, 5), 1, "3", TypeError, "tolerance='3'"),
    ],
)
def test_bad_input(
    maps: Tensor, count: int, tolerance: float, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        pointing_hits(maps, [box(0, 0, 1, 1)] * count, (10, 10), tolerance)
