"""A NaN ends the training before the weights take it, with all that is needed to go on."""

import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.registry import HOOKS
from torch import nn

from mmsrdl.apis import train
from mmsrdl.apis.resume import newest_checkpoint
from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.engine import NonFiniteError, NonFiniteGuardHook
from mmsrdl.engine.hooks.non_finite_guard_hook import _all_finite
from tests.small_run import EPOCHS, ITERS, make_config

STOCK = dict(
    type="CSRAClsHead", num_classes=3, in_channels=8, num_heads=1, lam=0.1,
    loss=dict(type="AsymmetricLoss", use_sigmoid=True),
)  # fmt: skip


@HOOKS.register_module(force=True)
class SpoilHook(Hook):
    """Puts a value into the images of one batch, or into the gradients of it."""

    def __init__(self, iteration: int, what: str, value: float) -> None:
        self.iteration, self.what, self.value = iteration, what, value
        self.files: list[str] = []

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter + 1 != self.iteration:
            return
        runner.message_hub.update_info("spoilt", [s.img_path for s in data_batch["data_samples"]])
        if self.what == "images":
            data_batch["inputs"] = data_batch["inputs"] * self.value
        else:
            weight = next(p for p in runner.model.parameters() if p.requires_grad)
            weight.register_hook(lambda gradient: gradient * self.value)


def config(
    seven: Path, work_dir: Path, what: str, value: float, loop: dict = EPOCHS, head: Any = None
) -> Config:
    cfg = make_config(seven, work_dir, loop, dict(by_epoch=False, interval=1))
    cfg.custom_hooks.append(dict(type="SpoilHook", iteration=6, what=what, value=value))
    if head is not None:
        cfg.model.head = dict(head)
    return cfg


@pytest.mark.parametrize(
    ("what", "value", "loop", "head"),
    [
        ("images", float("nan"), EPOCHS, None),
        ("images", float("inf"), ITERS, STOCK),
        ("gradients", float("nan"), EPOCHS, STOCK),
        ("gradients", float("inf"), ITERS, None),
    ],
)
def test_ends_with_the_state_of_before(
    what: str, value: float, loop: dict, head: Any, seven: Path, tmp_path: Path
) -> None:
    with pytest.raises(NonFiniteError) as error:
        train(config(seven, tmp_path, what, value, loop, head))
    saved = tmp_path / "nonfinite_iter_5.pth"
    kind = "gradients" if what == "gradients" else "loss"
    message = str(error.value)
    assert f"the {kind} of iteration 6 became NaN or infinite" in message
    assert f"--resume {saved}" in message
    content, before = read_checkpoint(saved), read_checkpoint(tmp_path / "iter_5.pth")
    files = content["message_hub"]["runtime_info"]["spoilt"]
    assert re.findall(r"Images of the batch: (.*?)\. The state", message) == [", ".join(files)]
    for key in ("state_dict", "ema_state_dict", "optimizer"):  # BN statistics included
        torch.testing.assert_close(content[key], before[key], rtol=0, atol=0)
    assert content["param_schedulers"] == before["param_schedulers"]
    assert content["meta"]["iter"] == 5
    assert newest_checkpoint(str(tmp_path))[0] == str(tmp_path / "iter_5.pth")


def test_summed_batches_are_all_named(seven: Path, tmp_path: Path) -> None:
    cfg = config(seven, tmp_path, "gradients", float("nan"))
    cfg.optim_wrapper.accumulative_counts = 3
    with pytest.raises(NonFiniteError) as error:
        train(cfg)
    (files,) = re.findall(r"Images of the batch: (.*?)\. The state", str(error.value))
    assert len(files.split(", ")) == 5  # of the batches 4 to 6; the fourth holds one image


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mixed precision on a CPU, which MMEngine refuses."""
    module = "mmengine.optim.optimizer.amp_optimizer_wrapper"
    monkeypatch.setattr(f"{module}.is_cuda_available", lambda: True)
    monkeypatch.setattr(f"{module}.GradScaler", partial(torch.amp.GradScaler, device="cpu"))


@pytest.mark.usefixtures("mixed")
def test_a_skipped_step_is_no_failure(seven: Path, tmp_path: Path) -> None:
    """The scale starts so high that the first steps' gradients overflow."""
    cfg = make_config(seven, tmp_path, EPOCHS, dict(by_epoch=False, interval=1))
    cfg.optim_wrapper.update(
        type="AmpOptimWrapper", dtype="bfloat16", loss_scale=dict(init_scale=2.0**127)
    )
    train(cfg)
    end = read_checkpoint(tmp_path / "iter_12.pth")
    assert end["optimizer"]["loss_scaler"]["scale"] < 2.0**127
    assert all(value.isfinite().all() for value in end["state_dict"].values())


@pytest.mark.usefixtures("mixed")
def test_a_loss_that_is_nan_is_one(seven: Path, tmp_path: Path) -> None:
    cfg = config(seven, tmp_path, "images", float("nan"))
    cfg.optim_wrapper.update(type="AmpOptimWrapper", dtype="bfloat16", loss_scale=4.0)
    with pytest.raises(NonFiniteError, match="the loss of iteration 6"):
        train(cfg)


def test_nothing_is_left_on_the_optimizer(seven: Path, tmp_path: Path) -> None:
    from mmengine.runner import Runner

    cfg = config(seven, tmp_path, "images", 1.0)
    cfg.default_hooks.guard = dict(type="mmsrdl.NonFiniteGuardHook")
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert "backward" not in vars(runner.optim_wrapper)


def test_only_what_is_no_number_counts() -> None:
    """Norms of large numbers overflow where these do not; parameters may be empty, or in half."""
    large = [torch.tensor(1.0), torch.full((3,), 1e30), torch.full((9,), 6e4).half()]
    assert _all_finite([*large, torch.zeros(0), torch.ones(2).bfloat16()])
    for value in (float("nan"), float("inf"), -float("inf")):
        for dtype in (torch.float32, torch.float16):
            assert not _all_finite([*large, torch.tensor([0.0, value], dtype=dtype)])


def test_several_optimizers_are_left_alone() -> None:
    optimizers = {
        name: OptimWrapper(torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1))
        for name in ("generator", "critic")
    }
    runner = SimpleNamespace(optim_wrapper=OptimWrapperDict(**optimizers))
    hook = NonFiniteGuardHook()
    hook.before_train(runner)
    assert "backward" not in vars(runner.optim_wrapper)
    hook.after_train(runner)
