"""Object erasing on the attention of other systems, in a run with EMA and stochastic depth."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from tests.small_run import BY_EPOCH, CLASSES, EPOCHS, make_config

WORDS = dict(type="mmsrdl.GCNLabelEmbedder", classes=CLASSES, embed_dims=4, num_layers=0)
SD = dict(embedder=WORDS, attention=dict(type="mmsrdl.SemanticDecoupling", hidden_channels=6))
SAM = dict(attention=dict(type="mmsrdl.SemanticAttention", out_channels=6))
SYSTEMS = {
    "SD": SD,
    "SSGRL": dict(**SD, relation=dict(type="mmsrdl.GGNN")),
    "SAM": SAM,
    "ADD-GCN": dict(**SAM, relation=dict(type="mmsrdl.DynamicGCN"), map_score_weight=0.5),
}


class Recorder(Hook):
    """Keeps the losses of every iteration, by its number."""

    def __init__(self) -> None:
        self.losses: dict[int, dict[str, float]] = {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.losses[runner.iter] = {name: value.item() for name, value in outputs.items()}


def make(system: str, root: Path, work_dir: Path) -> tuple[Runner, Recorder]:
    cfg: Config = make_config(root, work_dir, {**EPOCHS, "val_interval": 3}, BY_EPOCH)
    cfg.model.head = dict(
        type="mmsrdl.ClassFeatureHead", num_classes=3, in_channels=8, **SYSTEMS[system]
    )
    cfg.train_dataloader.drop_last = True  # seven images, two a batch
    cfg.default_hooks.cooccurrence = dict(type="mmsrdl.CooccurrenceHook")
    runner, recorder = Runner.from_cfg(cfg), Recorder()
    runner.register_hook(recorder, "LOWEST")
    return runner, recorder


@pytest.mark.parametrize("system", SYSTEMS)
def test_erasing_begins_and_leaves_nothing_behind(system: str, seven: Path, tmp_path: Path) -> None:
    runner, recorder = make(system, seven, tmp_path)
    keys = list(runner.model.state_dict())
    before = {name: value.clone() for name, value in runner.model.named_parameters()}
    runner.train()
    # Three epochs of three batches; the hook begins at iteration 5.
    erased = [number for number, losses in recorder.losses.items() if "loss_era" in losses]
    assert erased == [5, 6, 7, 8]
    assert all(math.isfinite(x) for losses in recorder.losses.values() for x in losses.values())
    assert any(recorder.losses[i]["loss_era"] != recorder.losses[i]["loss_ori"] for i in erased)
    assert runner.model.head.erasing is None
    assert list(runner.model.state_dict()) == keys
    still = {
        name
        for name, value in runner.model.named_parameters()
        if value.requires_grad and torch.equal(value, before[name])
    }
    # The softmax cancels these: their gradients are rounding.
    assert still <= {"head.attention.fc_3.bias", "head.attention.fc_a.bias"}


@pytest.mark.parametrize(("system", "name"), [("SD", "Decoupling"), ("SAM", "Attention")])
def test_there_is_no_channel_branch(system: str, name: str, seven: Path, tmp_path: Path) -> None:
    runner, recorder = make(system, seven, tmp_path)
    (hook,) = (hook for hook in runner.hooks if type(hook).__name__ == "OEErasingHook")
    hook.erasing.erase_channel = True
    with pytest.raises(ValueError, match=f"erase_channel=True: Semantic{name} has no channel"):
        runner.train()
    assert recorder.losses == {}
