"""What reaches the drawing functions; tests/apis/test_run.py draws with a trained model."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmsrdl.apis import Prediction, pictures
from mmsrdl.apis.pictures import (
    draw_attention,
    draw_average_precision,
    draw_comparison,
    draw_graph,
)
from mmsrdl.datasets.formats import Annotations, ImageRecord
from mmsrdl.evaluation import ScoresFile, Thresholds
from tests.conftest import write_photos


class Inferencer:
    """Scores classes in rising order, whatever the image."""

    def __init__(self, *classes: str) -> None:
        self.classes = classes
        self.thresholds = Thresholds(classes, tuple(0.1 * c for c in range(1, len(classes) + 1)))
        self.methods: list[Any] = []

    def thresholds_of(self, names: Sequence[str]) -> torch.Tensor:
        return self.thresholds.of(names)

    def stream(
        self, inputs: list[str], classes: Sequence[str] | None = None, maps: Any = False
    ) -> Iterator[Prediction]:
        names = tuple(classes or self.classes)
        scores = torch.tensor([(1 + self.classes.index(name)) / 10 for name in names])
        self.methods.append(maps)
        for path in inputs:
            yield Prediction(path, names, scores, maps=torch.rand(len(names), 2, 2))


Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Arguments of all drawing functions."""
    found: Calls = []
    for name in ("draw_attention_panel", "draw_score_comparison", "draw_label_graph"):
        monkeypatch.setattr(pictures, name, lambda *args, **options: found.append((args, options)))
    return found


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    write_photos(tmp_path / "photos", ["1.jpg", "2.jpg"])
    return tmp_path / "photos"


LABELS = Annotations(
    [ImageRecord("photos/2.jpg", ("dog",), ("cat",)), ImageRecord("photos/1.jpg", ("cat", "dog"))],
    ("cat", "dog", "cow"),
    "labels.csv",
)


def test_attention(photos: Path, tmp_path: Path, calls: Calls) -> None:
    model = Inferencer("dog", "boat", "cat")
    drawn = list(draw_attention(model, photos, tmp_path / "out", annotations=LABELS))
    assert drawn == [(str(photos / f"{n}.jpg"), tmp_path / "out" / f"{n}.png") for n in (1, 2)]
    assert model.methods == ["auto"]
    (_, maps, scores, classes, _, topk), options = calls[0]
    assert maps.shape == (3, 2, 2)
    torch.testing.assert_close(scores, torch.tensor([0.1, 0.2, 0.3]))
    assert (classes, topk, options["chosen"]) == (("dog", "boat", "cat"), 3, None)
    torch.testing.assert_close(options["thr"], torch.tensor([0.1, 0.2, 0.3]))
    # By name; of boats the file says nothing.
    assert [call[1]["targets"].tolist() for call in calls] == [[1, -1, 1], [1, -1, -1]]


def test_attention_of_chosen_classes(photos: Path, tmp_path: Path, calls: Calls) -> None:
    model = Inferencer("dog", "boat", "cat")
    names = ["cat", "dog"]
    list(draw_attention(model, photos, tmp_path, classes=names, method="gradcam", stretch=False))
    (_, maps, _, classes, _, _), options = calls[0]
    assert (len(maps), classes) == (2, ("cat", "dog"))
    torch.testing.assert_close(options["thr"], torch.tensor([0.3, 0.1]))
    assert (options["chosen"], options["targets"], options["stretch"]) == (names, None, False)
    assert model.methods == ["gradcam"]


def test_comparison_is_by_name(photos: Path, tmp_path: Path, calls: Calls) -> None:
    one, other = Inferencer("dog", "boat", "cat"), Inferencer("cat", "dog", "boat")
    list(draw_comparison(one, other, ("a", "b"), photos, tmp_path, LABELS, 0.4, 2))
    (path, first, second, names, classes, target, thr, out_file, topk), _ = calls[1]
    assert (path, out_file) == (str(photos / "2.jpg"), tmp_path / "2.png")
    torch.testing.assert_close(first, torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(second, torch.tensor([0.2, 0.3, 0.1]))
    assert (names, classes, thr, topk) == (("a", "b"), ("dog", "boat", "cat"), 0.4, 2)
    assert target.tolist() == [1, -1, -1]


def test_a_file_that_lists_no_classes_knows_all(photos: Path, tmp_path: Path, calls: Calls) -> None:
    labels = Annotations([ImageRecord(f"{n}.jpg", ("dog",)) for n in (1, 2)])
    list(draw_attention(Inferencer("dog", "boat"), photos, tmp_path, annotations=labels))
    assert calls[0][1]["targets"].tolist() == [1, 0]


def test_average_precision_is_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(pictures, "draw_ap_bars", lambda *args: drawn.extend(args))

    def file(*names: str) -> ScoresFile:
        scores = torch.tensor([[0.9, 0.9], [0.1, 0.1]])
        targets = torch.tensor([[1, 0], [0, 1]])
        if names[0] == "b":
            targets = targets.flip(1)
        return ScoresFile(names, scores, targets.to(torch.int8), torch.arange(2))

    draw_average_precision([file("a", "b"), file("b", "a")], ["x", "y"], tmp_path / "ap.png")
    assert [value.tolist() for value in drawn[0]] == [[1, 0.5], [1, 0.5]]
    assert drawn[1:] == [["x", "y"], ("a", "b"), tmp_path / "ap.png"]
    with pytest.raises(ValueError, match="'y' are of other classes than those of 'x'"):
        draw_average_precision([file("a", "b"), file("a", "c")], ["x", "y"], "ap.png")


def test_graph(photos: Path, calls: Calls) -> None:
    draw_graph(photos / "1.jpg", LABELS, "graph.png")
    draw_graph(photos / "1.jpg", LABELS, "graph.png", ["dog", "cow"], 0.7)
    (_, labels, table, _, thr), _ = calls[0]
    assert (labels, thr) == (["cat", "dog"], 0.3)
    np.testing.assert_allclose(table, [[1, 1], [0.5, 1]])
    (_, labels, table, _, thr), _ = calls[1]
    assert (labels, thr) == (["dog", "cow"], 0.7)
    np.testing.assert_allclose(table, [[1, 0], [0, 0]])


def test_clear_errors(photos: Path, tmp_path: Path) -> None:
    dogs, boats = Inferencer("dog", "cat"), Inferencer("boat", "cat")
    with pytest.raises(ValueError, match="models are of different classes: class 0 is 'cat'"):
        draw_comparison(dogs, Inferencer("dog", "ox"), ("a", "b"), photos, tmp_path)
    with pytest.raises(ValueError, match="different classes: class 0 is 'cat' against 'boat'"):
        draw_comparison(dogs, boats, ("a", "b"), photos, tmp_path)
    with pytest.raises(ValueError, match=r"thr must lie in \[0, 1\]"):
        draw_comparison(dogs, dogs, ("a", "b"), photos, tmp_path, thr=50)
    with pytest.raises(TypeError, match="images must be files, folders or globs"):
        draw_attention(dogs, torch.zeros(4, 4, 3).byte().numpy(), tmp_path)
    with pytest.raises(ValueError, match=r"'labels.csv' has none of the model's classes, \['x'\]"):
        draw_attention(Inferencer("x"), photos, tmp_path, annotations=LABELS)
    with pytest.raises(ValueError, match=r"labels \['ox'\] are none of the classes of 'labels.csv"):
        draw_graph(photos / "1.jpg", LABELS, "graph.png", ["dog", "ox"])
    with pytest.raises(ValueError, match="has no label for"):
        draw_graph(photos / "1.jpg", LABELS, "graph.png", [])
