"""Presets against loops written from the papers' code, and against MMPretrain itself."""

from dataclasses import replace

import pytest
import torch
from mmpretrain.evaluation import AveragePrecision
from mmpretrain.evaluation import MultiLabelMetric as TheirMetric

from mmsrdl.evaluation import PROTOCOLS, Protocol, get_protocol, precision_recall_f1
from mmsrdl.evaluation.protocols import get_protocols, unknown_warning
from tests.reference import protocols as reference

SIGNS = {1: 1, 0: 0, "d": -1, "u": -1}


def case(seed: int, images: int = 17, classes: int = 5, kinds=(1, 0, 0, "d", "u")):
    """Scores with ties, labels of all kinds, two images without a label."""
    generator = torch.Generator().manual_seed(seed)
    scores = (torch.rand(images, classes, generator=generator) * 20).round() / 20
    drawn = torch.randint(len(kinds), (images, classes), generator=generator)
    labels = [[kinds[i] for i in row] for row in drawn.tolist()]
    labels[0], labels[3], labels[5] = [1] * classes, [0] * classes, [0] * classes
    labels[4] = ["d" if "d" in kinds else 0] + [0] * (classes - 1)
    return scores, labels


def tensors(labels) -> tuple[torch.Tensor, torch.Tensor]:
    targets = torch.tensor([[SIGNS[label] for label in row] for row in labels], dtype=torch.int8)
    return targets, torch.tensor([[label == "d" for label in row] for row in labels])


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("seed", range(6))
def test_equals_loops(name: str, seed: int) -> None:
    scores, labels = case(seed)
    if seed == 5:  # a class without a positive
        labels = [[0 if row[0] == 1 else row[0], *row[1:]] for row in labels]
    found = PROTOCOLS[name].figures(scores, *tensors(labels))
    expected = reference.figures(name, scores.tolist(), labels)
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, abs=1e-6)


def test_loops_know_every_preset() -> None:
    assert list(reference.RULES) == list(PROTOCOLS)


def test_presets_differ() -> None:
    """Every preset gives other figures on the same predictions."""
    scores, labels = case(0)
    found = [tuple(p.figures(scores, *tensors(labels)).values()) for p in PROTOCOLS.values()]
    assert len(set(found)) == len(PROTOCOLS)


def test_paper_is_the_default_of_the_functions() -> None:
    scores, labels = case(1)
    targets, difficult = tensors(labels)
    paper = PROTOCOLS["paper"].figures(scores, targets, difficult)
    assert paper == PROTOCOLS["paper"].figures(scores, targets)
    for topk, suffix in ((None, ""), (3, "_top3")):
        for key, value in precision_recall_f1(scores, targets, 0.5, topk)._asdict().items():
            assert paper[key + suffix] == 100 * value


def test_mmpretrain_is_what_mmpretrain_computes() -> None:
    torch.manual_seed(0)
    scores = torch.rand(40, 6)  # without ties, which it ranks by their order
    targets = torch.randint(-1, 2, (40, 6))
    found = PROTOCOLS["mmpretrain"].figures(scores, targets)
    assert found["mAP"] == pytest.approx(AveragePrecision.calculate(scores, targets))
    for arguments, suffix in (({"thr": 0.5}, ""), ({"topk": 3}, "_top3")):
        for average, letter in (("macro", "C"), ("micro", "O")):
            theirs = TheirMetric.calculate(
                scores, targets.clone(), "score", "score", average=average, **arguments
            )
            ours = [found[f"{letter}{key}{suffix}"] for key in ("P", "R", "F1")]
            assert ours == pytest.approx([float(value) for value in theirs[:3]], rel=1e-5)


@pytest.mark.parametrize(
    ("policy", "ap", "precision", "recall"),
    [
        ("ignored", 100, 100, 100),
        ("ignored_in_ap", 100, 50, 100),
        ("negative", 50, 50, 100),
        ("positive", 100, 100, 100),
    ],
)
def test_difficult_policies_by_hand(policy, ap, precision, recall) -> None:
    """One class: a difficult object scored 0.9, a positive scored 0.8, a negative scored 0.1."""
    scores = torch.tensor([[0.9], [0.8], [0.1]])
    targets = torch.tensor([[-1], [1], [0]], dtype=torch.int8)
    protocol = Protocol("hand", "by hand", difficult=policy)
    found = protocol.figures(scores, targets, targets == -1, topk=None)
    assert [found[key] for key in ("mAP", "OP", "OR")] == pytest.approx([ap, precision, recall])
    # An entry that is not said to be difficult is left out by all.
    found = protocol.figures(scores, targets, topk=None)
    assert [found[key] for key in ("mAP", "OP", "OR")] == [100, 100, 100]
    assert targets.tolist() == [[-1], [1], [0]]


@pytest.mark.parametrize("policy", ["as_given", "kept", "dropped"])
def test_images_without_a_label_by_hand(policy: str) -> None:
    """Dropped is an image whose entries are all negative; not one with a difficult object."""
    scores = torch.tensor([[0.9, 0.1], [0.8, 0.1], [0.1, 0.2]])
    targets = torch.tensor([[1, 0], [0, 0], [0, -1]], dtype=torch.int8)
    protocol = Protocol("hand", "by hand", empties=policy, difficult="ignored_in_ap")
    judged = protocol.judge(scores, targets, targets == -1)
    assert judged.dropped == (policy == "dropped")
    assert len(judged.scores) == 3 - judged.dropped
    found = protocol.figures(scores, targets, targets == -1, topk=None)
    assert found["OP"] == (100 if policy == "dropped" else 50)


def test_topk_whatever_the_score_by_hand() -> None:
    scores, targets = torch.tensor([[0.9, 0.2, 0.1]]), torch.tensor([[1, 1, 0]])
    above = PROTOCOLS["paper"].figures(scores, targets, topk=2)
    whatever = PROTOCOLS["mmpretrain"].figures(scores, targets, topk=2)
    assert (above["OR_top2"], whatever["OR_top2"]) == (50, 100)
    assert above["OR"] == whatever["OR"] == 50


def test_two_cf1s_by_hand() -> None:
    """Class A: 1 of 1 predicted right, of 4; class B: 2 of 4 predicted right, of 2."""
    targets = torch.tensor([[1, 1], [1, 1], [1, 0], [1, 0]])
    scores = torch.tensor([[1.0, 1], [0, 1], [0, 1], [0, 1]])
    plain = precision_recall_f1(scores, targets)
    mean = precision_recall_f1(scores, targets, cf1="mean_of_classes")
    assert pytest.approx(0.6818, abs=5e-5) == plain.CF1
    assert pytest.approx((0.4 + 2 / 3) / 2) == mean.CF1
    assert mean._replace(CF1=0) == plain._replace(CF1=0)
    with pytest.raises(ValueError, match=r"cf1 must be one of .*got 'macro'"):
        precision_recall_f1(scores, targets, cf1="macro")


def test_nothing_is_copied_where_nothing_changes() -> None:
    scores, labels = case(2)
    targets, difficult = tensors(labels)
    judged = PROTOCOLS["paper"].judge(scores, targets, difficult)
    assert judged.scores is scores
    assert judged.ap_targets is judged.targets is targets


def test_unknown_labels_are_warned_of_where_difficult_ones_count() -> None:
    targets, difficult = tensors([[1, "d"], ["u", "u"]])
    assert unknown_warning(PROTOCOLS["paper"], targets, difficult) == ""
    assert "2 labels of -1 are not said to be" in unknown_warning(
        PROTOCOLS["ssgrl"], targets, difficult
    )
    assert "3 labels" in unknown_warning(PROTOCOLS["mcar"], targets, None)
    assert unknown_warning(PROTOCOLS["mcar"], *tensors([[1, "d"]])) == ""


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"ap": "voc"}, ValueError, "ap of protocol 'paper' must be one of .*got 'voc'"),
        ({"topk_rule": "no"}, ValueError, "topk_rule of protocol .*got 'no'"),
        ({"difficult": "hard"}, ValueError, "difficult of protocol .*got 'hard'"),
        ({"empties": None}, ValueError, "empties of protocol .*got None"),
        ({"cf1": "macro"}, ValueError, "cf1 of protocol .*got 'macro'"),
        ({"thr": 2}, ValueError, r"thr must lie in \[0, 1\].*got 2"),
        ({"thr": "0.5"}, TypeError, "thr must be a number"),
    ],
)
def test_wrong_fields(changes: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        replace(PROTOCOLS["paper"], **changes)


def test_names() -> None:
    assert get_protocol("asl") is PROTOCOLS["asl"]
    own = replace(PROTOCOLS["asl"], name="own", thr=0.7)
    assert get_protocols(own) == (own,)
    assert get_protocols(["paper", own]) == (PROTOCOLS["paper"], own)
    with pytest.raises(ValueError, match=r"protocol must be one of paper, mlgcn, .*got 'coco'"):
        get_protocol("coco")
    for names in ([], ["paper", "paper"]):
        with pytest.raises(ValueError, match="one or several distinct protocols"):
            get_protocols(names)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_preset_says_where_it_is_from(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.source
    assert protocol.open
    assert protocol.describe().startswith(f"{name}: {protocol.ap} AP, threshold {protocol.thr:g}")
