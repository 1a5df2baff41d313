"""The tools as a user calls them, on tiny data."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmsrdl.apis import load_config, train
from mmsrdl.apis import test as evaluate
from mmsrdl.apis.run import _metric_of, check_pretrained
from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.cli import main
from mmsrdl.evaluation import MultiLabelMetric
from tests.small_run import BY_EPOCH, BY_ITER, EPOCHS, make_config

ROOT = Path(__file__).resolve().parents[2]
LIGHT = [
    "train_dataloader.batch_size=2", "train_dataloader.num_workers=0",
    "train_dataloader.persistent_workers=False", "val_dataloader.num_workers=0",
    "val_dataloader.persistent_workers=False", "test_dataloader.num_workers=0",
    "test_dataloader.persistent_workers=False", "model.backbone.depth=18",
    "model.head.in_channels=512", "model.backbone.init_cfg=None",
]  # fmt: skip


def run(*command: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{cwd}",
        "OMP_NUM_THREADS": "1",
        "PYTHON": sys.executable,
    }
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )
    if check:
        assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-3000:]
    return result


def small_pipeline(root: Path) -> str:
    """A config that sees 64 pixels, as a child of MMPretrain's CSRA config with the one line."""
    path = root / "csra_oe.py"
    path.write_text(
        f'_base_ = ["{ROOT}/configs/mixin/csra_r101_voc07_oe.py"]\n'
        'load = [dict(type="LoadImageFromFile"), dict(type="Resize", scale=(64, 64))]\n'
        'train_pipeline = [*load, dict(type="RandomFlip", prob=0.5), dict(type="PackInputs")]\n'
        'meta_keys = ("sample_idx", "gt_label_difficult")\n'
        'test_pipeline = [*load, dict(type="PackInputs", meta_keys=meta_keys)]\n'
        "train_dataloader = dict(dataset=dict(pipeline=train_pipeline))\n"
        "val_dataloader = dict(dataset=dict(pipeline=test_pipeline))\n"
        "test_dataloader = val_dataloader\n"
        'custom_hooks = [dict(type="EMAHook", momentum=0.1)]\n'
        "train_cfg = dict(max_epochs=2)\n"
    )
    return str(path)


def small_srdl(root: Path) -> Path:
    """The paper's VOC config, seeing 64 pixels for one epoch."""
    path = root / "srdl.py"
    path.write_text(
        f'_base_ = ["{ROOT}/configs/srdl_r101_voc07.py"]\n'
        'pipeline = [dict(type="LoadImageFromFile"), dict(type="Resize", scale=(64, 64)),\n'
        '    dict(type="PackInputs")]\n'
        "train_dataloader = dict(dataset=dict(pipeline=pipeline))\n"
        "val_dataloader = dict(dataset=dict(pipeline=pipeline))\n"
        "test_dataloader = val_dataloader\n"
        "train_cfg = dict(max_epochs=1)\n"
    )
    return path


def test_csra_with_ema_and_the_one_line(tiny_voc: Path, tmp_path: Path) -> None:
    """MMPretrain's own config and EMAHook: two epochs, whose log shows both losses."""
    config = small_pipeline(tmp_path)
    run(
        sys.executable, str(ROOT / "tools/train.py"), config, "--data-root", str(tiny_voc),
        "--work-dir", "work", "--seed", "3", "--cfg-options", *LIGHT,
        "default_hooks.logger.interval=1", cwd=tmp_path,
    )  # fmt: skip
    (scalars,) = (tmp_path / "work").glob("*/vis_data/scalars.json")
    steps = [json.loads(line) for line in scalars.read_text().splitlines()]
    steps = [step for step in steps if "loss_ori" in step]
    assert {step["epoch"] for step in steps} == {1, 2}
    assert any(step["loss_era"] != step["loss_ori"] for step in steps)
    checkpoint = str(tmp_path / "work" / "epoch_2.pth")
    result = run(
        sys.executable, str(ROOT / "tools/test.py"), config, checkpoint, "--data-root",
        str(tiny_voc), "--work-dir", "test", "--cfg-options", *LIGHT, cwd=tmp_path,
    )  # fmt: skip
    assert "multi-label/mAP" in result.stdout + result.stderr


def test_train_test_and_picture(tiny_voc: Path, word_vectors: str, tmp_path: Path) -> None:
    """SRDL through every tool: training, resuming, evaluation, scores, Figure 5, counts."""
    config = small_srdl(tmp_path)
    train = [
        sys.executable, str(ROOT / "tools/train.py"), str(config), "--data-root", str(tiny_voc),
        "--word-vectors", word_vectors, "--work-dir", "work", "--tensorboard",
    ]  # fmt: skip
    run(*train, "--cfg-options", *LIGHT, cwd=tmp_path)
    assert list((tmp_path / "work").glob("*/vis_data/events.out.tfevents*"))
    result = run(
        *train, "--resume", "--cfg-options", *LIGHT, "train_cfg.max_epochs=2", cwd=tmp_path
    )
    assert "resumed epoch: 1" in result.stdout + result.stderr
    checkpoint = str(tmp_path / "work" / "epoch_2.pth")
    result = run(
        sys.executable, str(ROOT / "tools/test.py"), str(config), checkpoint, "--data-root",
        str(tiny_voc), "--out", "scores.npz", "--cfg-options", *LIGHT, cwd=tmp_path,
    )  # fmt: skip
    assert "mlr/mAP" in result.stdout + result.stderr
    with np.load(tmp_path / "scores.npz", allow_pickle=False) as file:
        assert file["scores"].shape == file["targets"].shape == (4, 20)
    (tmp_path / "one.txt").write_text("000003\n")
    result = run(
        sys.executable, "-m", "mmsrdl", "test", str(config), checkpoint, "--data-root",
        str(tiny_voc), "--set", "val", "--out", "val.npz", "--protocol", "paper", "ssgrl",
        "--cfg-options", *LIGHT, f"val_dataloader.dataset.ann_file={tmp_path}/one.txt",
        cwd=tmp_path,
    )  # fmt: skip
    assert "mlr/mAP_ssgrl" in result.stdout + result.stderr
    with np.load(tmp_path / "val.npz", allow_pickle=False) as file:
        assert [Path(path).name for path in file["img_path"].tolist()] == ["000003.jpg"]
    photo = str(tiny_voc / "JPEGImages" / "000001.jpg")
    shutil.copy(tiny_voc / "JPEGImages" / "000002.jpg", tmp_path / "000001.jpg")
    result = run(
        sys.executable, str(ROOT / "tools/analysis_tools/attention_maps.py"), str(config),
        checkpoint, photo, "000001.jpg", "--out-dir", "maps", "--cfg-options", *LIGHT, cwd=tmp_path,
    )  # fmt: skip
    assert (tmp_path / "maps" / "000001.png").stat().st_size > 1000
    assert (tmp_path / "maps" / "000001_2.png").stat().st_size > 1000
    assert "000001.jpg: maps/000001_2.png" in result.stdout
    run(
        sys.executable, "-m", "mmsrdl", "picture", "compare", str(config), checkpoint,
        str(config), checkpoint, photo, "--cfg-options", *LIGHT, cwd=tmp_path,
    )  # fmt: skip
    assert (tmp_path / "comparisons" / "000001.png").stat().st_size > 1000
    run(
        sys.executable, str(ROOT / "tools/dataset_tools/cooccurrence.py"), str(config), "--out",
        "counts.npz", "--data-root", str(tiny_voc), cwd=tmp_path,
    )  # fmt: skip
    with np.load(tmp_path / "counts.npz") as file:
        assert file["counts"].diagonal().sum() == 40


@pytest.mark.slow
def test_two_processes_over_gloo(tiny_voc: Path, word_vectors: str, tmp_path: Path) -> None:
    config = small_srdl(tmp_path)
    result = run(
        "bash", str(ROOT / "tools/dist_train.sh"), str(config), "2", "--data-root", str(tiny_voc),
        "--word-vectors", word_vectors, "--work-dir", "work", "--cfg-options", *LIGHT, cwd=tmp_path,
    )  # fmt: skip
    assert "mlr/mAP" in result.stdout + result.stderr


@pytest.mark.parametrize("script", ["dist_train", "dist_test", "slurm_train", "slurm_test"])
def test_scripts_say_how_they_are_called(script: str, tmp_path: Path) -> None:
    run("bash", "-n", str(ROOT / f"tools/{script}.sh"), cwd=tmp_path)
    result = run("bash", str(ROOT / f"tools/{script}.sh"), cwd=tmp_path, check=False)
    assert result.returncode == 2
    assert f"Usage: tools/{script}.sh" in result.stderr


def test_weights_that_cannot_be_had() -> None:
    init_cfg = dict(type="Pretrained", checkpoint="nowhere/resnet.pth")
    cfg = Config(dict(model=dict(backbone=dict(type="ResNet", init_cfg=init_cfg))))
    message = (
        r"model.backbone.init_cfg.checkpoint='nowhere/resnet.pth' cannot be had .*"
        r"--weights FILE.*--cfg-options model.backbone.init_cfg=None"
    )
    with pytest.raises(RuntimeError, match=message):
        check_pretrained(cfg)


OURS = dict(type="mmsrdl.MultiLabelMetric")
INHERITED = dict(type="MultiLabelMetric", _scope_="mmsrdl")  # through _base_ = "mmsrdl::..."
OTHERS = [dict(type="MultiLabelMetric"), dict(type="mmpretrain.MultiLabelMetric")]


@pytest.mark.parametrize(
    ("scope", "evaluators", "place"),
    [
        ("mmpretrain", OURS, None),
        ("mmpretrain", INHERITED, None),
        ("mmsrdl", dict(type="MultiLabelMetric"), None),
        (None, dict(type=MultiLabelMetric), None),
        ("mmpretrain", [*OTHERS, OURS], 2),
        ("mmpretrain", [dict(type="AveragePrecision"), INHERITED], 1),
    ],
)
def test_scores_are_written_by_our_metric(
    scope: str | None, evaluators: Any, place: int | None
) -> None:
    cfg = Config(dict(default_scope=scope, test_evaluator=evaluators))
    found = _metric_of(cfg, "--out a.npz")
    assert found is (cfg.test_evaluator if place is None else cfg.test_evaluator[place])


@pytest.mark.parametrize("evaluators", [*OTHERS, OTHERS, dict(type="NoSuchMetric")])
def test_scores_without_our_metric(evaluators: Any) -> None:
    cfg = Config(dict(default_scope="mmpretrain", test_evaluator=evaluators))
    with pytest.raises(ValueError, match=r"--out a.npz needs test_evaluator=dict\(type='mmsrdl"):
        _metric_of(cfg, "--out a.npz")


def test_protocols_of_a_run(
    seven: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`mmsrdl test --protocol` gives what `mmsrdl evaluate` gives on the scores it keeps."""
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    train(cfg)
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg = dict()
    for key in ("val_dataloader", "val_evaluator", "val_cfg"):
        cfg.pop(key)
    cfg.default_hooks.checkpoint.pop("save_best")
    config, checkpoint, out = (str(tmp_path / name) for name in ("c.py", "epoch_1.pth", "a.npz"))
    cfg.dump(config)
    names = ["asl", "paper", "ssgrl"]
    figures = evaluate(load_config(config), checkpoint, out, names)
    capsys.readouterr()
    assert main(["evaluate", out, "--protocol", *names, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    for name in names:
        end = "" if name == "asl" else f"_{name}"
        for key, value in document["protocols"][name]["figures"].items():
            assert figures[f"mlr/{key}{end}"] == pytest.approx(value)
    with pytest.raises(ValueError, match=r"protocol must be one of .*got 'voc'"):
        evaluate(load_config(config), checkpoint, protocols=["voc"])
    cfg.test_evaluator = [dict(type="AveragePrecision")]
    with pytest.raises(ValueError, match="--protocol needs test_evaluator=dict"):
        evaluate(cfg, checkpoint, protocols=names)


KILLED = """
import os, signal
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class StopHook(Hook):
    def __init__(self, place, iteration):
        pass

    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter + 1 == int(os.environ.get("DIES_AT", "0")):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_and_resumed_with_workers(
    seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line, killed inside an epoch, against a run that was not; two workers."""
    (tmp_path / "killed.py").write_text(KILLED)
    cfg = make_config(seven, tmp_path / "unused", EPOCHS, BY_ITER)
    cfg.custom_imports = dict(imports=["killed"])
    cfg.train_dataloader.update(num_workers=2, persistent_workers=True)
    cfg.pop("work_dir")
    cfg.dump(tmp_path / "config.py")
    command = [sys.executable, "-m", "mmsrdl", "train", "config.py", "--work-dir"]
    run(*command, "whole", cwd=tmp_path)
    monkeypatch.setenv("DIES_AT", "7")
    assert run(*command, "stopped", cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "stopped" / "iter_8.pth").exists()
    monkeypatch.delenv("DIES_AT")
    result = run(*command, "stopped", "--resume", cwd=tmp_path)
    assert "iter_6.pth" in result.stdout
    ends = [read_checkpoint(tmp_path / name / "iter_12.pth") for name in ("whole", "stopped")]
    for key in ("state_dict", "ema_state_dict", "optimizer"):
        torch.testing.assert_close(ends[0][key], ends[1][key], rtol=0, atol=0)
