"""Where object erasing erases: corner cases, and agreement with the loops on random maps."""

import pytest
import torch
from torch import Tensor

from mmsrdl.models.erasing import ObjectErasing, erased_region, marginal_run
from tests.reference import oe as reference


def rows(mask: Tensor) -> list[str]:
    return ["".join("#" if cell else "." for cell in row) for row in mask]


@pytest.mark.parametrize("region", ["rectangle", "cross"])
@pytest.mark.parametrize("alpha", [0.1, 0.5, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (6, 1), (2, 2), (5, 7), (14, 14)])
def test_equals_loops_on_random_maps(region: str, alpha: float, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    maps = torch.rand(3, 4, *size, dtype=torch.float64)
    # Coarse values make ties of maxima and of widths frequent.
    coarse = torch.randint(0, 4, (3, 4, *size)).double() / 3
    for batch in (maps, coarse):
        ours = erased_region(batch, alpha, region)
        for n in range(3):
            for c in range(4):
                theirs = reference.erased_mask(batch[n, c], alpha, region)
                assert torch.equal(ours[n, c], theirs), batch[n, c]


def test_flat_map_erases_nothing() -> None:
    assert not erased_region(torch.full((2, 3, 4), 0.7)).any()
    assert not erased_region(torch.ones(1, 1)).any()


def test_peak_on_the_border() -> None:
    spatial = torch.tensor([[0.9, 0.6, 0.1], [0.2, 0.1, 0.1], [0.0, 0.1, 0.1]])
    assert rows(erased_region(spatial)) == ["##.", "...", "..."]


def test_two_equal_peaks_keep_the_widest_run() -> None:
    assert rows(marginal_run(torch.tensor([[1, 0, 1, 0.6, 0]]), 0.5)) == ["..##."]
    # Of equally wide runs the first, and a wide run without the maximum does not count.
    assert rows(marginal_run(torch.tensor([[1, 0, 1, 0, 0.8, 0.8]]), 0.5)) == ["#....."]


def test_stripe_spans_the_flat_axis() -> None:
    stripe = torch.tensor([[0.0, 1, 0], [0, 1, 0]])
    assert rows(erased_region(stripe)) == [".#.", ".#."]
    assert rows(erased_region(stripe, region="cross")) == [".#.", ".#."]


def test_one_row() -> None:
    assert rows(erased_region(torch.tensor([[0.1, 0.9, 0.6, 0.2]]))) == [".##."]


def test_region_carries_no_gradient() -> None:
    assert not erased_region(torch.rand(3, 3, requires_grad=True)).requires_grad


def test_scale_and_offset_do_not_matter() -> None:
    torch.manual_seed(0)
    scores = torch.randn(4, 5, 6, dtype=torch.float64)
    assert torch.equal(erased_region(scores), erased_region(8 * scores - 3))


def test_classes_are_chosen_by_score() -> None:
    logits = torch.tensor([[0.0, 3, -1, 2], [1.0, 0, 5, 4]])
    assert ObjectErasing(topk=2).select(logits).tolist() == [[1, 3], [2, 3]]
    assert ObjectErasing(topk=9).select(logits).shape == (2, 4)
    scores = [reference.top_k(row, 2) for row in logits]
    assert ObjectErasing(topk=2).select(logits).tolist() == scores


def test_no_parameters_and_no_state() -> None:
    module = ObjectErasing()
    assert list(module.parameters()) == []
    assert module.state_dict() == {}
    assert "topk=3, alpha=0.5" in repr(module)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(topk=0), "topk=0 must be at least 1"),
        (dict(region="disc"), "region='disc' is unknown"),
        (dict(era_classes="some"), "era_classes='some' is unknown"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ObjectErasing(**options)


@pytest.mark.parametrize("topk", [True, 2.5, float("nan"), "3", None])
def test_topk_that_is_no_integer(topk: object) -> None:
    with pytest.raises(TypeError, match=r"topk=.* must be an integer of at least 1, such as 3"):
        ObjectErasing(topk=topk)


@pytest.mark.parametrize(
    ("alpha", "error"),
    [(True, TypeError), ("0.5", TypeError), (None, TypeError)]
    + [(float(value), ValueError) for value in ("nan", "inf", "-inf")],
)
def test_alpha_that_is_no_number(alpha: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"must be a finite number, such as 0\.5") as info:
        ObjectErasing(alpha=alpha)
    assert str(info.value).startswith(f"alpha={alpha!r} ")


def test_unknown_region() -> None:
    with pytest.raises(ValueError, match="use one of"):
        erased_region(torch.rand(2, 2), region="disc")
