import numpy as np
import pytest
import torch

from mmsrdl.visualization.verdict import Verdict, decide, judge


def test_every_verdict() -> None:
    found, missed, rejected, invented, unknown = judge(
        [0.9, 0.1, 0.2, 0.8, 0.8], [1, 1, 0, 0, -1], 0.5
    )
    assert found is Verdict.FOUND
    assert missed is Verdict.MISSED
    assert rejected is Verdict.REJECTED
    assert invented is Verdict.INVENTED
    assert unknown is Verdict.UNKNOWN
    assert [v.is_wrong for v in (found, missed, rejected, invented, unknown)] == [0, 1, 0, 1, 0]


def test_wrong_is_told_by_sign_and_colour() -> None:
    right = {(verdict.sign, verdict.colour) for verdict in Verdict if not verdict.is_wrong}
    wrong = {(verdict.sign, verdict.colour) for verdict in Verdict if verdict.is_wrong}
    assert not {sign for sign, _ in right} & {sign for sign, _ in wrong}
    assert not {colour for _, colour in right} & {colour for _, colour in wrong}


def test_thresholds_of_classes() -> None:
    np.testing.assert_array_equal(
        decide(torch.full((2, 3), 0.5), torch.tensor([0.4, 0.5, 0.6])), [[True, True, False]] * 2
    )


def test_thresholds_are_rounded_as_the_scores() -> None:
    assert decide(torch.tensor([0.7]), 0.7).all()  # 0.7 in single precision is less
    assert decide(np.array([0.7], np.float32), np.array([0.7])).all()


def test_clear_errors() -> None:
    with pytest.raises(ValueError, match=r"must both be \[C\], got \(2,\) and \(3,\)"):
        judge([0.1, 0.2], [1, 0, 1], 0.5)
    with pytest.raises(ValueError, match="must be 1, 0 or -1"):
        judge([0.1, 0.2], [1, 2], 0.5)
