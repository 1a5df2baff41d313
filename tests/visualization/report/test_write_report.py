from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmsrdl.evaluation import Thresholds, average_precision, precision_recall_f1
from mmsrdl.evaluation.functional import expected_calibration_error
from mmsrdl.evaluation.scores_file import ScoresFile
from mmsrdl.visualization.report import write_report

NAMES = ("dog", "<script>alert(1)</script>", 'a "b" & c', "_cat\x07")
EVIL = '"><img src=x onerror=alert(2)>.jpg'
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[dict[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(path.read_text("utf-8"))
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes.append(dict(attrs, tag=tag))
        assert len(dict(attrs)) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def values(self, name: str) -> list[str]:
        return [str(found[name]) for found in self.attributes if name in found]


@pytest.fixture
def scores(tmp_path: Path) -> ScoresFile:
    """Eight images of four classes, the last without a positive; one missing, one damaged."""
    for n in range(6):
        cv2.imwrite(str(tmp_path / f"{n}.jpg"), np.full((40, 60, 3), 30 * n, np.uint8))
    (tmp_path / "6.jpg").write_bytes(b"damaged")
    rng = torch.Generator().manual_seed(0)
    values = torch.rand(8, 4, generator=rng)
    targets = torch.randint(2, (8, 4), generator=rng).to(torch.int8)
    targets[:, 3] = 0
    targets[0] = torch.tensor([1, -1, 0, 0])
    paths = (*(str(tmp_path / f"{n}.jpg") for n in range(7)), EVIL)
    return ScoresFile(NAMES, values, targets, torch.arange(8), paths)


def test_page_is_whole_and_nothing_of_it_runs(scores: ScoresFile, tmp_path: Path) -> None:
    path = write_report(scores, tmp_path / "report", title="<b>Report</b> \ud800")
    assert path == tmp_path / "report" / "index.html"
    page = Page(path)
    assert not page.tags["script"]
    assert not page.tags["b"]
    assert not any("onerror" in found for found in page.attributes)
    assert "<script>alert(1)</script>" in page.text  # as text
    assert EVIL in page.text
    assert "\x07" not in path.read_text("utf-8")
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
    identifiers = page.values("id")
    assert len(set(identifiers)) == len(identifiers)
    for link in page.values("href"):
        assert link.removeprefix("#") in identifiers
    for image in (found for found in page.attributes if found["tag"] == "img"):
        assert image["alt"]
        assert (path.parent / str(image["src"])).is_file()


def test_figures_are_those_of_the_metric(scores: ScoresFile, tmp_path: Path) -> None:
    page = Page(write_report(scores, tmp_path / "report", thr=0.4))
    expected = precision_recall_f1(scores.scores, scores.targets, 0.4)
    mean = average_precision(scores.scores, scores.targets).nanmean()
    row = " ".join(f"{100 * value:.1f}" for value in (mean, *expected))
    assert f"0.4 or more {row} images 8" in page.text
    assert "the mean over 3 of 4 classes; the others have no positive" in page.text
    assert "1, which count in no figure" in page.text


def test_mistakes_are_told_by_word_and_sign(tmp_path: Path) -> None:
    values = torch.tensor([[0.9, 0.6], [0.03, 0.2], [0.7, 0.8]])
    targets = torch.tensor([[1, 0], [1, 0], [1, -1]], dtype=torch.int8)
    scores = ScoresFile(("dog", "cat"), values, targets, torch.arange(3), ("a", "b", "c"))
    page = Page(write_report(scores, tmp_path, top=5))
    assert "2 of 3 images have a wrong entry; 2 are shown" in page.text
    # The image with the surest mistake first.
    first, second = page.text.index("1. b · loss 3.51"), page.text.index("2. a · loss 0.92")
    assert "Shows ✗ dog 0.03 missed Predicted nothing" in page.text[first:second]
    assert "Shows ✓ dog 0.90 Predicted ✗ cat 0.60 invented ✓ dog 0.90" in page.text[second:]
    assert "b: missed dog" in page.values("aria-label")
    assert page.values("class").count("wrong") == 1 + 2 + 2  # legend, cards, examples of classes


def test_images_that_cannot_be_shown(scores: ScoresFile, tmp_path: Path) -> None:
    page = Page(write_report(scores, tmp_path / "report"))
    assert "image not found" in page.text
    assert "image cannot be read" in page.text
    assert {path.name for path in (tmp_path / "report" / "thumbnails").iterdir()} <= {
        f"{n:06d}.jpg" for n in range(6)
    }
    nowhere = Page(write_report(scores, tmp_path / "report", images_root=tmp_path / "none"))
    assert not [src for src in nowhere.values("src") if "thumbnails" in src]


def test_images_without_paths_have_numbers(tmp_path: Path) -> None:
    scores = ScoresFile(
        ("dog",), torch.tensor([[0.9]]), torch.zeros(1, 1, dtype=torch.int8), torch.zeros(1).long()
    )
    page = Page(write_report(scores, tmp_path))
    assert "no path known" in page.text
    assert "1. image 0 · loss 2.30" in page.text
    assert "0.5 or more" in page.text


def test_thresholds_decide(scores: ScoresFile, tmp_path: Path) -> None:
    thresholds = Thresholds(NAMES, (0.1, 0.2, 0.3, 0.9), 2.0, {"objective": "<f1>"})
    page = Page(write_report(scores, tmp_path / "report", thresholds))
    assert "thresholds: objective <f1>" in page.text
    assert "that of its class in the thresholds' file, or more" in page.text
    calibrated = thresholds.calibrate(scores.scores)
    before, after = (
        f"{100 * expected_calibration_error(values, scores.targets):.2f} %"
        for values in (scores.scores, calibrated)
    )
    assert f"error {before} of the model's scores, and {after} after the temp" in page.text
    assert "#calibration" in page.values("href")
    assert "reliability.png" in page.values("src")
    is_predicted = calibrated >= thresholds.of(NAMES)
    invented = int((is_predicted & (scores.targets == 0))[:, 0].sum())
    found = int((is_predicted & (scores.targets == 1))[:, 0].sum())
    assert f"at 0.1: {found} found, {invented} invented" in page.text


def test_no_mistake(tmp_path: Path) -> None:
    targets = torch.eye(3, dtype=torch.int8)
    scores = ScoresFile(("a", "b", "c"), targets.float(), targets, torch.arange(3))
    page = Page(write_report(scores, tmp_path))
    assert "0 of 3 images have a wrong entry; 0 are shown" in page.text
    assert "No image has both a missed and an invented class." in page.text


def test_clear_errors(scores: ScoresFile, tmp_path: Path) -> None:
    nothing = ScoresFile(("a",), torch.zeros(0, 1), torch.zeros(0, 1), torch.zeros(0))
    with pytest.raises(ValueError, match="scores holds no image or no class"):
        write_report(nothing, tmp_path)
    with pytest.raises(ValueError, match="no threshold for '_cat"):
        write_report(scores, tmp_path, Thresholds(NAMES[:3], (0.5,) * 3))
    with pytest.raises(ValueError, match="top=-1 must be at least 0"):
        write_report(scores, tmp_path, top=-1)
    with pytest.raises(ValueError, match=r"thr must lie in \[0, 1\]"):
        write_report(scores, tmp_path, thr=2)
