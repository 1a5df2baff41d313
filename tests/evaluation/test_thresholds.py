import json
from pathlib import Path

import pytest
import torch

from mmsrdl.evaluation import Thresholds, best_f1_thresholds

THRESHOLDS = Thresholds(("cat", "dog"), (0.25, 1), 2.0, {"objective": "f1", "images": 9, "not": []})


def test_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "thresholds.json"
    THRESHOLDS.save(path)
    read = Thresholds.load(path)
    assert read == THRESHOLDS
    assert read.protocol == THRESHOLDS.protocol
    assert read.source == str(path)
    assert json.loads(path.read_text())["thresholds"] == {"cat": 0.25, "dog": 1}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_decisions_survive_the_file(tmp_path: Path, dtype: torch.dtype) -> None:
    """Scores that are neighbours in their type, on both sides of the threshold."""
    high = torch.rand(200, generator=torch.Generator().manual_seed(0), dtype=dtype).clamp(0.01)
    bits = {torch.float16: torch.int16, torch.float32: torch.int32, torch.float64: torch.int64}
    low = (high.view(bits[dtype]) - 1).view(dtype)
    scores, targets = torch.stack([low, high]), torch.tensor([[0], [1]]).expand(2, 200)
    names = tuple(map(str, range(200)))
    tuned = best_f1_thresholds(scores, targets).values
    Thresholds(names, tuple(tuned.tolist())).save(tmp_path / "t.json")
    read = Thresholds.load(tmp_path / "t.json")
    assert torch.equal(read.of(names, dtype), tuned)
    assert torch.equal(read.decide(scores, names), targets == 1)


def test_names_give_the_order() -> None:
    assert THRESHOLDS.of(["dog", "cat", "dog"]).tolist() == [1, 0.25, 1]
    assert THRESHOLDS.of(["dog"]).dtype == torch.float32
    assert THRESHOLDS.of([]).shape == (0,)
    with pytest.raises(ValueError, match=r"no threshold for 'cow', 'owl' \(2 of 3 classes\); tune"):
        THRESHOLDS.of(["cow", "cat", "owl"])


def test_a_missing_class_is_said_with_the_file(tmp_path: Path) -> None:
    THRESHOLDS.save(tmp_path / "t.json")
    with pytest.raises(ValueError, match=r"t\.json.*: no threshold for 'cow'"):
        Thresholds.load(tmp_path / "t.json").of(["cow"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_calibration(dtype: torch.dtype) -> None:
    scores = torch.tensor([[0.0, 0.2], [0.5, 0.9], [1.0, 1.0]], dtype=dtype)
    calibrated = THRESHOLDS.calibrate(scores)
    assert calibrated.dtype == dtype
    odds = (scores.double() / (1 - scores.double())).sqrt()
    expected = torch.where(scores == 1, 1.0, odds / (1 + odds))
    torch.testing.assert_close(calibrated.double(), expected, atol=5e-3, rtol=0)
    assert calibrated[1, 0] == 0.5
    plain = Thresholds(("cat",), (0.5,))
    assert plain.calibrate(scores) is scores


def test_calibration_of_scores_that_round_beyond_the_unit_interval() -> None:
    scores = torch.tensor([1.00005, -1e-5])
    assert THRESHOLDS.calibrate(scores).tolist() == [1, 0]


def test_decisions() -> None:
    scores = torch.tensor([[0.11, 0.999], [0.09, 1.0]])  # square roots of odds: 1/3 at 0.1
    assert THRESHOLDS.decide(scores, ["cat", "dog"]).tolist() == [[True, False], [False, True]]
    assert THRESHOLDS.decide(scores[0, :1], ["cat"]).tolist() == [True]


def test_description() -> None:
    assert THRESHOLDS.describe() == "objective f1, images 9, temperature 2"
    assert Thresholds((), ()).describe() == "no protocol"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((("a",), (0.5, 0.5)), ValueError, "values has 2 thresholds for 1 classes"),
        ((("a", "a"), (0.5, 0.5)), ValueError, "classes must be distinct, got a more than once"),
        ((("a",), (1.5,)), ValueError, r"thr must lie in \[0, 1\].* got 1.5"),
        ((("a",), (float("nan"),)), ValueError, r"thr must lie in \[0, 1\].* got nan"),
        ((("a",), ("0.5",)), TypeError, "thr must be a number .* got '0.5'"),
        ((("a",), (0.5,), 0), ValueError, "temperature=0 must be a finite number above 0"),
        ((("a",), (0.5,), float("nan")), ValueError, "temperature=nan must be"),
        ((("a",), (0.5,), "1"), TypeError, "temperature must be a number above 0, got '1'"),
    ],
)
def test_wrong_arguments(arguments, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Thresholds(*arguments)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is no file of `mmsrdl thresholds`: Expecting value"),
        ('{"version": 1, "thresholds": {"a": 0.5', "is no file of `mmsrdl thresholds`: Expecting"),
        ("[1, 2]", "is no file of"),
        ("{}", "'version' is missing; write it again"),
        ('{"version": 1}', "'thresholds' is missing"),
        ('{"version": 2, "thresholds": {}}', "its version is 2, and 1 can be read"),
        (
            '{"version": 1, "thresholds": {"a": 0.5, "a": 0.6}}',
            "the key 'a' stands 2 times",
        ),
        ('{"version": 1, "thresholds": [0.5]}', "is no file of"),
        ('{"version": 1, "thresholds": {"a": true}}', "must be a number .* got True"),
        ('{"version": 1, "thresholds": {"a": null}}', "must be a number .* got None"),
        ('{"version": 1, "thresholds": {"a": 2}}', r"must lie in \[0, 1\].* got 2"),
        ('{"version": 1, "thresholds": {}, "temperature": -1}', "temperature=-1 must be"),
        ('{"version": 1, "thresholds": {}, "temperature": 1e-50}', "temperature=1e-50 must be"),
        (f'{{"version": 1, "thresholds": {{}}, "temperature": 1{"0" * 400}}}', "must be a finite"),
        ('{"version": 1, "thresholds": ' + "[" * 100_000, "recursion"),
        ('{"version": 1, "thresholds": {}, "protocol": 3}', "is no file of"),
    ],
)
def test_damaged_files(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        Thresholds.load(path)
    assert f"thresholds='{path}'" in str(error.value)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist; write it with `mmsrdl thresholds"):
        Thresholds.load(tmp_path / "none.json")
    with pytest.raises(ValueError, match="is no file of"):
        Thresholds.load(tmp_path)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no file of"):
        Thresholds.load(tmp_path / "binary.json")
