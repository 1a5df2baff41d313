"""Classes of which too little is known."""

import torch

from mmsrdl.evaluation.functional.known_labels import negatives_hidden, no_known_negative


def test_classes_whose_negatives_are_all_unknown() -> None:
    # Known; no positive; nothing known; always positive; positives alone; one negative beside.
    targets = torch.tensor([[1, 0, -1, 1, 1, 1], [0, 0, -1, 1, -1, -1], [1, -1, -1, 1, -1, 0]])
    assert negatives_hidden(targets).tolist() == [False, False, False, False, True, False]
    assert not negatives_hidden(targets[:0]).any()


def test_a_set_whose_negatives_are_all_unknown() -> None:
    assert no_known_negative(torch.tensor([[1, -1], [-1, 1]]))
    assert not no_known_negative(torch.tensor([[1, -1], [0, 1]]))
    assert not no_known_negative(torch.ones(2, 2))
