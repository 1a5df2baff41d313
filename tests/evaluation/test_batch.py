import numpy as np
import pytest
import torch

from mmsrdl.evaluation.batch import ScoredBatch

SCORE = torch.tensor([0.1, 0.2, 0.3, 0.4])


def target(**fields) -> list[int]:
    return ScoredBatch.from_samples([{"pred_score": SCORE, **fields}]).targets[0].tolist()


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor])
def test_target_from_class_indices(kind):
    assert target(gt_label=kind([1, 3])) == [0, 1, 0, 1]


@pytest.mark.parametrize("empty", [[], torch.tensor([]), np.array([])])
def test_no_label_is_all_negative(empty):
    assert target(gt_label=empty) == [0, 0, 0, 0]


def test_gt_score_goes_before_gt_label():
    assert target(gt_score=torch.tensor([1.0, 0, -1, 0]), gt_label=[3]) == [1, 0, -1, 0]


@pytest.mark.parametrize("difficult", [[0, 1], torch.tensor([0, 1]), (1, 0)])
def test_difficult_is_left_out_unless_positive(difficult):
    assert target(gt_label=[1, 3], gt_label_difficult=difficult) == [-2, 1, 0, 1]
    score = torch.tensor([0.0, 1, 0, 1])
    assert target(gt_score=score, gt_label_difficult=difficult) == [-2, 1, 0, 1]
    assert score.tolist() == [0, 1, 0, 1]


def test_unknown_is_not_difficult():
    """-1 of gt_score, and what gt_label_unknown takes from gt_label_difficult."""
    score = torch.tensor([-1.0, 1, -1, -1])
    assert target(gt_score=score) == [-1, 1, -1, -1]
    assert target(gt_score=score, gt_label_difficult=[0]) == [-2, 1, -1, -1]
    fields = dict(gt_label_difficult=[0, 1, 3], gt_label_unknown=[1, 3])
    assert target(gt_score=score, **fields) == [-2, 1, -1, -1]
    assert target(gt_label=[1], **fields) == [-2, 1, 0, -1]


def test_labels_tell_difficult_from_unknown():
    sample = {"pred_score": SCORE, "gt_score": torch.tensor([1.0, -1, -1, 0])}
    batch = ScoredBatch.from_samples([sample])
    targets, difficult = batch.labels()
    assert targets is batch.targets
    assert difficult is None
    targets, difficult = ScoredBatch.from_samples([{**sample, "gt_label_difficult": [2]}]).labels()
    assert targets.tolist() == [[1, -1, -1, 0]]
    assert difficult.tolist() == [[False, False, True, False]]


@pytest.mark.parametrize("difficult", [[], None])
def test_no_difficult(difficult):
    assert target(gt_label=[1], gt_label_difficult=difficult) == [0, 1, 0, 0]


def test_index_path_and_dtype():
    batch = ScoredBatch.from_samples(
        [
            {"pred_score": SCORE.half(), "gt_label": [0], "sample_idx": 7, "img_path": "a.jpg"},
            {"pred_score": SCORE, "gt_label": [0]},
        ]
    )
    assert batch.sample_idx.tolist() == [7, -1]
    assert batch.img_paths == ["a.jpg", ""]
    assert batch.scores.dtype == torch.float32
    assert batch.targets.dtype == torch.int8


def test_double_scores_keep_their_precision():
    batch = ScoredBatch.from_samples([{"pred_score": SCORE.double() + 1e-12, "gt_label": [0]}])
    torch.testing.assert_close(batch.scores[0], SCORE.double() + 1e-12, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pred_score": None}, "no pred_score"),
        ({"pred_score": SCORE[None]}, r"pred_score must have the shape \[C\], got \[1, 4\]"),
        ({"gt_label": None}, "neither gt_score nor gt_label"),
        ({"gt_label": [4]}, r"gt_label must hold class indices in 0, ..., 3, got \[4\]"),
        ({"gt_label": [-1]}, r"gt_label must hold class indices in 0, ..., 3, got \[-1\]"),
        ({"gt_label_difficult": [9]}, "gt_label_difficult must hold class indices"),
        (
            {"gt_score": torch.zeros(5)},
            "length 4 of pred_score, got the shape .5.; set num_classes .*embedder",
        ),
        ({"gt_score": torch.full((4,), 0.5)}, r"1 \(positive\).* got 0.5"),
    ],
)
def test_malformed_sample(fields, message):
    with pytest.raises(ValueError, match=message):
        ScoredBatch.from_samples([{"pred_score": SCORE, "gt_label": [0], **fields}])


def test_scores_of_different_length():
    samples = [{"pred_score": torch.rand(n), "gt_label": [0]} for n in (3, 4)]
    with pytest.raises(ValueError, match=r"one length in all samples, got \[3, 4\]"):
        ScoredBatch.from_samples(samples)
    with pytest.raises(ValueError, match=r"one length in all samples, got \[3, 4\]"):
        ScoredBatch.concat([ScoredBatch.from_samples([sample]) for sample in samples])
