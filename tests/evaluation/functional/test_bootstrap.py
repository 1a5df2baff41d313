"""AP of resampled images against AP of the images written out."""

import pytest
import torch

from mmsrdl.evaluation.functional import (
    average_precision,
    draw_counts,
    resampled_average_precision,
)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("levels", [4, 10_000])
def test_equals_a_loop_over_written_out_images(seed: int, levels: int) -> None:
    torch.manual_seed(seed)
    scores = torch.randint(levels, (30, 6)) / levels  # of 4 levels, with many ties
    targets = torch.randint(-1, 2, (30, 6))
    targets[:, 1] = torch.randint(0, 2, (30,))  # a class without unknown entries
    targets[:, 2] = -1  # a class of which nothing is known
    targets[1:, 4] = 0
    targets[0, 4] = 1  # a class of one positive, which a third of the replicates lack
    counts = draw_counts(30, 20, seed)
    found = resampled_average_precision(scores, targets, counts)
    assert found.shape == (20, 6)
    assert found[:, 2].isnan().all()
    assert 0 < found[:, 4].isnan().sum() < 20
    for row, count in zip(found, counts, strict=True):
        images = torch.repeat_interleave(torch.arange(30), count)
        written_out = average_precision(scores[images], targets[images])
        assert row.tolist() == pytest.approx(written_out.tolist(), abs=1e-12, nan_ok=True)


def test_draws_are_whole_data_sets_repeatable_by_seed() -> None:
    counts = draw_counts(7, 50, 3)
    assert counts.shape == (50, 7)
    assert counts.sum(1).tolist() == [7] * 50
    assert torch.equal(counts, draw_counts(7, 50, 3))
    assert not torch.equal(counts, draw_counts(7, 50, 4))
    # Each of the other draws of a replicate meets an image with chance 1 / 7.
    assert draw_counts(7, 4000).float().mean(0).sub(1).abs().max() < 0.06


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (torch.ones(2, 3, dtype=torch.int32), r"\[R, 4\]"),
        (torch.ones(2, 4), "must be integers"),
        (-torch.ones(2, 4, dtype=torch.int32), "at least 0, got -1"),
    ],
)
def test_mistakes_are_named(counts: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resampled_average_precision(torch.rand(4, 2), torch.ones(4, 2), counts)
    with pytest.raises(ValueError, match="at least 1"):
        draw_counts(0, 5)
