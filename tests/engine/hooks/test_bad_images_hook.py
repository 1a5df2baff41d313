import csv
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.config import Config

from mmsrdl.apis import test as evaluate
from mmsrdl.apis import train
from mmsrdl.apis.distributed import finish_distributed
from tests.conftest import write_photos
from tests.small_run import BY_EPOCH, BY_ITER, CLASSES, EPOCHS, ITERS, make_config
from tests.test_distributed import free_port

SIZE, BAD = 9, (1, 6)


@pytest.fixture(scope="module")
def nine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine images, of which two cannot be loaded, and a list of the others."""
    root = tmp_path_factory.mktemp("nine")
    write_photos(root, [f"{i}.jpg" for i in range(SIZE)])
    infos = [
        {"img_path": f"{i}.jpg", "gt_label": sorted({i % 3, i % 2}), "gt_label_difficult": []}
        for i in range(SIZE)
    ]
    for name, kept in (("ann", infos), ("good", [x for i, x in enumerate(infos) if i not in BAD])):
        content = {"metainfo": {"classes": CLASSES}, "data_list": kept}
        (root / f"{name}.json").write_text(json.dumps(content))
    for index in BAD:
        path = root / f"{index}.jpg"
        path.write_bytes(path.read_bytes()[:-99])
    return root


def config(root: Path, work_dir: Path, loop: dict, checkpoint: dict, **options: Any) -> Config:
    cfg = make_config(root, work_dir, loop, checkpoint, **options)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.on_bad_image = "skip"
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    cfg.test_cfg = dict()
    return cfg


def rows(work_dir: Path) -> list[list[str]]:
    (file,) = work_dir.glob("*/bad_images.csv")
    with file.open(newline="") as opened:
        return list(csv.reader(opened))


def log_of(work_dir: Path) -> str:
    return "".join(path.read_text() for path in work_dir.glob("*/*.log"))


def test_a_run_counts_and_lists_them(nine: Path, tmp_path: Path) -> None:
    cfg = config(nine, tmp_path, {**EPOCHS, "max_epochs": 2}, BY_EPOCH)
    cfg.log_level = "WARNING"
    train(cfg)
    header, *listed = rows(tmp_path)
    assert header == ["stage", "epoch", "image", "reason"]
    places = [(stage, epoch, Path(image).name) for stage, epoch, image, _ in listed]
    assert places == [
        ("train", "1", "1.jpg"), ("train", "1", "6.jpg"), ("val", "2", "1.jpg"),
        ("val", "2", "6.jpg"),
    ]  # fmt: skip
    assert all("the JPEG is cut short" in reason for *_, reason in listed)
    log = log_of(tmp_path)
    line = "2 of 9 images of MultiLabelDataset could not be loaded, and"
    assert log.count(f"train: {line} others take their place") == 2
    assert log.count(f"val: {line} they are in no figure") == 2
    assert log.count("2 of them not listed before") == 2
    assert "mlr: 2 further images could not be loaded, and are in no figure" in log
    assert "train: in this run 2 of 9 images" in log


def test_an_evaluation_is_that_of_the_other_images(nine: Path, tmp_path: Path) -> None:
    cfg = config(nine, tmp_path / "run", {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    train(cfg)
    checkpoint = str(tmp_path / "run" / "epoch_1.pth")
    figures, scores = [], []
    for name in ("ann", "good"):
        cfg = config(nine, tmp_path / name, EPOCHS, BY_EPOCH)
        cfg.test_dataloader.dataset.ann_file = f"{name}.json"
        figures.append(evaluate(cfg, checkpoint, str(tmp_path / f"{name}.npz")))
        scores.append(np.load(tmp_path / f"{name}.npz"))
    assert figures[0].pop("mlr/bad_images") == 2
    assert "mlr/bad_images" not in figures[1]
    assert figures[0] == pytest.approx(figures[1], abs=1e-4)
    np.testing.assert_allclose(scores[0]["scores"], scores[1]["scores"], atol=1e-6)
    np.testing.assert_array_equal(scores[0]["targets"], scores[1]["targets"])
    assert scores[0]["sample_idx"].tolist() == [i for i in range(SIZE) if i not in BAD]
    assert [row[0] for row in rows(tmp_path / "ann")[1:]] == ["test", "test"]


@pytest.mark.parametrize(
    ("loop", "checkpoint"),
    [
        pytest.param(EPOCHS, BY_ITER, id="epochs"),
        pytest.param(ITERS, BY_ITER, id="iterations", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_goes_on_exactly(
    loop: dict, checkpoint: dict, nine: Path, tmp_path: Path
) -> None:
    options = dict(loop=loop, checkpoint=checkpoint)
    train(config(nine, tmp_path / "whole", **options))
    with pytest.raises(KeyboardInterrupt):
        train(config(nine, tmp_path / "stopped", **options, stop=("iteration", 7)))
    train(config(nine, tmp_path / "stopped", **options), resume="auto")
    names = [(tmp_path / run / "last_checkpoint").read_text() for run in ("whole", "stopped")]
    whole, resumed = (torch.load(name, weights_only=False) for name in names)
    assert Path(names[0]).name == Path(names[1]).name
    for key, value in whole["state_dict"].items():
        assert torch.equal(value, resumed["state_dict"][key]), key


def test_training_by_iterations_reports_before_validations(nine: Path, tmp_path: Path) -> None:
    train(config(nine, tmp_path, {**ITERS, "max_iters": 12}, BY_ITER))
    listed = [(stage, Path(image).name) for stage, _, image, _ in rows(tmp_path)[1:]]
    assert sorted(listed) == [("train", "1.jpg"), ("train", "6.jpg"), ("val", "1.jpg"),
                              ("val", "6.jpg")]  # fmt: skip


def worker(rank: int, port: int, root: Path, out: Path) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port), OMP_NUM_THREADS="1",
    )  # fmt: skip
    cfg = config(root, out, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.launcher = "pytorch"
    train(cfg)
    cfg = config(root, out / "test", EPOCHS, BY_EPOCH)
    cfg.launcher = "pytorch"
    figures = evaluate(cfg, str(out / "epoch_1.pth"))
    (out / f"{rank}.json").write_text(json.dumps(figures))
    finish_distributed()


@pytest.mark.slow
def test_several_processes_are_counted_together(nine: Path, tmp_path: Path) -> None:
    mp.spawn(worker, (free_port(), nine, tmp_path), nprocs=2)
    figures = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert figures[0] == figures[1]
    assert figures[0]["mlr/bad_images"] == 2
    listed = [(stage, Path(image).name) for stage, _, image, _ in rows(tmp_path)[1:]]
    assert listed == [("train", "1.jpg"), ("train", "6.jpg"), ("val", "1.jpg"), ("val", "6.jpg")]
    cfg = config(nine, tmp_path / "alone", EPOCHS, BY_EPOCH)
    alone = evaluate(cfg, str(tmp_path / "epoch_1.pth"))
    assert alone == pytest.approx(figures[0], abs=1e-4)


@pytest.mark.parametrize(
    ("stage", "changes", "message"),
    [
        ("train", dict(test_mode=True), r"train_dataloader.*test_mode=True, .*; set test_mode=Fal"),
        ("val", dict(test_mode=False), r"val_dataloader.*test_mode=False, .*; set test_mode=True"),
    ],
)
def test_modes_in_which_another_image_would_count(
    stage: str, changes: dict, message: str, nine: Path, tmp_path: Path
) -> None:
    cfg = config(nine, tmp_path, EPOCHS, BY_EPOCH)
    cfg[f"{stage}_dataloader"].dataset.update(changes)
    with pytest.raises(ValueError, match=message):
        train(cfg)


def test_a_metric_that_would_count_them(nine: Path, tmp_path: Path) -> None:
    cfg = config(nine, tmp_path, EPOCHS, BY_EPOCH)
    cfg.val_evaluator = [cfg.val_evaluator, dict(type="mmpretrain.AveragePrecision")]
    with pytest.raises(ValueError, match=r"val_evaluator's AveragePrecision would count the ima"):
        train(cfg)
