import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

from experiments.open_vocabulary.__main__ import main
from experiments.open_vocabulary.combinations import SEEN, UNSEEN
from experiments.open_vocabulary.job import Job
from experiments.open_vocabulary.prepared import Prepared, prepare
from experiments.open_vocabulary.rows import ROWS
from experiments.open_vocabulary.study import Study
from experiments.open_vocabulary.table import FIGURES, table_of
from experiments.study import run_study
from experiments.trainings import read_result
from tests.experiments.open_vocabulary.conftest import HASHED


def job_of(row: str, prepared: str, out: Path, stage: str = "final") -> Job:
    return Job(row=row, stage=stage, lr=1e-3, seed=0, out=str(out), data=prepared)


def result(job: Job, value: float) -> None:
    """Writes a result as a training does."""
    figures = {"mAP": value, **{key: value for key in FIGURES.values()}}
    content = {**job.facts, "metrics": figures, "epochs": 4, "batch_size": 32, "key": job.key}
    job.folder.mkdir(parents=True, exist_ok=True)
    content |= {"seconds": 9.0, "cpu_seconds": 9.0, "parameters": 1234}
    (job.folder / "result.json").write_text(json.dumps(content))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_learns_from_seen_labels_and_answers_for_unseen(
    row: str, prepared: str, tmp_path: Path
) -> None:
    cfg = job_of(row, prepared, tmp_path).resolved
    for part in ("backbone", "neck"):
        cfg.model[part].init_cfg = None
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
    head = model.head
    assert head.classes == SEEN
    assert (head.attention.graph is not None) == (row in ("gmc", "sigrl", "sigrl_cosine"))
    assert hasattr(head.attention, "fc_s") == (row in ("svfr", "sigrl", "sigrl_cosine"))
    images = torch.randn(2, 3, 64, 64)
    samples = [DataSample().set_gt_label([k, k + 9]) for k in range(2)]
    for sample in samples:
        sample.set_gt_score(torch.zeros(63).index_fill(0, sample.gt_label, 1.0))
    losses = model(images, samples, mode="loss")
    losses["loss_ori"].backward()
    assert all(x.grad is not None for x in model.parameters() if x.requires_grad)
    model.eval()
    with torch.no_grad(), head.vocabulary([*SEEN, *UNSEEN]):
        (first, _) = head.predict(model.extract_feat(images))
    assert first.pred_score.shape == (84,)
    assert first.pred_score_unseen.shape == (21,)
    # Our scores of the unseen are the same among all.
    among_all = first.pred_score[len(SEEN) :]
    assert torch.allclose(first.pred_score_unseen, among_all) == (row == "sigrl_cosine")


def test_a_key_goes_by_data_and_row_not_by_folders(prepared: str, tmp_path: Path) -> None:
    job = job_of("sigrl", prepared, tmp_path / "a")
    moved = tmp_path / "moved"
    moved.mkdir()
    known = Prepared.load(prepared)
    known.save(moved)
    assert replace(job, out=str(tmp_path / "b"), data=str(moved)).key == job.key
    for changes in (
        dict(lr=3e-3),
        dict(seed=1),
        dict(row="svfr"),
        dict(row="sigrl_cosine"),
        dict(stage="search"),
    ):
        assert replace(job, **changes).key != job.key
    replace(known, sources={"scenes": "b"}).save(moved)
    assert replace(job, data=str(moved)).key != job.key


def test_the_search_sees_no_unseen_label(prepared: str, tmp_path: Path) -> None:
    cfg = job_of("mkt", prepared, tmp_path, "search").resolved
    loaders = (cfg.train_dataloader, cfg.val_dataloader)
    assert [loader.dataset.part for loader in loaders] == ["fit", "held_out"]
    for loader in loaders:
        assert loader.dataset.dataset.ann_file.endswith("train.json")
        assert tuple(loader.dataset.dataset.metainfo.classes) == SEEN
    assert cfg.model.head.zsl_vocabulary is None


def test_finals_take_the_best_learning_rate(prepared: str, tmp_path: Path) -> None:
    study = Study(data=prepared, out=str(tmp_path), rows=["gmc"], lrs=[3e-3, 1e-3], seeds=[0, 4])
    assert study.finals(("gmc",)) == []
    for job, value in zip(study.searches(("gmc",)), (50.0, 40.0), strict=True):
        result(job, value)
    assert [(job.lr, job.seed) for job in study.finals(("gmc",))] == [(1e-3, 0), (1e-3, 4)]


def test_the_table_shows_what_is_there(
    prepared: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    study = Study(
        data=prepared, out=str(tmp_path / "a"), rows=list(ROWS), lrs=[1e-3], seeds=[0, 1, 2]
    )
    study.save(study.out)
    for seed, job in enumerate(study.finals(("sigrl",))):
        result(job, 50.0 + seed)
    result(study.finals(("mkt",))[0], 60.0)
    lines = table_of(study.out).splitlines()
    cells = " | ".join(["51.0 ± 2.5"] * len(FIGURES))
    assert f"| {ROWS['sigrl'].title} | {cells} | 0.001 | 1,234 | 9 |" in lines
    assert any(f"| {ROWS['mkt'].title} (n = 1) | 60.0 | " in line for line in lines)
    assert any(line.startswith(f"| {ROWS['gmc'].title} | not run |") for line in lines)
    rows = [line for line in lines if line.startswith("|")]
    assert {row.count("|") for row in rows} == {len(FIGURES) + 5}
    moved = tmp_path / "moved"
    shutil.move(study.out, moved)
    assert main(["table", "--out", str(moved)]) == 0
    assert (moved / "open_vocabulary.md").read_text() in capsys.readouterr().out
    assert "51.0 ± 2.5" in (moved / "open_vocabulary.md").read_text()


def test_mistakes_are_named(prepared: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"--rows .*'nonsense'"):
        Study(data=prepared, out="out", rows=["nonsense"], lrs=[1e-3], seeds=[0])
    with pytest.raises(ValueError, match="--seeds"):
        Study(data=prepared, out="out", rows=["mkt"], lrs=[1e-3], seeds=[0, 0])
    for words, message in (
        (["table", "--out", str(tmp_path)], "there is no study.json"),
        (["run", "--data", str(tmp_path), "--dry-run"], "no prepared.json"),
        (["run", "--data", prepared, "--lrs", "0", "--dry-run"], "--lrs"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_runs_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    data, out = str(tmp_path / "data"), str(tmp_path / "out")
    found = prepare(data, train_scenes=40, val=60, other=32, text=HASHED)
    assert Prepared.load(data) == found
    assert found.encoder["ov/ZSL/mAP"] > 0
    study = Study(data=data, out=out, rows=["mkt", "sigrl"], lrs=[1e-3, 3e-3], seeds=[0])
    assert run_study(replace(study, rows=["mkt"]), table_of) == 0
    assert "[2/2] mkt, search" in capsys.readouterr().out
    assert run_study(study, table_of) == 0
    assert "[1/1] sigrl, final" in capsys.readouterr().out
    (job,) = study.finals(("sigrl",))
    assert read_result(job)["metrics"]["ov/H/mAP"] > 0
    assert run_study(study, table_of, dry_run=True) == 0
    assert capsys.readouterr().out == ""
