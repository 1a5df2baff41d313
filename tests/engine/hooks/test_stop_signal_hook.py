"""A signal saves, ends the program with its code, and is forgotten afterwards."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmsrdl.apis import train
from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.engine import StopSignalHook, TrainingStopped
from mmsrdl.engine.hooks import stop_signal_hook
from tests.small_run import BY_EPOCH, EPOCHS, ITERS, make_config

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


@HOOKS.register_module(force=True)
class SignalHook(Hook):
    """Sends the process a signal at one place."""

    def __init__(self, number: int, place: str, iteration: int) -> None:
        self.number, self.expected = number, (place, iteration)

    def before_train_iter(self, runner: Any, *args: Any, **kwargs: Any) -> None:
        if self.expected == ("training", runner.iter + 1):
            os.kill(os.getpid(), self.number)

    def before_val_iter(self, runner: Any, batch_idx: int, **kwargs: Any) -> None:
        if self.expected == ("validation", runner.iter) and batch_idx == 1:
            os.kill(os.getpid(), self.number)


@pytest.fixture(scope="module")
def whole(seven: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    work_dir = tmp_path_factory.mktemp("whole")
    train(make_config(seven, work_dir, EPOCHS, BY_EPOCH))
    return read_checkpoint(work_dir / "epoch_3.pth")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    ("place", "iteration", "epoch"),
    [("training", 6, 1), ("training", 8, 1), ("validation", 8, 2)],
)
def test_saved_and_gone_on_from(
    number: int, place: str, iteration: int, epoch: int, seven: Path, tmp_path: Path, whole: dict
) -> None:
    """EMA's weights are in the model during a validation, and must not be saved as its own."""
    before = [signal.getsignal(each) for each in SIGNALS]
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.custom_hooks.append(
        dict(type="SignalHook", number=int(number), place=place, iteration=iteration)
    )
    with pytest.raises(TrainingStopped) as stopped:
        train(cfg)
    assert stopped.value.code == 75
    assert [signal.getsignal(each) for each in SIGNALS] == before
    meta = read_checkpoint(tmp_path / "stopped.pth")["meta"]
    assert (meta["iter"], meta["epoch"]) == (iteration, epoch)
    assert (tmp_path / "last_checkpoint").read_text() == str(tmp_path / "stopped.pth")
    train(make_config(seven, tmp_path, EPOCHS, BY_EPOCH), resume="auto")
    end = read_checkpoint(tmp_path / "epoch_3.pth")
    for key in ("state_dict", "ema_state_dict", "optimizer"):
        torch.testing.assert_close(end[key], whole[key], rtol=0, atol=0)
    scores = [part["message_hub"]["runtime_info"]["best_score"] for part in (end, whole)]
    assert scores[0] == scores[1]


def test_summed_gradients_are_not_lost(seven: Path, tmp_path: Path) -> None:
    def summing(folder: str, *hooks: dict) -> Config:
        cfg = make_config(seven, tmp_path / folder, EPOCHS, BY_EPOCH)
        cfg.optim_wrapper.accumulative_counts = 3
        cfg.custom_hooks.extend(hooks)
        return cfg

    train(summing("whole"))
    stop = dict(type="SignalHook", number=int(signal.SIGTERM), place="training", iteration=7)
    with pytest.raises(TrainingStopped):
        train(summing("stopped", stop))
    assert read_checkpoint(tmp_path / "stopped" / "stopped.pth")["meta"]["iter"] == 9
    train(summing("stopped"), resume="auto")
    ends = [read_checkpoint(tmp_path / name / "epoch_3.pth") for name in ("whole", "stopped")]
    for key in ("state_dict", "ema_state_dict", "optimizer"):
        torch.testing.assert_close(ends[1][key], ends[0][key], rtol=0, atol=0)


def test_without_a_checkpoint_hook(seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, ITERS, BY_EPOCH)
    cfg.default_hooks.checkpoint = None
    cfg.custom_hooks.append(
        dict(type="SignalHook", number=int(signal.SIGTERM), place="training", iteration=2)
    )
    with pytest.raises(TrainingStopped):
        train(cfg)
    assert read_checkpoint(tmp_path / "stopped.pth")["meta"]["iter"] == 2


def test_the_second_signal_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one that a launcher passes on within three seconds."""
    died, now = [], [100.0]
    monkeypatch.setattr(stop_signal_hook, "_die_of", died.append)
    monkeypatch.setattr(stop_signal_hook.time, "monotonic", lambda: now[0])
    hook = StopSignalHook()
    hook._hear(signal.SIGTERM, None)
    now[0] += 2.9
    hook._hear(signal.SIGTERM, None)
    assert died == []
    now[0] += 0.2
    hook._hear(signal.SIGUSR1, None)
    assert died == [signal.SIGUSR1]


@pytest.mark.parametrize(
    ("iteration", "how"), [(2, "no checkpoint was written"), (6, "epoch_1.pth")]
)
def test_an_interrupted_training_gives_the_signals_back(
    iteration: int, how: str, seven: Path, tmp_path: Path
) -> None:
    """And says how to go on."""
    before = [signal.getsignal(each) for each in SIGNALS]
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH, stop=("iteration", iteration))
    cfg.log_level = "WARNING"
    with pytest.raises(KeyboardInterrupt):
        train(cfg)
    assert [signal.getsignal(each) for each in SIGNALS] == before
    (log,) = tmp_path.glob("*/*.log")
    assert f"interrupted after {iteration - 1} iterations; " in log.read_text()
    assert how in log.read_text().splitlines()[-1]
