"""Several processes: they follow one, and end together whatever one of them meets."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.engine.hooks.stop_signal_hook import STOPPED
from tests.faults.runs import Fault, Run, same, wait
from tests.test_distributed import write_data

Record = Callable[[str, Any], None]


class Following(Run):
    """SRDL with erasing and a label graph, where the processes' number must not matter.

    BN is frozen, as its statistics are those of a process's share, and nothing is drawn in the
    model. Eight images make two steps of four an epoch.
    """

    def config(self) -> Config:
        """Returns the config of a share of the global batch."""
        cfg = super().config()
        cfg.model.backbone.update(norm_eval=True, drop_path_rate=0.0)
        cfg.model.head.embedder.update(adjacency="cooccurrence", learn_adjacency=False)
        cfg.default_hooks.cooccurrence = dict(type="mmsrdl.CooccurrenceHook")
        cfg.default_hooks.oe.begin = 2
        cfg.model.data_preprocessor = dict(mean=[127.0] * 3, std=[60.0] * 3)
        cfg.optim_wrapper.optimizer = dict(type="SGD", lr=0.05, momentum=0.9)
        cfg.train_dataloader.update(batch_size=4 // self.world, num_workers=0)
        cfg.train_dataloader.persistent_workers = False
        cfg.train_cfg.max_epochs = 5
        return cfg


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("eight")
    write_data(root, 8)
    return root


@pytest.fixture(scope="module")
def alone(eight: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict]:
    run = Following("SRDL", eight, tmp_path_factory.mktemp("alone"))
    assert run.run() == 0, run.said()
    return read_checkpoint(run.work_dir / "iter_10.pth"), run.figures()


@pytest.mark.parametrize("world", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_follow_one(
    world: int,
    eight: Path,
    alone: tuple[dict, dict],
    tmp_path: Path,
    record_property: Record,
) -> None:
    run = Following("SRDL", eight, tmp_path, world=world)
    assert wait(run.start()) == [0] * world, run.said()
    content, (expected, figures) = read_checkpoint(run.work_dir / "iter_10.pth"), alone
    for key in ("state_dict", "ema_state_dict"):
        torch.testing.assert_close(content[key], expected[key], rtol=1e-4, atol=1e-5)
    # Losses in the log are the first process's; the figures are of all.
    for step in (step for step in figures if step.startswith("val")):
        torch.testing.assert_close(run.figures()[step], figures[step], rtol=1e-4, atol=1e-3)
    off = _apart(content, expected)
    assert _apart(read_checkpoint(run.work_dir / "iter_8.pth"), expected) > 1e3 * off  # it learns
    record_property("fault", ("SRDL", f"{world} processes for 1", "", "", f"{off:.0e} apart"))


def _apart(one: dict, other: dict) -> float:
    """The largest difference between two checkpoints' weights."""
    return max(
        float((other["state_dict"][key] - value).abs().max())
        for key, value in one["state_dict"].items()
    )


@pytest.mark.slow
def test_a_signal_to_one_stops_all(
    whole: Any, draw: random.Random, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, counts = whole("SRDL", 2)
    rank = draw.randrange(2)
    fault = Fault("begin", draw.randint(1, counts["begin"]), "SIGTERM", rank)
    run = Run("SRDL", undisturbed.data, tmp_path, world=2)
    assert wait(run.start(fault)) == [STOPPED, STOPPED], run.said()
    assert run.run() == 0, run.said()
    same(run.end(), end)
    what = f"SIGTERM to process {rank} of 2 in iteration {fault.number}"
    record_property("fault", ("SRDL", what, f"both code {STOPPED}", "stopped.pth", "bit-identical"))


@pytest.mark.slow
def test_nan_in_one_ends_all(
    whole: Any, draw: random.Random, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, counts = whole("SRDL", 2)
    rank = draw.randrange(2)
    fault = Fault("nan", draw.randint(1, counts["nan"]), "nothing", rank)
    run = Run("SRDL", undisturbed.data, tmp_path, world=2)
    assert wait(run.start(fault)) == [2, 2], run.said()
    saved = run.work_dir / f"nonfinite_iter_{fault.number - 1}.pth"
    assert run.said().count("became NaN or infinite") == 1
    assert run.said().count(".jpg") == 1  # of the one image of that process
    assert "Traceback" not in run.log("stderr 1").read_text()
    assert run.run(resume=str(saved)) == 0, run.said()
    same(run.end(), end)
    what = f"NaN in process {rank} of 2 in iteration {fault.number}"
    record_property("fault", ("SRDL", what, "both code 2", saved.name, "bit-identical"))


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_written_ends_all(
    whole: Any, tmp_path: Path, record_property: Record
) -> None:
    undisturbed, end, _ = whole("SRDL", 2)
    run = Run("SRDL", undisturbed.data, tmp_path, world=2)
    assert wait(run.start(Fault("half", 5, "full"))) == [2, 2], run.said()
    assert "No space left on device" in run.said().splitlines()[-1]
    assert "Traceback" not in run.log("stderr 1").read_text()
    assert run.run() == 0, run.said()
    same(run.end(), end)
    what = "disk full for process 0 of 2"
    record_property("fault", ("SRDL", what, "both code 2", "", "bit-identical"))
