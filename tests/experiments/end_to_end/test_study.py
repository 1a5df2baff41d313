import json
import shutil
from pathlib import Path

import pytest

from experiments import trainings
from experiments.end_to_end.__main__ import main
from experiments.end_to_end.study import Study
from experiments.end_to_end.table import table_of
from experiments.study import run_study


def write_result(study: Study, config: Path, name: str, value: float) -> None:
    """Writes the result of a training by the name of its folder, as of ten images a second."""
    jobs = [*study.searches((str(config),)), *study.finals((str(config),))]
    (job,) = (job for job in jobs if job.folder.name == name)
    job.folder.mkdir(parents=True)
    content = {
        **dict(metrics=dict(mAP=value, CF1=value, OF1=value), seconds=job.passes[0] / 10),
        **dict(cpu_seconds=1.0, parameters=7, epochs=3, batch_size=2, resumed=False, key=job.key),
        **job.facts,
    }
    (job.folder / "result.json").write_text(json.dumps(content))


@pytest.fixture
def study(config: Path, scenes: Path, tmp_path: Path) -> Study:
    other = config.with_name("other.py")
    shutil.copy(config, other)
    return Study(
        configs=[str(config), str(other)],
        out=str(tmp_path / "out"),
        lrs=[1e-4, 1e-3],
        seeds=[0, 1],
        search_epochs=1,
        data_root=str(scenes),
    )


def test_what_is_missing_is_counted_in_images(
    study: Study, config: Path, capsys: pytest.CaptureFixture
) -> None:
    """Of four images, a search trains on three for one epoch, the rest on all for three."""
    assert run_study(study, table_of, dry_run=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("tiny.py: search of 0.0001, 0.001, then 2 seeds")
    assert lines[-1] == (
        "missing: 8 trainings (before learning rates beyond the edge), "
        f"{4 * 3 + 4 * 12} images forward and backward, {4 * 1 + 4 * 4} evaluated"
    )
    for each in study.configs:
        for lr in ("0.0001", "0.001"):
            write_result(study, Path(each), f"search_lr{lr}_seed0", 50.0)
    write_result(study, config, "final_lr0.0001_seed1", 60.0)
    assert run_study(study, table_of, dry_run=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("tiny.py: lr 0.0001, seeds [0]")
    assert "missing: 3 trainings" in lines[-2]
    hours = 3 * 12 / 10 / 3600
    assert lines[-1] == f"at the speed of their finished trainings: {hours:.2f} h, one at a time"


def test_the_table_says_data_budget_and_what_a_resumed_training_took(
    study: Study, config: Path
) -> None:
    study.lrs, name = [1e-3], "final_lr0.001_seed0"
    for each in study.configs:
        write_result(study, Path(each), name, 50.0)
    path = Path(study.out, "other", name, "result.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "resumed": True}))
    study.save(study.out)
    table = table_of(study.out)
    assert "Tier *end to end*" in table
    assert "4 training images, 4 validation images" in table
    assert "3 epochs, batch 2." in table
    assert "| tiny | 50.00 | 50.00 | 50.00 | 1 | 0.001 | 7 | 1 | 1 |" in table
    assert "| other | 50.00 | 50.00 | 50.00 | 1 | 0.001 | 7 | - | - |" in table
    content = json.loads(path.read_text())
    content["data"]["val_dataloader"][0][0] = "another"
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="different images or labels"):
        table_of(study.out)


@pytest.mark.parametrize(
    ("visible", "count", "expected"),
    [
        (None, 0, [None] * 3),
        (None, 1, [None] * 3),
        (None, 2, ["0", "1", "0"]),
        ("", 2, [None] * 3),
        ("4,7", 2, ["4", "7", "4"]),
    ],
)
def test_trainings_at_a_time_have_gpus_of_their_own(
    visible: str | None, count: int, expected: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert trainings._devices(3) == expected


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [1, 2])
def test_a_study_searches_resumes_and_tabulates(
    study: Study, launcher: int, capsys: pytest.CaptureFixture
) -> None:
    words = ["run", "--configs", *study.configs, "--out", study.out, "--lrs", "1e-4", "1e-3"]
    words += ["--seeds", "0", "--search-epochs", "1", "--data-root", study.data_root or ""]
    words += ["--baseline", "tiny", "--launcher", str(launcher)]
    assert main(words) == 0
    shown = capsys.readouterr()
    assert "[4/4]" in shown.out
    assert "[2/2]" in shown.out
    # Both configs say the same.
    assert "| +0.00 [+0.00, +0.00] |" in shown.out
    assert f"batch {2 // launcher}" in shown.out
    assert (Path(study.out) / "end_to_end.md").read_text() in shown.out
    assert main(words) == 0
    assert "[1/" not in capsys.readouterr().out
    assert len(list(Path(study.out).glob("*/final_*/*.pth"))) == 4  # of the last two epochs
    assert list(Path(study.out).glob("*/*/*/vis_data/config.py"))


def test_mistakes_are_named(study: Study, capsys: pytest.CaptureFixture) -> None:
    words = ["run", "--configs", study.configs[0], "--out", study.out, "--seeds", "0"]
    for more, message in (
        (["--launcher", "0"], "--launcher"),
        (["--launcher", "2", "--processes", "2"], "each training would take"),
        (["--baseline", "other"], "--baseline other is none of tiny"),
        (["--held-out", "1"], "--held-out"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main([*words, *more])
        assert message in capsys.readouterr().err
    assert main([*words, "--data-root", "nowhere"]) == 1
    assert "failed: " in (shown := capsys.readouterr().err)
    assert "--data-root nowhere: no such folder" in shown
