"""Tuning on one scores file and judging on others."""

import math
from dataclasses import replace

import pytest
import torch

from mmsrdl.evaluation import (
    ScoresFile,
    Thresholds,
    ThresholdTuner,
    best_f1_thresholds,
    check_disjoint,
    choose_shrinkage,
    compare_thresholds,
    cross_validate,
    figures_at,
    precision_recall_f1,
    thresholds_for_precision,
    thresholds_for_recall,
)


def drawn(images: int = 120, seed: int = 0, paths: str = "img/{}.jpg", offset=0.0) -> ScoresFile:
    """Labels of probability p and scores p, shifted class by class by ``offset`` logits."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2.5 * torch.randn(images, 4, generator=generator) - 1
    targets = torch.rand(images, 4, generator=generator) < logits.sigmoid()
    targets = targets.to(torch.int8)
    targets[torch.rand(images, 4, generator=generator) < 0.1] = -1
    scores = (logits + torch.as_tensor(offset)).sigmoid()
    names = tuple(paths.format(i + 1000 * seed) for i in range(images)) if paths else ()
    return ScoresFile(("boat", "car", "dog", "owl"), scores, targets, torch.arange(images), names)


APART = torch.tensor([-2.0, -0.7, 0.7, 2.0])


@pytest.mark.parametrize("scope", ["per_class", "global"])
@pytest.mark.parametrize(
    ("objective", "tune", "wanted"),
    [
        ("f1", best_f1_thresholds, ()),
        ("precision=0.8", thresholds_for_precision, (0.8,)),
        ("recall=0.9", thresholds_for_recall, (0.9,)),
    ],
)
def test_tuner_calls_the_functions(scope: str, objective: str, tune, wanted) -> None:
    file = drawn(offset=APART)
    found = ThresholdTuner(objective, scope, "OF1", shrinkage=0.0).tune(file)
    expected = tune(file.scores, file.targets, *wanted, scope, "OF1")
    assert torch.equal(found.of(file.names), expected.values)
    assert found.temperature == 1
    assert found.protocol["objective"] == objective
    assert found.protocol["scope"] == scope
    assert found.protocol["images"] == 120
    assert found.protocol["without_positive"] == found.protocol["not_met"] == []


def test_shrinkage_is_chosen_where_none_is_given(tmp_path) -> None:
    file = drawn(offset=APART)
    chosen = choose_shrinkage(file.scores, file.targets)
    found = ThresholdTuner().tune(file)
    given = ThresholdTuner(shrinkage=chosen).tune(file)
    assert found == given
    assert found.protocol["shrinkage"] == chosen
    ThresholdTuner(shrinkage=math.inf).tune(file).save(tmp_path / "t.json")
    assert "Infinity" not in (tmp_path / "t.json").read_text()
    assert Thresholds.load(tmp_path / "t.json").protocol["shrinkage"] == "inf"


def test_shrinkage_follows_the_evidence() -> None:
    """Classes of one threshold gain nothing from their own; classes far apart do."""
    far, same = drawn(400, offset=APART), drawn(60)
    assert choose_shrinkage(far.scores, far.targets) <= 30
    assert choose_shrinkage(same.scores, same.targets) >= 10
    assert choose_shrinkage(far.scores[:4], far.targets[:4]) == math.inf


def test_shrinkage_is_what_slow_cross_validation_says() -> None:
    file = drawn(90, offset=APART)
    order = torch.randperm(90, generator=torch.Generator().manual_seed(0))
    figures = {}
    for kappa in (math.inf, 100.0, 30.0, 10.0, 3.0, 1.0, 0.0):
        predicted = torch.zeros(90, 4)
        for held in order.tensor_split(3):
            rest = torch.tensor([i for i in range(90) if i not in held.tolist()])
            part = file.scores[rest], file.targets[rest]
            values = best_f1_thresholds(*part, figure="OF1", shrinkage=kappa).values
            predicted[held] = (file.scores[held] >= values).float()
        figures[kappa] = precision_recall_f1(predicted, file.targets).OF1
    best = max(figures.values())
    expected = next(kappa for kappa, value in figures.items() if value == best)
    assert choose_shrinkage(file.scores, file.targets, "OF1", 3) == expected


def test_classes_that_do_not_get_what_was_asked_for_are_named() -> None:
    file = drawn()
    file.targets[:, 1] = file.targets[:, 1].clamp(max=0)
    file.targets[:, 3] = (file.scores[:, 3] < 0.3).to(torch.int8)  # the wrong way round
    found = ThresholdTuner("precision=0.9").tune(file)
    assert found.protocol["without_positive"] == ["car"]
    assert found.protocol["not_met"] == ["owl"]
    shared = ThresholdTuner("precision=0.9", "global").tune(file)
    assert found.of(["car"]) == shared.of(["car"])


@pytest.mark.parametrize("objective", ["f1", "precision=0.9", "recall=0.9"])
def test_classes_without_a_known_negative_have_the_threshold_of_all(objective: str) -> None:
    file = drawn()
    whole = ThresholdTuner(objective, shrinkage=0.0).tune(file)
    assert whole.protocol["negatives_hidden"] == []
    file.targets[:, 1] = torch.where(file.targets[:, 1] == 1, 1, -1)
    found = ThresholdTuner(objective, shrinkage=0.0).tune(file)
    shared = ThresholdTuner(objective, "global", shrinkage=0.0).tune(file)
    assert found.protocol["negatives_hidden"] == ["car"]
    assert found.protocol["without_positive"] == []
    assert "car" not in found.protocol["not_met"]
    assert found.of(["car"]) == shared.of(["car"])
    others = [name for name in file.names if name != "car"]
    assert found.of(others).tolist() == whole.of(others).tolist()
    # Known to be positive everywhere, it is best predicted everywhere.
    file.targets[:, 1] = 1
    known = ThresholdTuner(objective, shrinkage=0.0).tune(file)
    assert known.protocol["negatives_hidden"] == []
    assert known.of(["car"]).item() <= file.scores[:, 1].min()


def test_positives_alone_cannot_be_tuned_on() -> None:
    file = drawn()
    file.targets[:] = torch.where(file.targets == 1, 1, -1)
    with pytest.raises(ValueError, match=r"hold no known negative, .* negatives are known"):
        ThresholdTuner().tune(file)
    # Where a fold has the only negative, the others cannot tell how much to shrink.
    file.targets[0, 0] = 0
    assert ThresholdTuner().tune(file).protocol["shrinkage"] == "inf"


def test_calibration_keeps_the_decisions_of_f1() -> None:
    file = drawn(offset=APART)
    sharp = replace(file, scores=(2 * file.scores.logit()).sigmoid())
    plain = ThresholdTuner(shrinkage=0.0).tune(sharp)
    calibrated = ThresholdTuner(shrinkage=0.0, calibrate=True).tune(sharp)
    assert calibrated.temperature > 1.3
    decisions = [t.decide(sharp.scores, sharp.names) for t in (plain, calibrated)]
    assert torch.equal(*decisions)


def test_cross_validation_decides_each_image_by_the_others() -> None:
    file = drawn(40, offset=APART)
    tuner = ThresholdTuner(shrinkage=3.0, calibrate=True)
    predicted = torch.zeros(40, 4)
    seen = []
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    for held in order.tensor_split(4):
        rest = torch.tensor([i for i in range(40) if i not in held.tolist()])
        thresholds = tuner.tune(file.rows(rest))
        predicted[held] = thresholds.decide(file.scores[held], file.names).float()
    figures = cross_validate(tuner, file, 4, track=lambda folds: seen.extend(folds) or seen)
    assert figures == precision_recall_f1(predicted, file.targets)
    assert len(seen) == 4


def test_comparison_on_tuned_and_other_images() -> None:
    tuning, judged = drawn(400, offset=APART), drawn(400, seed=1, offset=APART)
    tuner = ThresholdTuner(scope="global")
    found = compare_thresholds(tuner, tuning, judged, folds=3)
    assert found.disjoint is True
    for rows, file in ((found.tuning, tuning), (found.judged, judged)):
        assert list(rows) == ["0.5", "global", "per_class"]
        assert rows["0.5"] == precision_recall_f1(file.scores, file.targets, 0.5)
        for name in ("global", "per_class"):
            assert rows[name] == figures_at(found.thresholds[name], file)
        assert rows["per_class"].CF1 > rows["global"].CF1 > rows["0.5"].CF1
    assert found.thresholds["global"] == tuner.tune(tuning)
    crossed = found.cross_validated
    assert crossed["0.5"] == found.tuning["0.5"]
    assert crossed["per_class"] == cross_validate(ThresholdTuner(), tuning, 3)
    assert crossed["per_class"].CF1 < found.tuning["per_class"].CF1

    alone = compare_thresholds(tuner, tuning, folds=0)
    assert (alone.judged, alone.cross_validated, alone.disjoint) == (None, None, None)


def test_judged_classes_are_found_by_name() -> None:
    tuning, judged = drawn(offset=APART), drawn(seed=1, offset=APART)
    columns = [3, 0]
    fewer = replace(
        judged,
        names=("owl", "boat"),
        scores=judged.scores[:, columns],
        targets=judged.targets[:, columns],
    )
    thresholds = ThresholdTuner(shrinkage=0.0).tune(tuning)
    values = torch.tensor(thresholds.values)[columns]
    expected = precision_recall_f1(fewer.scores, fewer.targets, values)
    assert figures_at(thresholds, fewer) == expected
    with pytest.raises(ValueError, match=r"no threshold for 'cow'"):
        compare_thresholds(ThresholdTuner(), tuning, replace(judged, names=("cow", *"abc")), 0)


def test_shared_images_are_refused() -> None:
    tuning, judged = drawn(), drawn(seed=1)
    assert check_disjoint(tuning, judged)
    paths = ("./img/../img/7.jpg", *judged.img_path[1:])
    with pytest.raises(ValueError, match=r"1 of 120 judged images .* such as .*img/7.jpg; judge"):
        check_disjoint(tuning, replace(judged, img_path=paths))
    with pytest.raises(ValueError, match="120 of 120 judged images"):
        compare_thresholds(ThresholdTuner(), tuning, tuning)


def test_files_without_paths_cannot_be_told_apart() -> None:
    tuning, judged = drawn(paths=""), drawn(seed=1, paths="")
    assert not check_disjoint(tuning, judged)
    assert not check_disjoint(drawn(), judged)
    with pytest.raises(ValueError, match="number by number"):
        check_disjoint(tuning, drawn(paths=""))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"objective": "f2"}, r"objective must be f1, precision=P or recall=R .* got 'f2'"),
        ({"objective": "precision"}, r"such as precision=0.9, got 'precision'"),
        ({"objective": "precision=90"}, r"in \(0, 1\], .* got 'precision=90'"),
        ({"objective": "recall=x"}, "got 'recall=x'"),
        ({"objective": "f1=0.5"}, "got 'f1=0.5'"),
        ({"scope": "image"}, "scope must be one of .*got 'image'"),
        ({"figure": "mAP"}, "figure must be one of .*got 'mAP'"),
        ({"shrinkage": -1.0}, "shrinkage must be 0 or above, got -1"),
        ({"shrinkage": math.nan}, "shrinkage must be 0 or above, got nan"),
    ],
)
def test_wrong_settings(arguments, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ThresholdTuner(**arguments)


def test_too_little_to_cross_validate() -> None:
    file = drawn(6)
    for folds in (1, 7):
        with pytest.raises(ValueError, match=rf"folds must lie in 2, ..., 6 .* got {folds}"):
            cross_validate(ThresholdTuner(), file, folds)
    targets = torch.zeros_like(file.targets)
    targets[0, 0] = 1
    with pytest.raises(ValueError, match=r"without one of them, .*no positive.*folds=0"):
        cross_validate(ThresholdTuner(), replace(file, targets=targets), 3)
