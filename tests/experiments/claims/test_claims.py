import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from experiments.claims.__main__ import main
from experiments.claims.report import write_report
from experiments.claims.steps import STUDIES, Context, Sources, Study, steps_of
from experiments.frozen.study import Study as Frozen
from mmsrdl.datasets import VOC_CATEGORIES
from mmsrdl.evaluation import ScoresFile

SMALL = [
    "maps_voc07", "frozen_voc07", "context_frozen_voc07", "maps_coco", "frozen_coco",
    "context_frozen_coco", "srdl_plus_voc07", "figure6_frozen", "scenes", "figure6_scenes",
    "end_to_end_voc07", "context_end_to_end_voc07",
]  # fmt: skip


@pytest.fixture
def sources(tiny_voc: Path, tiny_coco: Path, tmp_path: Path) -> Sources:
    return Sources(
        out=tmp_path / "out",
        roots={"voc07": str(tiny_voc), "coco": str(tiny_coco)},
        settings={"voc07": ["train_dataloader.dataset.split=train"]},
        vectors={"coco": "coco.npz"},
        weights="weights.pth",
    )


def test_small_study(sources: Sources) -> None:
    steps = {step.name: step for step in steps_of("small", sources)}
    assert list(steps) == SMALL
    maps, frozen = steps["maps_voc07"], steps["frozen_coco"]
    assert isinstance(maps, Study)
    assert isinstance(frozen, Study)
    assert "--cfg-options train_dataloader.dataset.split=train" in str(maps)
    assert "--weights weights.pth" in str(maps)
    assert maps.table is None
    assert "--word-vectors coco.npz" in str(frozen)
    assert "--baseline gmp_coco" in str(frozen)
    assert frozen.table == sources.out / "frozen_coco" / "frozen.md"
    context = steps["context_frozen_voc07"]
    assert isinstance(context, Context)
    assert context.options[1].endswith("ImageSets/Main/train.txt")
    assert context.options[3].endswith("ImageSets/Main/test.txt")


@pytest.mark.parametrize("study", STUDIES)
def test_every_config_and_option_is_known(study: str, sources: Sources) -> None:
    for step in steps_of(study, sources):
        if isinstance(step, Study):
            parser = import_module(f"experiments.{step.module}.__main__").make_parser()
            parsed = parser.parse_args([*step.words, "--out", str(step.out)])
            for config in getattr(parsed, "configs", ()):
                assert Config.fromfile(config).model.type == "ImageClassifier"


def write_finals(out: Path, name: str, strength: float) -> None:
    """Writes two final results of random scores, which tell positives by a strength."""
    rng = np.random.default_rng(0)
    targets = torch.from_numpy((rng.random((60, 20)) < 0.3).astype(np.int8))
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        scores = (torch.randn(60, 20, generator=generator) + strength * targets).sigmoid()
        folder = out / name / f"final_lr0.001_seed{seed}"
        folder.mkdir(parents=True)
        ScoresFile(VOC_CATEGORIES, scores, targets, torch.arange(60)).save(folder / "scores.npz")
        facts = {"stage": "final", "lr": 0.001, "seed": seed}
        (folder / "result.json").write_text(json.dumps(facts))


def test_context_is_of_the_scores_of_the_table_and_stands_in_the_report(
    tiny_voc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "frozen_voc07"
    names = ["gmp_voc07", "car_voc07", "srdl_voc07"]
    study = Frozen(configs=[f"{name}.py" for name in names], out=str(out), lrs=[1e-3], seeds=[0, 1])
    study.save(out)
    for name in names[:2]:
        write_finals(out, name, 2.0)
    step = Context(
        name="context_frozen_voc07",
        out=out,
        form="experiments.frozen.table",
        systems=("car_voc07", "srdl_voc07"),
        baseline="gmp_voc07",
        options=("--train", str(tiny_voc / "ImageSets" / "Main" / "train.txt"),
                 "--bootstrap", "20", "--min-positives", "1"),
    )  # fmt: skip
    assert step.run(dry_run=False) == 0
    assert "context of srdl_voc07: not run" in capsys.readouterr().out
    assert "car_voc07 - gmp_voc07" in step.text.read_text()
    assert step.picture("car_voc07").is_file()
    missing = Study(name="figure6_frozen", module="figure6", words=("run",), out=tmp_path / "f")
    report = write_report([missing, step], tmp_path).read_text()
    assert "*not run*" in report
    assert "python -m experiments.figure6 run --out" in report
    assert "![context_car_voc07](frozen_voc07/context_car_voc07.png)" in report
    assert "car_voc07 - gmp_voc07" in report


def test_dry_run_before_anything_is_there(
    tiny_voc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["small", "--voc", str(tiny_voc), "--out", str(tmp_path / "out"), "--dry-run"]
    steps = ["maps_voc07", "frozen_voc07", "scenes", "figure6_scenes"]
    assert main([*words, "--steps", *steps]) == 0
    printed = capsys.readouterr().out
    assert "python -m experiments.frozen cache --config gmp_lite0_voc07" in printed
    assert "all of it is missing" in printed
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--voc and --coco are both missing"),
        (["--voc", "X", "--word-vectors", "a", "b", "c"], "give one file, or VOC's and COCO's"),
        (["--voc", "X", "--voc-options", "split"], "split must be KEY=VALUE"),
    ],
)
def test_mistakes(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["small", *words])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_step_that_fails_does_not_end_the_others(
    tiny_voc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out := tmp_path / "out").mkdir()
    words = ["small", "--voc", str(tiny_voc), "--out", str(out), "--processes", "0"]
    assert main([*words, "--steps", "context_frozen_voc07", "end_to_end_voc07"]) == 1
    shown = capsys.readouterr()
    assert "failed: context_frozen_voc07 (FileNotFoundError: --out" in shown.err
    assert "--processes" in shown.err
    assert "failed: end_to_end_voc07 (2)" in shown.err
    assert (out / "report.md").is_file()


def test_unknown_step(tiny_voc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["full", "--voc", str(tiny_voc), "--steps", "figure7"])
    assert (
        "the steps are paper_voc07, context_paper_voc07, figure6_voc07" in capsys.readouterr().err
    )
