"""There is always a whole checkpoint, whatever happens while the next one is written."""

import errno
import os
import signal
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmsrdl.apis import train
from mmsrdl.apis.resume import newest_checkpoint
from mmsrdl.apis.run import HOOKS_OF_EVERY_RUN, _write_whole_files
from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.engine import SafeCheckpointHook
from mmsrdl.engine.saving import NotWrittenError
from tests.small_run import BY_EPOCH, BY_ITER, EPOCHS, make_config

RENAME = os.replace


def config(seven: Path, work_dir: Path, kept: int = 2, by_epoch: bool = True) -> Config:
    cfg = make_config(seven, work_dir, EPOCHS, BY_EPOCH if by_epoch else BY_ITER)
    cfg.default_hooks.checkpoint.max_keep_ckpts = kept
    return cfg


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.pth*"))


class FullDisk:
    """``os.replace`` until a file of some name is to be written."""

    def __init__(self, start: str) -> None:
        self.start = start

    def __call__(self, source: str, target: Path) -> None:
        if Path(target).name.startswith(self.start):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        RENAME(source, target)


@pytest.mark.parametrize("kept", [1, 2])
def test_what_is_outdated_is_removed_last(
    kept: int, seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: dict[str, list[str]] = {}

    def rename(source: Path, target: Path) -> None:
        before.setdefault(Path(target).name, names(tmp_path))
        RENAME(source, target)

    monkeypatch.setattr(os, "replace", rename)
    train(config(seven, tmp_path, kept))
    for epoch in range(2, 4):
        former = [f"epoch_{number}.pth" for number in range(max(1, epoch - kept), epoch)]
        assert {*former} <= {*before[f"epoch_{epoch}.pth"]}
    left = [name for name in names(tmp_path) if name.startswith("epoch")]
    assert left == [f"epoch_{number}.pth" for number in range(4 - kept, 4)]
    assert len(names(tmp_path)) == kept + 1  # and the best one


@pytest.mark.parametrize("at", ["epoch_2.pth", "best_", "last_checkpoint"])
def test_a_full_disk_takes_nothing(
    at: str, seven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = config(seven, tmp_path, kept=1)
    cfg.train_cfg.max_epochs = 1
    train(cfg)
    best, written = names(tmp_path)
    first = (tmp_path / written).read_bytes()
    cfg = config(seven, tmp_path, kept=1)
    cfg.default_hooks.checkpoint.rule = "less"  # so that the next epoch is not worse
    monkeypatch.setattr(os, "replace", FullDisk(at))
    message = (
        rf"cannot write to '{tmp_path}' \(No space left on device\).*"
        rf"The last good checkpoint: {tmp_path}/epoch_\d.pth. Make room.*--resume"
    )
    with pytest.raises(NotWrittenError, match=message):
        train(cfg, resume="auto")
    assert best in names(tmp_path)
    assert not [name for name in names(tmp_path) if name.endswith(".part")]
    if at != "best_":
        assert (tmp_path / written).read_bytes() == first
    newest, lines = newest_checkpoint(str(tmp_path))
    assert newest is not None
    assert not lines
    monkeypatch.undo()
    train(config(seven, tmp_path, kept=1), resume="auto")
    assert read_checkpoint(tmp_path / "epoch_3.pth")["meta"]["epoch"] == 3


def test_in_another_folder(seven: Path, tmp_path: Path) -> None:
    cfg = config(seven, tmp_path / "work", by_epoch=False)
    cfg.default_hooks.checkpoint.out_dir = str(tmp_path / "store")
    (tmp_path / "store" / "work").mkdir(parents=True)
    (tmp_path / "store" / "work" / "iter_9.pth.part").write_bytes(b"half")
    train(cfg)
    left = names(tmp_path / "store" / "work")
    assert [name for name in left if name.startswith("iter")] == ["iter_10.pth", "iter_12.pth"]
    assert not [name for name in left if name.endswith(".part")]
    last = (tmp_path / "work" / "last_checkpoint").read_text()
    assert last == str(tmp_path / "store" / "work" / "iter_12.pth")


@pytest.mark.parametrize("named", [None, "CheckpointHook", "mmengine.CheckpointHook"])
def test_every_run_has_it(named: str | None) -> None:
    cfg = Config(dict(default_scope="mmpretrain", default_hooks=dict()))
    if named is not None:
        cfg.default_hooks.checkpoint = dict(type=named, interval=5)
    _write_whole_files(cfg)
    hook = HOOKS.build(cfg.default_hooks.checkpoint)
    assert type(hook) is SafeCheckpointHook
    assert hook.interval == (-1 if named is None else 5)


def test_so_has_a_second_one() -> None:
    cfg = Config(dict(custom_hooks=[dict(type="CheckpointHook"), dict(type="EMAHook")]))
    cfg.default_hooks = dict(checkpoint=None)
    _write_whole_files(cfg)
    assert [hook.type for hook in cfg.custom_hooks] == ["mmsrdl.SafeCheckpointHook", "EMAHook"]


@pytest.mark.parametrize("template", ["car_{:02d}.ckpt", "car_{}"])
def test_under_another_name(template: str, seven: Path, tmp_path: Path) -> None:
    def other(epochs: int) -> Config:
        cfg = config(seven, tmp_path, kept=1)
        cfg.default_hooks.checkpoint.filename_tmpl = template
        cfg.train_cfg.max_epochs = epochs
        return cfg

    train(other(1))
    first = tmp_path / template.format(1)
    assert newest_checkpoint(str(tmp_path)) == (str(first), [])
    (tmp_path / (template.format(9) + ".part")).write_bytes(b"half")
    train(other(2), resume="auto")
    assert sorted(path.name for path in tmp_path.glob("car_*") if path.suffix != ".part") == [
        template.format(2)
    ]
    assert read_checkpoint(tmp_path / template.format(2))["meta"]["iter"] == 8
    if first.suffix:
        assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("loop", [dict(by_epoch=True), dict(by_epoch=False)])
def test_in_a_run_of_mmengine_alone(loop: dict, seven: Path, tmp_path: Path) -> None:
    """As `mim train` has it: its loops, its sampler, and our hooks by the config alone."""
    by_epoch = loop["by_epoch"]
    steps = dict(max_epochs=2) if by_epoch else dict(max_iters=8)
    cfg = make_config(
        seven, tmp_path, dict(**loop, **steps, val_interval=2 if by_epoch else 4),
        dict(**loop, interval=1 if by_epoch else 4),
    )  # fmt: skip
    sampler = "DefaultSampler" if by_epoch else "InfiniteSampler"
    cfg.train_dataloader.sampler = dict(type=sampler, shuffle=True)
    for name, kind in HOOKS_OF_EVERY_RUN.items():
        cfg.default_hooks[name] = dict(type=kind)
    cfg.default_hooks.checkpoint.type = "mmsrdl.SafeCheckpointHook"
    before = signal.getsignal(signal.SIGTERM)
    Runner.from_cfg(cfg).train()
    assert signal.getsignal(signal.SIGTERM) == before
    last = tmp_path / ("epoch_2.pth" if by_epoch else "iter_8.pth")
    assert newest_checkpoint(str(tmp_path)) == (str(last), [])

    for name in ("train_dataloader", "train_cfg", "optim_wrapper", "param_scheduler"):
        cfg[name] = None
    cfg.update(load_from=str(last), experiment_name="validated alone", custom_hooks=[])
    files = names(tmp_path)
    assert Runner.from_cfg(cfg).val()["mlr/mAP"] > 0
    assert names(tmp_path) == files


def test_what_is_no_hook_of_mmengine_stays() -> None:
    for checkpoint in (None, dict(type="mmsrdl.SafeCheckpointHook", interval=5)):
        cfg = Config(dict(default_hooks=dict(checkpoint=checkpoint)))
        _write_whole_files(cfg)
        assert cfg.default_hooks.checkpoint == checkpoint
