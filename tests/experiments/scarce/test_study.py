import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.scarce.__main__ import main
from experiments.scarce.figure import draw_study
from experiments.scarce.job import Job
from experiments.scarce.losses import LOSSES, SETTINGS
from experiments.scarce.study import Study
from experiments.scarce.table import table_of
from experiments.study import run_study


def study_of(data: str, out: str, losses: list, settings: list, lrs: list, seeds: list) -> Study:
    return Study(data=data, out=out, losses=losses, settings=settings, lrs=lrs, seeds=seeds)


def job_of(loss: str, setting: str, stage: str, seed: int, out: Path, data: str) -> Job:
    return Job(loss=loss, setting=setting, stage=stage, lr=1e-3, seed=seed, out=str(out), data=data)


def result(job: Job, value: float) -> None:
    """Writes a result as a training does."""
    content = {**job.facts, "metrics": {"mAP": value}, "epochs": 10, "batch_size": 64}
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "result.json").write_text(json.dumps({**content, "key": job.key}))


def test_a_study_runs_what_is_missing(
    prepared: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = str(tmp_path / "out")
    study = study_of(prepared, out, ["bce", "vlpl"], ["one_positive", "1"], [1e-3], [0, 1])
    assert run_study(replace(study, losses=["vlpl"]), table_of) == 0
    first = capsys.readouterr().out
    assert "[4/4]" in first  # vlpl with one positive, and bce in its place with all, two seeds each
    assert "| VLPL |" in first
    assert run_study(study, table_of) == 0
    second = capsys.readouterr().out
    assert "[2/2] bce, one_positive, final, lr 0.001" in second
    row = next(line for line in second.splitlines() if line.startswith("| VLPL |"))
    assert row.endswith("| = BCE |")
    assert "±" in row
    job = study.finals(("vlpl", "one_positive"))[0]
    log = (job.folder / "output.txt").read_text()
    assert "ObservedDataset" in log
    found = json.loads((job.folder / "result.json").read_text())
    assert found["setting"] == "one_positive"
    assert found["parameters"] == 20 * 1281

    assert run_study(study, table_of, dry_run=True) == 0
    assert capsys.readouterr().out == ""
    assert main(["table", "--tier", "frozen", "--out", out]) == 0
    assert (Path(out) / "scarce.md").read_text() in capsys.readouterr().out


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss not in ("bce", "vlpl")])
def test_every_loss_trains_and_its_options_arrive(loss: str, prepared: str, tmp_path: Path) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import DATASETS, MODELS

    cfg = job_of(loss, "0.3", "search", 3, tmp_path, prepared).resolved
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
        fit = DATASETS.build(cfg.train_dataloader.dataset)
        held_out = DATASETS.build(cfg.val_dataloader.dataset)
    built = type(model.head.loss_module).__name__
    assert f"mmsrdl.{built}" == LOSSES[loss].type
    for name, value in LOSSES[loss].options.items():
        if name != "weight":
            assert getattr(model.head.loss_module, name) == value
    assert (len(fit), len(held_out)) == (8, 2)
    shown = [{s.get_data_info(i)["row"] for i in range(len(s))} for s in (fit, held_out)]
    assert shown[0] | shown[1] == set(range(10))
    assert (fit.get_gt_labels() == -1).mean() > 0.4
    assert (held_out.get_gt_labels() >= 0).mean() > 0.9


def test_what_is_known_depends_on_the_seed_alone(prepared: str, tmp_path: Path) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import DATASETS

    def known(loss: str, seed: int, out: str) -> list:
        cfg = job_of(loss, "0.5", "final", seed, tmp_path / out, prepared).resolved
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            return DATASETS.build(cfg.train_dataloader.dataset).get_gt_labels().tolist()

    assert known("an", 0, "a") == known("em", 0, "b")
    assert known("an", 0, "a") != known("an", 1, "a")


def test_a_key_goes_by_data_and_loss_not_by_folders(prepared: str, tmp_path: Path) -> None:
    job = job_of("vlpl", "0.5", "final", 0, tmp_path / "a", prepared)
    moved = tmp_path / "moved"
    moved.mkdir()
    content = json.loads((Path(prepared) / "prepared.json").read_text())
    (moved / "prepared.json").write_text(json.dumps(content))
    assert replace(job, out=str(tmp_path / "b"), data=str(moved)).key == job.key
    for changes in (dict(lr=3e-3), dict(seed=1), dict(setting="0.3"), dict(stage="search")):
        assert replace(job, **changes).key != job.key
    other = tmp_path / "other"
    other.mkdir()
    content["sources"]["teacher"] = "another"
    (other / "prepared.json").write_text(json.dumps(content))
    assert replace(job, data=str(other)).key != job.key


def test_the_search_goes_on_beyond_the_best(prepared: str, tmp_path: Path) -> None:
    lrs = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    cell = ("em", "0.1")
    study = study_of(prepared, str(tmp_path), ["em"], ["0.1"], lrs, [0])
    values = {1e-4: 40.0, 3e-4: 60.0, 1e-3: 50.0, 3e-3: 20.0}
    for tried in ([1e-3, 3e-3], [3e-4, 1e-3, 3e-3], [1e-4, 3e-4, 1e-3, 3e-3]):
        assert study.searched(cell) == tried
        assert study.chosen(cell) is None
        assert study.finals(cell) == []
        for job in study.searches(cell):
            result(job, values[job.lr])
    assert study.searched(cell) == [1e-4, 3e-4, 1e-3, 3e-3]
    assert [job.lr for job in study.finals(cell)] == [3e-4]


def test_table_and_figure_show_what_is_there(
    prepared: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    study = study_of(prepared, str(tmp_path), list(LOSSES), list(SETTINGS), [1e-3], [0, 1, 2])
    with pytest.raises(ValueError, match="no result"):
        draw_study(study, tmp_path / "figure.png")
    for setting in SETTINGS:
        for seed, job in enumerate(study.finals(("an", setting))):
            result(replace(job, loss=study.trained("an", setting)), 50.0 + seed)
    for job in study.finals(("em", "0.3"))[:2]:
        result(job, 60.0)
    study.save(study.out)
    lines = table_of(study.out).splitlines()
    assert "| AN | 51.0 ± 2.5 | 51.0 ± 2.5 | 51.0 ± 2.5 | 51.0 ± 2.5 | = BCE |" in lines
    assert "| EM | not run | not run | 60.0 ± 0.0 (n = 2) | not run | = BCE |" in lines
    assert any(line.startswith("| BCE of known entries | not run") for line in lines)
    assert any(line.startswith("| a random order | 50.") for line in lines)
    figure = draw_study(study, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    one, curves = figure.axes
    assert len(one.containers) == 1
    (an,) = (each for each in curves.containers if len(each.lines[0].get_xdata()) == 4)
    assert an.lines[0].get_xdata().tolist() == [0.1, 0.3, 0.5, 1.0]
    assert an.lines[0].get_ydata().tolist() == [51.0] * 4


def test_mistakes_are_named(prepared: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ValueError, match=r"--losses .*'nonsense'"):
        study_of(prepared, "out", ["nonsense"], ["1"], [1e-3], [0])
    with pytest.raises(ValueError, match="--seeds"):
        study_of(prepared, "out", ["an"], ["1"], [1e-3], [0, 0])
    for words, message in (
        (["table", "--tier", "demo", "--out", str(tmp_path)], "there is no study.json"),
        (["run", "--tier", "demo", "--data", str(tmp_path), "--dry-run"], "no prepared.json"),
        (["run", "--tier", "demo", "--data", prepared], "prepared for --tier frozen, not demo"),
        (["prepare", "--tier", "frozen", "--data", str(tmp_path)], "needs --maps"),
        (["prepare", "--tier", "demo", "--maps", "x"], "are of --tier frozen"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert message in capsys.readouterr().err
