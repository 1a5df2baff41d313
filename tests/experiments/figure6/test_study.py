import json
from pathlib import Path

import pytest
import torch

from experiments.end_to_end.job import Job as EndToEnd
from experiments.figure6.__main__ import main
from experiments.figure6.points import PAPER, WITHOUT, Point
from experiments.figure6.study import Study, tier_of
from experiments.figure6.table import table_of
from experiments.frozen.job import Job as Frozen
from experiments.study import run_study
from experiments.trainings import Training
from mmsrdl.evaluation import ScoresFile, average_precision

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
FROZEN = str(CONFIGS / "frozen" / "srdl_voc07.py")


@pytest.fixture
def study(tiny_maps: Path, word_vectors: str, tmp_path: Path) -> Study:
    return Study(
        configs=[FROZEN],
        out=str(tmp_path / "out"),
        lrs=[1e-4, 1e-3],
        seeds=[0, 1],
        topks=[1, 3],
        alphas=[0.5, 0.2],
        data_root=str(tiny_maps),
        word_vectors=word_vectors,
    )


def write_result(job: Training, strength: float) -> float:
    """Writes a result of random scores, which tell positives by a strength; returns its mAP."""
    generator = torch.Generator().manual_seed(job.seed)
    targets = (torch.arange(200).view(40, 5) % 3 == 0).to(torch.int8)
    scores = (torch.randn(40, 5, generator=generator) + strength * targets).sigmoid()
    value = 100 * average_precision(scores, targets).mean().item()
    job.folder.mkdir(parents=True)
    names = tuple("abcde")
    ScoresFile(names, scores, targets, torch.arange(40)).save(job.folder / "scores.npz")
    content = {**job.facts, "metrics": {"mAP": value}, "seconds": 1.0, "key": job.key}
    (job.folder / "result.json").write_text(json.dumps(content))
    return value


def test_points_change_the_hook_alone(study: Study) -> None:
    assert list(study.points) == [
        "without", "K3_alpha0.5", "K1_alpha0.5", "K3_alpha0.2",
    ]  # fmt: skip
    jobs = {cell[1]: study._make(cell, "final", 1e-3, 0) for cell in study.cells()}
    hooks = {name: job.resolved.default_hooks.get("oe") for name, job in jobs.items()}
    assert hooks["without"] is None
    kind = "mmsrdl.OEErasingHook"
    assert hooks["K1_alpha0.5"] == dict(type=kind, topk=1, alpha=0.5)
    assert hooks["K3_alpha0.2"] == dict(type=kind, topk=3, alpha=0.2)
    assert (
        len({job.key for job in jobs.values()}) == len({job.folder for job in jobs.values()}) == 4
    )
    for job in jobs.values():
        job.resolved.default_hooks.pop("oe")
        job.resolved.pop("work_dir")
    assert len({json.dumps(job.resolved.to_dict(), default=str) for job in jobs.values()}) == 1


def test_the_tier_is_the_configs() -> None:
    assert tier_of(FROZEN) is Frozen
    assert tier_of(str(CONFIGS / "demo" / "srdl_demo.py")) is EndToEnd
    with pytest.raises(ValueError, match=r"has no default_hooks\.oe"):
        tier_of(str(CONFIGS / "frozen" / "car_voc07.py"))


def test_the_learning_rate_is_searched_at_the_papers_point(
    study: Study, capsys: pytest.CaptureFixture
) -> None:
    searches = {cell: study.searches(cell) for cell in study.cells()}
    assert {cell[1] for cell, jobs in searches.items() if jobs} == {PAPER.name}
    assert run_study(study, table_of, dry_run=True) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "search of 0.0001, 0.001" in lines[0]
    assert "missing: 10 trainings" in lines[1]
    for job in searches[FROZEN, PAPER.name]:
        write_result(job, strength=1 if job.lr == 1e-4 else 5)
    assert {study.chosen(cell) for cell in study.cells()} == {1e-3}
    assert run_study(study, table_of, dry_run=True) == 0
    assert "K1_alpha0.5: lr 0.001, seeds [0, 1]" in capsys.readouterr().out


def test_table_and_figure_hold_what_was_run(study: Study, capsys: pytest.CaptureFixture) -> None:
    study.lrs = [1e-3]
    strengths = {WITHOUT.name: 1.0, PAPER.name: 2.0, "K1_alpha0.5": 1.0}
    values = {
        cell[1]: [write_result(job, strengths[cell[1]]) for job in study.finals(cell)]
        for cell in study.cells()
        if cell[1] in strengths
    }
    study.save(study.out)
    lines = table_of(study.out).splitlines()
    start = {point: f"| srdl_voc07 | {point.topk} | {point.alpha} | " for point in (PAPER,)}[PAPER]
    (paper,) = (each for each in lines if each.startswith(start))
    mean = sum(values[PAPER.name]) / 2
    gain = mean - sum(values["without"]) / 2
    assert f"| {mean:.2f} ± " in paper
    assert f" | {gain:+.2f} [" in paper
    assert paper.endswith(" | 2 | 0.001 |")
    assert any(each.startswith("| srdl_voc07 | - | - |") and "baseline" in each for each in lines)
    (same,) = (each for each in lines if each.startswith("| srdl_voc07 | 1 | 0.5 |"))
    assert "+0.00 [+0.00, +0.00]" in same
    assert "| srdl_voc07 | 3 | 0.2 | not run |  | 0 |  |" in lines
    assert (Path(study.out) / "figure6.png").stat().st_size > 5_000
    assert main(["table", "--out", study.out]) == 0
    assert (Path(study.out) / "figure6.md").read_text() in capsys.readouterr().out


def test_a_further_call_adds_points(study: Study) -> None:
    study.save(study.out)
    study.topks, study.alphas, study.seeds = [8], [0.5], [3]
    study.save(study.out)
    content = Study.read(study.out)
    assert (content["topks"], content["alphas"]) == ([1, 3, 8], [0.2, 0.5])
    assert content["seeds"] == [0, 1, 3]
    assert content["tier"] == "frozen"


def test_mistakes_are_named(tmp_path: Path) -> None:
    options = dict(configs=[FROZEN], out=str(tmp_path), lrs=[1e-3], seeds=[0])
    for changes, message in (
        (dict(topks=[0]), "--topks"),
        (dict(alphas=[1.0]), "--alphas"),
        (dict(alphas=[0.5, 0.5]), "--alphas"),
        (dict(seeds=list(range(11))), "up to 10 seeds"),
    ):
        with pytest.raises(ValueError, match=message):
            Study(**{**options, **changes})
    assert Point(5, 0.1).name == "K5_alpha0.1"
