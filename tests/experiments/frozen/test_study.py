import json
import shutil
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
import torch

from experiments.config_study import neighbour
from experiments.frozen.__main__ import main
from experiments.frozen.study import Study
from experiments.frozen.table import table_of
from experiments.study import run_study
from mmsrdl.evaluation import ScoresFile, average_precision

CONFIG = Path(__file__).resolve().parents[3] / "configs" / "frozen" / "gmp_voc07.py"


@pytest.fixture
def configs(tmp_path: Path) -> list[str]:
    """Two heads, of which one cannot be built."""
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text(f"_base_ = {str(CONFIG)!r}\ntrain_cfg = dict(max_epochs=2)\n")
    bad.write_text(f"_base_ = {str(good)!r}\nmodel = dict(head=dict(nonsense=1))\n")
    return [str(good), str(bad)]


def results(out: Path) -> dict[str, dict]:
    return {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(out.glob("*/*/result.json"))
    }


def test_a_study_searches_resumes_and_names_what_failed(
    configs: list[str], tiny_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "out"
    options = dict(
        out=str(out), lrs=[1e-4, 1e-2], held_out=0.3, search_epochs=1, data_root=str(tiny_maps)
    )
    assert run_study(Study(configs=configs, seeds=[0], **options), table_of) == 1
    shown = capsys.readouterr()
    assert "failed: bad, search, lr 0.0001, seed 0: TypeError" in shown.err
    assert "nonsense" in shown.err
    assert "| bad | not run |" in shown.out
    first = results(out)
    search = {name: each for name, each in first.items() if each["stage"] == "search"}
    assert sorted(search) == ["search_lr0.0001_seed0", "search_lr0.01_seed0"]
    assert [each["epochs"] for each in search.values()] == [1, 1]
    (final,) = (each for each in first.values() if each["stage"] == "final")
    best = max(search.values(), key=lambda each: (each["metrics"]["mAP"], -each["lr"]))
    assert final["lr"] == best["lr"]
    assert final["epochs"] == 2
    assert final["parameters"] == 20 * 1281
    folder = out / "good" / f"final_lr{final['lr']:g}_seed0"
    assert ScoresFile.load(folder / "scores.npz").scores.shape == (10, 20)
    assert list(folder.glob("*/vis_data/config.py"))

    times = {path: path.stat().st_mtime_ns for path in out.glob("good/*/result.json")}
    study = Study(configs=configs[:1], seeds=[0, 1], **options)
    assert run_study(study, table_of, dry_run=True) == 0
    assert f"good.py: lr {final['lr']:g}, seeds [1]" in capsys.readouterr().out
    assert run_study(study, table_of) == 0
    assert "[1/1] good, final" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert main(["table", "--out", str(out)]) == 0
    table = capsys.readouterr().out
    assert "| head (frozen) | mAP | CF1 | OF1 | n | lr |" in table
    assert "Tier *frozen*" in table
    row = next(line for line in table.splitlines() if line.startswith("| good |"))
    assert "±" in row
    assert f"| 2 | {final['lr']:g} | 25,620 |" in row
    assert (out / "frozen.md").read_text() in table
    # A later call with a learning rate of its own leaves the searched rows as they are.
    Study(configs=["other.py"], seeds=[0], **{**options, "lrs": [3e-4]}).save(out)
    later = table_of(str(out))
    assert row in later
    assert "The search, mAP on the held-out" in later


def test_a_changed_config_is_run_again(
    configs: list[str], tiny_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    study = Study(
        configs=configs[:1],
        out=str(tmp_path / "out"),
        lrs=[1e-3],
        seeds=[0],
        data_root=str(tiny_maps),
    )
    assert run_study(study, table_of) == 0
    Path(configs[0]).write_text(Path(configs[0]).read_text().replace("epochs=2", "epochs=1"))
    capsys.readouterr()
    assert run_study(study, table_of) == 0
    assert "[1/1]" in capsys.readouterr().out
    (result,) = results(tmp_path / "out").values()
    assert result["epochs"] == 1


def test_a_folder_holds_one_protocol(configs: list[str], tmp_path: Path) -> None:
    fields = dict(configs=configs[:1], out=str(tmp_path / "out"), lrs=[1e-3], seeds=[0])
    before = Study(**fields, cfg_options={"train_cfg.max_epochs": 4})
    before.save(before.out)
    Study(**{**fields, "seeds": [1]}, cfg_options={"train_cfg.max_epochs": 4})
    with pytest.raises(ValueError, match=r'--cfg-options: it is null, but {"train_cfg.max_epochs"'):
        Study(**fields)
    (tmp_path / "out" / "study.json").unlink()
    Study(**fields)


def test_what_failed_is_named_where_there_is_no_table(
    configs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    fields = dict(configs=configs[:1], out=str(tmp_path / "out"), lrs=[1e-3], seeds=[0])
    study = Study(**fields, data_root=str(tmp_path / "nowhere"), baseline="good")
    with pytest.raises(ValueError, match="--baseline good is none of"):
        run_study(study, table_of)
    assert "nowhere" in capsys.readouterr().err


def test_mistakes_are_named(tmp_path: Path, tiny_maps: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(ValueError, match="--lrs"):
        Study(configs=["a.py"], out="out", lrs=[], seeds=[0])
    with pytest.raises(ValueError, match="--baseline gmp is none of a"):
        Study(configs=["a.py"], out="out", lrs=[1e-3], seeds=[0], baseline="gmp")
    with pytest.raises(ValueError, match="--configs"):
        Study(configs=["x/a.py", "y/a.py"], out="out", lrs=[1e-3], seeds=[0])
    with pytest.raises(SystemExit, match="2"):
        main(["table", "--out", str(tmp_path)])
    assert "there is no study.json" in capsys.readouterr().err
    images = CONFIG.parents[1] / "demo" / "gmp_demo.py"
    study = Study(configs=[str(images)], out=str(tmp_path / "out"), lrs=[1e-3], seeds=[0])
    assert run_study(study, table_of) == 1
    assert "not mmsrdl.FeatureMapDataset" in capsys.readouterr().err


def test_a_best_learning_rate_at_the_edge_is_searched_beyond(
    configs: list[str], tiny_maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert [neighbour(3e-4, up) for up in (True, False)] == [1e-3, 1e-4]
    assert [neighbour(2e-2, up) for up in (True, False)] == [3e-2, 1e-2]
    out = tmp_path / "out"
    study = Study(
        configs=configs[:1],
        out=str(out),
        lrs=[1e-8, 3e-8],
        seeds=[0],
        extend=1,
        held_out=0.3,
        data_root=str(tiny_maps),
    )
    assert run_study(study, table_of) == 0
    searched = sorted(each["lr"] for each in results(out).values() if each["stage"] == "search")
    assert len(searched) == 3
    assert {*searched} in ({3e-9, 1e-8, 3e-8}, {1e-8, 3e-8, 1e-7})
    table = capsys.readouterr().out
    assert "up to 1 more" in table
    assert run_study(study, table_of) == 0
    assert "[1/" not in capsys.readouterr().out


def write_result(out: Path, name: str, seed: int, scores: torch.Tensor) -> float:
    """Writes a final training's result and scores, and returns its mAP."""
    targets = torch.arange(scores.numel()).view(scores.shape) % 3 == 0
    value = 100 * average_precision(scores, targets.to(torch.int8)).mean().item()
    folder = out / name / f"final_lr0.001_seed{seed}"
    folder.mkdir(parents=True)
    names = tuple(f"c{number}" for number in range(scores.shape[1]))
    indices = torch.arange(len(scores))
    ScoresFile(names, scores, targets.to(torch.int8), indices).save(folder / "scores.npz")
    maps = {"fingerprint": "0", "shape": [1, 40, 8, 2, 2]}
    content = {
        **dict(config=name, stage="final", lr=1e-3, seed=seed, seconds=1.0, cpu_seconds=1.0),
        **dict(parameters=1, epochs=1, batch_size=8, key="k"),
        "metrics": dict(mAP=value, CF1=50.0, OF1=50.0),
        "maps": dict(train_dataloader=maps, val_dataloader=maps),
    }
    (folder / "result.json").write_text(json.dumps(content))
    return value


def test_rows_are_compared_with_a_baseline(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    torch.manual_seed(0)
    scores = {name: torch.rand(2, 40, 5) for name in ("one", "two", "part")}
    values = {
        name: [write_result(tmp_path, name, seed, each[seed]) for seed in range(2)]
        for name, each in scores.items()
    }
    write_result(tmp_path, "part", 2, torch.rand(40, 5))
    options = dict(out=str(tmp_path), lrs=[1e-3], seeds=[0, 1, 2])
    Study(configs=["one.py", "not_run.py"], **options).save(tmp_path)
    assert "[95 %]" not in table_of(str(tmp_path))
    # The baseline is a config of an earlier call.
    Study(configs=["two.py", "part.py"], baseline="one", **options).save(tmp_path)
    Study(configs=["two.py"], **options).save(tmp_path)
    table = table_of(str(tmp_path))
    assert "| OF1 | mAP - one [95 %] | n |" in table
    assert "paired by seed and image" in table
    lines = (line.strip("| ").split(" | ") for line in table.splitlines())
    found = {cells[0]: cells[4] for cells in lines if len(cells) > 5}
    difference = mean(values["two"]) - mean(values["one"])
    assert found["one"] == "baseline"
    assert found["two"].startswith(f"{difference:+.2f} [")
    assert found["part"].endswith("] (n = 2)")
    assert any(line.startswith("| not_run | not run |") for line in table.splitlines())
    assert main(["table", "--out", str(tmp_path), "--baseline", "two"]) == 0
    assert f"| {-difference:+.2f} [" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["table", "--out", str(tmp_path), "--baseline", "nothing"])
    assert "--baseline nothing is none of not_run, one, part, two" in capsys.readouterr().err


def test_word_vectors_count_by_their_content(
    tiny_maps: Path, word_vectors: str, tmp_path: Path
) -> None:
    car = str(CONFIG.with_name("car_voc07.py"))
    copied, changed = tmp_path / "copied.npz", tmp_path / "changed.npz"
    shutil.copy(word_vectors, copied)
    with np.load(word_vectors) as file:
        np.savez(changed, names=file["names"], vectors=-file["vectors"])

    def key(vectors: str | Path) -> str:
        options = dict(out=str(tmp_path / "out"), lrs=[1e-3], seeds=[0], data_root=str(tiny_maps))
        study = Study(configs=[car], word_vectors=str(vectors), **options)
        (job,) = study.finals((car,))
        return job.key

    assert key(word_vectors) == key(copied) != key(changed)
