"""Runs of several processes over gloo, as torchrun starts them."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from mmengine.config import Config

from mmsrdl import apis
from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.datasets import MultiLabelDataset, conditional_probability, cooccurrence_matrix
from tests.conftest import write_photos
from tests.small_run import BY_EPOCH, CLASSES, EPOCHS, make_config

ROOT = Path(__file__).resolve().parents[1]
SIZES = (7, 8)
EMAS = ("mmengine.EMAHook", "mmpretrain.EMAHook")


def write_data(root: Path, size: int, unknown_every: int = 0) -> None:
    """Writes images whose labels are all unknown where the index is odd, if asked for."""
    names = [f"{i}.jpg" for i in range(size)]
    write_photos(root, names)
    data = []
    for i, name in enumerate(names):
        unknown = unknown_every and i % unknown_every
        labels = {"gt_label": [] if unknown else sorted({i % 3, i % 2})}
        data.append({"img_path": name, **labels, "gt_label_difficult": [0, 1, 2] * bool(unknown)})
    content = {"metainfo": {"classes": CLASSES}, "data_list": data}
    (root / "ann.json").write_text(json.dumps(content))


def config(root: Path, work_dir: Path, launcher: str) -> Config:
    cfg = make_config(root, work_dir, {**EPOCHS, "max_epochs": 2}, BY_EPOCH)
    cfg.launcher = launcher
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, dict()
    cfg.test_evaluator = cfg.val_evaluator
    return cfg


def evaluate(folder: Path, world: int) -> dict[str, float]:
    """Figures of one checkpoint on both sizes; all scores are written beside it."""
    figures = {}
    for size in SIZES:
        launcher = "pytorch" if world > 1 else "none"
        cfg = config(folder / str(size), folder / f"test{world}", launcher)
        out = str(folder / f"{size} in {world}.npz")
        figures[str(size)] = apis.test(cfg, str(folder / "epoch_2.pth"), out)["mlr/mAP"]
    return figures


def best_score(work_dir: Path, epoch: int) -> float:
    """The figure of the validation that an epoch ended with."""
    (log,) = work_dir.glob("*/vis_data/scalars.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    (figure,) = (line["mlr/mAP"] for line in lines if "mlr/mAP" in line and line["step"] == epoch)
    return figure


def worker(rank: int, world: int, port: int, folder: Path) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), OMP_NUM_THREADS="1",
    )  # fmt: skip
    figures = evaluate(folder, world)
    (folder / f"figures {rank} of {world}.json").write_text(json.dumps(figures))
    if world == 2:
        for ema in EMAS:
            # In order: the first process has the known labels and the second one none.
            cfg = config(folder / "halves", folder / ema, "pytorch")
            cfg.train_dataloader.sampler.shuffle = False
            cfg.default_hooks.logger = dict(type="LoggerHook", interval=1)
            cfg.val_evaluator.out_file = str(folder / f"{ema}.npz")
            cfg.custom_hooks[0].type = ema
            cfg.model.head.embedder.update(adjacency="cooccurrence", learn_adjacency=False)
            cfg.default_hooks.cooccurrence = dict(type="mmsrdl.CooccurrenceHook")
            apis.train(cfg)
    finish_distributed()


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of both sizes, and what one, two and three processes made of them."""
    folder = tmp_path_factory.mktemp("distributed")
    for size in SIZES:
        write_data(folder / str(size), size)
    write_data(folder / "halves", 8, unknown_every=2)
    apis.train(config(folder / "8", folder, "none"))
    (folder / "figures 0 of 1.json").write_text(json.dumps(evaluate(folder, 1)))
    for world in (2, 3):
        mp.spawn(worker, (world, free_port(), folder), nprocs=world)
    return folder


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("world", [2, 3])
def test_figures_and_scores_equal_one_process(size: int, world: int, folder: Path) -> None:
    one = json.loads((folder / "figures 0 of 1.json").read_text())[str(size)]
    for rank in range(world):
        figures = json.loads((folder / f"figures {rank} of {world}.json").read_text())
        assert figures[str(size)] == pytest.approx(one, abs=1e-4)
    alone, together = (np.load(folder / f"{size} in {n}.npz") for n in (1, world))
    assert together["sample_idx"].tolist() == list(range(size))
    np.testing.assert_array_equal(together["targets"], alone["targets"])
    np.testing.assert_allclose(together["scores"], alone["scores"], atol=1e-6)


@pytest.mark.parametrize("ema", EMAS)
def test_a_process_without_positives_and_known_labels(ema: str, folder: Path) -> None:
    (log,) = (folder / ema).glob("*/vis_data/scalars.json")
    losses = [json.loads(line).get("loss") for line in log.read_text().splitlines()]
    losses = [loss for loss in losses if loss is not None]
    assert len(losses) == 4
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("ema", EMAS)
def test_a_checkpoint_of_two_processes_in_one(ema: str, folder: Path) -> None:
    for epoch in (1, 2):
        cfg = config(folder / "halves", folder / "again", "none")
        checkpoint, out = str(folder / ema / f"epoch_{epoch}.pth"), str(folder / "again.npz")
        figure = apis.test(cfg, checkpoint, out)["mlr/mAP"]
        assert figure == pytest.approx(best_score(folder / ema, epoch), abs=1e-4)
    together, alone = (np.load(folder / f"{name}.npz") for name in (ema, "again"))
    np.testing.assert_allclose(together["scores"], alone["scores"], atol=1e-6)


@pytest.mark.parametrize("ema", EMAS)
def test_every_process_counts_the_whole_training_set(ema: str, folder: Path) -> None:
    dataset = MultiLabelDataset(data_root=str(folder / "halves"), ann_file="ann.json")
    expected = conditional_probability(cooccurrence_matrix(dataset))
    assert expected.count_nonzero() > 3
    state = torch.load(folder / ema / "epoch_2.pth", weights_only=False)["state_dict"]
    torch.testing.assert_close(state["head.embedder.adjacency"], expected)


DYING = """
_base_ = ["whole.py"]
custom_imports = dict(imports=["dying"])
custom_hooks = [dict(type="DyingHook")]
"""
DYING_HOOK = """
import os, signal, time
from pathlib import Path
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class DyingHook(Hook):
    def after_train_iter(self, runner, *args, **kwargs):
        if runner.iter == 1 and runner.rank == 1:
            Path("died").write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_dies_ends_the_others(tmp_path: Path) -> None:
    """Within a minute, says docs/running.md; killed, so that it cannot say farewell."""
    write_data(tmp_path / "data", 8)
    config(tmp_path / "data", tmp_path / "work", "none").dump(tmp_path / "whole.py")
    (tmp_path / "dies.py").write_text(DYING)
    (tmp_path / "dying.py").write_text(DYING_HOOK)
    environment = {
        **os.environ, "PYTHON": sys.executable, "PYTHONPATH": f"{tmp_path}", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    result = subprocess.run(
        ["bash", str(ROOT / "tools/dist_train.sh"), "dies.py", "2"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    seconds = time.time() - float((tmp_path / "died").read_text())
    print(f"ended after {seconds:.1f} s with {result.returncode}")
    assert result.returncode != 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert seconds < 60
