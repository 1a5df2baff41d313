import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmsrdl.cli import main
from mmsrdl.datasets import FeatureMaps, write_feature_maps
from mmsrdl.evaluation import ScoresFile, context_figures, mean_context_figures
from mmsrdl.evaluation.metrics.context_table import context_figures_dict
from tests.evaluation.functional.test_context import CLASSES, case, labels


def scores_file(seed: int) -> ScoresFile:
    scores, targets, _, _ = case()
    noise = torch.randn(scores.shape, generator=torch.Generator().manual_seed(seed))
    paths = tuple(f"data/val/{i}.jpg" for i in range(len(scores)))
    return ScoresFile(CLASSES, scores + noise, targets.to(torch.int8), torch.arange(120), paths)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Scores of two seeds of two systems, training labels, and boxes of the scored images."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a0", "a1", "b0", "b1")):
        scores_file(seed).save(tmp_path / f"{name}.npz")
    lines = [
        f"{i}.jpg,{';'.join(CLASSES[c] for c in row.nonzero().flatten())}"
        for i, row in enumerate(labels(300, 2))
    ]
    (tmp_path / "train.csv").write_text("\n".join(["path,labels", *lines]) + "\n")
    entries = []
    for i, (row, areas) in enumerate(zip(case()[1], case()[3], strict=True)):
        found = (row == 1).nonzero().flatten().tolist()
        boxes = [
            {"name": CLASSES[c], "bbox": [0, 0, 10, 10 * areas[c].item()]}
            for c in found
            if not areas[c].isnan()
        ]
        labeled = [CLASSES[c] for c in found]
        entry = dict(path=f"{i}.jpg", labels=labeled, boxes=boxes, width=10, height=10)
        entries.append(json.dumps(entry))
    (tmp_path / "boxes.jsonl").write_text("\n".join(entries) + "\n")
    return tmp_path


def figures_of(*seeds: int, sizes: bool = False) -> dict[str, float]:
    _, targets, training, areas = case()
    areas = areas.masked_fill(targets != 1, torch.nan)
    runs = [
        context_figures(
            scores_file(seed).scores, targets, training, areas=areas if sizes else None,
            area_bounds=(0.05, 0.3), replicates=30,
        )
        for seed in seeds
    ]  # fmt: skip
    return context_figures_dict(mean_context_figures(runs))


def test_runs_are_averaged_and_compared(folder: Path, capsys: pytest.CaptureFixture) -> None:
    words = ["context", "a0.npz", "a1.npz", "--against", "b0.npz", "b1.npz", "--names", "A", "B"]
    words += ["--train", "train.csv", "--bootstrap", "30", "--per-class", "--out", "c.png"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert (folder / "c.png").stat().st_size > 1000
    expected = figures_of(0, 1)
    row = next(line for line in text.splitlines() if "out of context" in line)
    assert f"{expected['context/without']:.1f} [" in row
    assert "A - B" in text
    assert text.rstrip().endswith("c.png")
    assert "usual companions" in text


def test_document_with_sizes(folder: Path, capsys: pytest.CaptureFixture) -> None:
    words = ["context", "a0.npz", "a1.npz", "--against", "b0.npz", "--train", "train.csv"]
    words += ["--bootstrap", "30", "--boxes", "boxes.jsonl", "--area-bounds", "0.05", "0.3"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["companions"] == "P(j | c) >= 0.2 and lift > 1 in training"
    assert document["systems"]["this"] == pytest.approx(figures_of(0, 1, sizes=True))
    assert document["systems"]["other"] == pytest.approx(figures_of(2, sizes=True))
    assert "size/small" in document["systems"]["this"]


def test_training_labels_of_a_config(folder: Path, capsys: pytest.CaptureFixture) -> None:
    rows = labels(300, 2).numpy().astype(np.int8)
    write_feature_maps(
        folder / "train.npz",
        (1, 300, 2, 1, 1),
        lambda maps: maps.fill(0),
        rows,
        np.zeros(rows.shape, dtype=bool),
        CLASSES,
        [f"{i}.jpg" for i in range(300)],
        {},
    )
    assert FeatureMaps.load(folder / "train.npz").classes == CLASSES
    dataset = "dict(type='mmsrdl.FeatureMapDataset', data_root='', ann_file='train.npz')"
    (folder / "own.py").write_text(f"train_dataloader = dict(dataset={dataset})\nmodel = dict()\n")
    for source in ("own.py", "train.csv"):
        assert main(["context", "a0.npz", "--train", source, "--bootstrap", "0", "--json"]) == 0
    first, second = capsys.readouterr().out.split("}\n{")
    assert json.loads(first + "}") == json.loads("{" + second)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.npz", "--train", "train.csv"], "scores='gone.npz' does not exist"),
        (["a0.npz"], "the following arguments are required: --train"),
        (["a0.npz", "other.npz", "--train", "train.csv"], "scores='other.npz' is of other images"),
        (["a0.npz", "--against", "few.npz", "--train", "train.csv"], "'few.npz' has other classes"),
        (["no_path.npz", "--train", "train.csv", "--boxes", "boxes.jsonl"], "which scores='no_pa"),
        (["a0.npz", "--train", "train.csv", "--boxes", "train.csv"], "has no width and height"),
        (["a0.npz", "--train", "train.csv", "--min-lift", "-1"], "min_lift=-1.0 must be"),
    ],
)
def test_mistakes(
    words: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    file = scores_file(0)
    replace(file, targets=file.targets.roll(1, 0)).save(folder / "other.npz")
    replace(file, img_path=()).save(folder / "no_path.npz")
    replace(file, names=CLASSES[1:], scores=file.scores[:, 1:], targets=file.targets[:, 1:]).save(
        folder / "few.npz"
    )
    with pytest.raises(SystemExit) as end:
        main(["context", *words])
    assert end.value.code == 2
    assert message in capsys.readouterr().err
