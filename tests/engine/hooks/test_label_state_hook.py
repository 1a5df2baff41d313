"""Losses with a state of the training images in whole runs, with stock heads and ours."""

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS
from torch.testing import assert_close

from mmsrdl.apis import test as evaluate
from mmsrdl.apis import train
from mmsrdl.apis.distributed import finish_distributed
from mmsrdl.datasets import MultiLabelDataset
from mmsrdl.engine.hooks.bare_model import bare_model
from mmsrdl.engine.hooks.sync_buffers_hook import synchronized_buffers
from mmsrdl.evaluation import ScoresFile
from mmsrdl.models import EMAPLLoss
from tests.small_run import BY_EPOCH, CLASSES, EPOCHS, LENGTH, make_config

TWO = {**EPOCHS, "max_epochs": 2}
LOSSES: dict[str, dict[str, Any]] = {
    "partial_bce": dict(type="mmsrdl.PartialBCELoss"),
    "an": dict(type="mmsrdl.AssumeNegativeLoss"),
    "wan": dict(type="mmsrdl.AssumeNegativeLoss", weight="wan"),
    "em": dict(type="mmsrdl.EntropyMaximizationLoss"),
    "asl": dict(type="mmsrdl.MultiLabelASLLoss"),
    "role": dict(type="mmsrdl.ROLELoss", num_images=7, num_classes=3, expected_positives=1.5),
    "em_apl": dict(type="mmsrdl.EMAPLLoss", num_images=7, num_classes=3, warmup_epochs=1, beta=0.5),
    "vlpl": dict(type="mmsrdl.VLPLLoss", scores="scores.npz", warmup_epochs=1),
    "asymmetric_vlpl": dict(type="mmsrdl.AsymmetricVLPLLoss", scores="scores.npz"),
}
HEADS: dict[str, dict[str, Any]] = {
    "linear": dict(type="MultiLabelLinearClsHead", num_classes=3, in_channels=8),
    "csra": dict(type="CSRAClsHead", num_classes=3, in_channels=8, num_heads=1, lam=0.1),
}


@pytest.fixture(scope="module")
def scarce(seven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seven images with one positive label each, one of them with a negative one."""
    root = tmp_path_factory.mktemp("scarce") / "data"
    shutil.copytree(seven, root)
    data = json.loads((root / "ann.json").read_text())
    for number, info in enumerate(data["data_list"]):
        unknown = {0, 1, 2} - {number % 3} - ({0} if number == 5 else set())
        info.update(gt_label=[number % 3], gt_label_difficult=sorted(unknown))
    (root / "ann.json").write_text(json.dumps(data))
    names = tuple(f"{number}.jpg" for number in range(7))
    scores = torch.rand(7, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.zeros(7, 3, dtype=torch.int8)
    ScoresFile(tuple(CLASSES), scores, targets, torch.arange(7), names).save(root / "scores.npz")
    return root


class Recorder(Hook):
    """Keeps the losses of every iteration, and what the loss was told."""

    priority = "VERY_LOW"
    losses: list[dict[str, float]] = []
    images: list[list[int]] = []

    def before_train(self, runner) -> None:
        Recorder.losses, Recorder.images = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        index = getattr(bare_model(runner).head.loss_module, "_index", None)
        Recorder.images.append([] if index is None else index.tolist())

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        Recorder.losses.append({name: float(value.detach()) for name, value in outputs.items()})


HOOKS.register_module(name="LabelStateRecorder", module=Recorder, force=True)


def run_config(
    root: Path,
    work_dir: Path,
    loss: str,
    head: str | None = None,
    loop: dict | None = None,
    **kwargs: Any,
) -> Config:
    cfg = make_config(root, work_dir, loop or TWO, BY_EPOCH, **kwargs)
    if head is not None:
        cfg.model.head = HEADS[head]
        cfg.model.neck = dict(type="GlobalAveragePooling") if head == "linear" else None
        cfg.default_hooks.oe = None
    cfg.model.head.loss = dict(LOSSES[loss])
    if "scores" in cfg.model.head.loss:
        cfg.model.head.loss.scores = str(root / "scores.npz")
    cfg.default_hooks.label_state = dict(type="mmsrdl.LabelStateHook")
    cfg.default_hooks.unknown_labels = dict(type="mmsrdl.UnknownLabelGuardHook")
    cfg.custom_hooks.append(dict(type="LabelStateRecorder"))
    cfg.optim_wrapper.paramwise_cfg = dict(custom_keys={"loss_module.table": dict(lr_mult=10)})
    return cfg


def saved(work_dir: Path, epoch: int = 2) -> dict:
    return torch.load(work_dir / f"epoch_{epoch}.pth", weights_only=False)


QUICK = [("an", None), ("role", None), ("vlpl", None), ("role", "linear"), ("em_apl", "csra")]
ALL = [
    pytest.param(loss, head, marks=() if (loss, head) in QUICK else pytest.mark.slow)
    for loss in LOSSES
    for head in (None, *HEADS)
]


@pytest.mark.parametrize(("loss", "head"), ALL)
def test_it_trains(loss: str, head: str | None, scarce: Path, tmp_path: Path) -> None:
    train(run_config(scarce, tmp_path, loss, head))
    assert len(Recorder.losses) == 2 * LENGTH
    assert all(torch.tensor(list(each.values())).isfinite().all() for each in Recorder.losses)
    assert ("loss_era" in Recorder.losses[-1]) == (head is None)


def test_the_loss_is_told_the_images(scarce: Path, tmp_path: Path) -> None:
    model = train(run_config(scarce, tmp_path, "role", "linear"))
    assert model.head.loss_module._index is None
    for epoch in (Recorder.images[:LENGTH], Recorder.images[LENGTH:]):
        assert {number for batch in epoch for number in batch} == set(range(7))
    assert Recorder.images[:LENGTH] != Recorder.images[LENGTH:]


def test_the_table_begins_with_the_labels_and_learns(scarce: Path, tmp_path: Path) -> None:
    train(run_config(scarce, tmp_path, "role", "linear"))
    labels = torch.from_numpy(
        MultiLabelDataset(data_root=str(scarce), ann_file="ann.json").get_gt_labels()
    )
    checkpoint = saved(tmp_path)
    # EMAHook exchanges the two in the file.
    table = checkpoint["ema_state_dict"]["module.head.loss_module.table"].sigmoid()
    averaged = checkpoint["state_dict"]["head.loss_module.table"].sigmoid()
    for found in (table, averaged):
        assert (found[labels == 1] > 0.98).all()
        assert (found[labels == 0] < 0.05).all()
        assert ((found[labels == -1] > 0.2) & (found[labels == -1] < 0.8)).all()
    assert not torch.equal(table, averaged)
    rates = {round(group["lr"], 6) for group in checkpoint["optimizer"]["param_groups"]}
    assert len(rates) == 2
    assert max(rates) == pytest.approx(10 * min(rates))


def test_pseudo_labels_are_the_models_lowest_scores(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "em_apl", "linear")
    cfg.model.backbone.drop_path_rate = 0.0
    # The same images in training as in evaluation.
    cfg.train_dataloader.dataset.pipeline = cfg.val_dataloader.dataset.pipeline
    cfg.custom_hooks = cfg.custom_hooks[1:]  # no EMA
    train(cfg)
    state = saved(tmp_path)["state_dict"]
    pseudo = state["head.loss_module.pseudo_labels"]
    labels = MultiLabelDataset(data_root=str(scarce), ann_file="ann.json").get_gt_labels()
    unknown = torch.from_numpy(labels) == -1
    # One epoch follows the warm-up, which labels int(0.9 U) of the U unknown entries.
    expected = [int(0.9 * int(count)) for count in unknown.sum(0)]
    assert (pseudo >= 0).sum(0).tolist() == expected
    assert (pseudo[~unknown] == -1).all()

    cfg = run_config(scarce, tmp_path, "em_apl", "linear")
    cfg.custom_hooks = None
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, dict()
    cfg.test_evaluator = dict(type="mmsrdl.MultiLabelMetric", out_file=str(tmp_path / "scores.npz"))
    cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
    cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
    evaluate(cfg, str(tmp_path / "epoch_1.pth"))  # whose model made them
    scores = ScoresFile.load(tmp_path / "scores.npz").scores
    chosen = pseudo >= 0
    assert_close(pseudo[chosen], scores[chosen])
    for column in range(3):
        left = unknown[:, column] & ~chosen[:, column]
        assert scores[chosen[:, column], column].max() <= scores[left, column].min()


@pytest.mark.parametrize(
    ("loss", "stop"),
    [
        ("em_apl", ("iteration", LENGTH + 2)),
        *(
            pytest.param(loss, ("iteration", number), marks=pytest.mark.slow)
            for loss, number in (("em_apl", LENGTH), ("role", LENGTH + 2), ("vlpl", LENGTH + 2))
        ),
    ],
)
def test_a_stopped_run_goes_on(
    loss: str, stop: tuple[str, int], scarce: Path, tmp_path: Path
) -> None:
    """Bit for bit, also within an epoch whose pseudo-labels were made before the stop."""
    cfg = run_config(scarce, tmp_path / "whole", loss)
    cfg.default_hooks.checkpoint.interval = 1
    train(cfg)
    by_iter = dict(by_epoch=False, interval=1)
    parts = run_config(scarce, tmp_path / "parts", loss, stop=stop)
    parts.default_hooks.checkpoint.update(by_iter)
    with pytest.raises(KeyboardInterrupt):
        train(parts)
    parts = run_config(scarce, tmp_path / "parts", loss)
    parts.default_hooks.checkpoint.update(by_iter)
    train(parts, resume="auto")
    end = torch.load(tmp_path / "parts" / f"iter_{2 * LENGTH}.pth", weights_only=False)
    for name, value in saved(tmp_path / "whole")["state_dict"].items():
        assert_close(end["state_dict"][name], value, rtol=0, atol=0)


def test_other_labels_are_refused_when_resumed(scarce: Path, tmp_path: Path) -> None:
    work_dir = tmp_path / "run"
    train(run_config(scarce, work_dir, "role", "linear", {**EPOCHS, "max_epochs": 1}))
    other = tmp_path / "other"
    shutil.copytree(scarce, other)
    content = json.loads((other / "ann.json").read_text())
    content["data_list"][3]["gt_label_difficult"] = []
    (other / "ann.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"loss=ROLELoss belongs to another training set"):
        train(run_config(other, work_dir, "role", "linear"), resume="auto")
    # The same data in another folder is the same data.
    moved = tmp_path / "moved"
    shutil.copytree(scarce, moved)
    train(run_config(moved, work_dir, "role", "linear"), resume="auto")


def test_passes_of_an_iteration_based_loop_are_epochs(scarce: Path, tmp_path: Path) -> None:
    loop = dict(type="mmsrdl.ResumableIterLoop", max_iters=2 * LENGTH, val_interval=100)
    cfg = run_config(scarce, tmp_path, "em_apl", "linear", loop)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint = dict(
        type="CheckpointHook", by_epoch=False, interval=1, max_keep_ckpts=-1, save_best=None
    )
    train(cfg)
    counts = [
        (torch.load(tmp_path / f"iter_{number}.pth", weights_only=False)["ema_state_dict"])[
            "module.head.loss_module.pseudo_labels"
        ]
        .ge(0)
        .sum()
        .item()
        for number in (LENGTH, LENGTH + 1)
    ]
    assert counts[0] == 0 < counts[1]


@pytest.mark.parametrize(
    "wrapper", ["RepeatDataset", pytest.param("ClassBalancedDataset", marks=pytest.mark.slow)]
)
def test_wrappers_that_repeat_images(wrapper: str, scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "em_apl", "linear")
    option = dict(times=2) if wrapper == "RepeatDataset" else dict(oversample_thr=0.5)
    cfg.train_dataloader.dataset = dict(
        type=wrapper, dataset=cfg.train_dataloader.dataset, **option
    )
    train(cfg)
    assert {number for batch in Recorder.images for number in batch} == set(range(7))
    assert saved(tmp_path)["ema_state_dict"]["module.head.loss_module.pseudo_labels"].max() >= 0


def test_joined_data_sets_are_refused(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "role", "linear")
    part = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type="ConcatDataset", datasets=[part, part])
    with pytest.raises(ValueError, match="joins 2 data sets, which count their samples each from"):
        train(cfg)


def test_samples_without_a_place_are_refused(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "role", "linear")
    cfg.train_dataloader.dataset.pipeline[-1].meta_keys = ("img_path",)
    with pytest.raises(ValueError, match=r"has no sample_idx.*let PackInputs keep it"):
        train(cfg)


def test_mixed_images_are_refused(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "role", "linear")
    cfg.model.train_cfg = dict(augments=dict(type="Mixup", alpha=0.8))
    cfg.model.data_preprocessor = dict(num_classes=3)
    with pytest.raises(ValueError, match=r"model\.train_cfg\.augments mixes images"):
        train(cfg)


def test_without_the_hook_the_error_names_it(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "role", "linear")
    cfg.default_hooks.label_state = None
    with pytest.raises(RuntimeError, match=r"not told which images .*mmsrdl.LabelStateHook"):
        train(cfg)


def worker(rank: int, port: int, root: Path, work_dir: Path) -> None:
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2",
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), OMP_NUM_THREADS="1",
    )  # fmt: skip
    for loss in ("role", "em_apl"):
        cfg = run_config(root, work_dir / loss, loss)
        cfg.launcher = "pytorch"
        cfg.default_hooks.sync_buffers = dict(type="mmsrdl.SyncBuffersHook")
        model = train(cfg)
        state = model.module.head.loss_module.state_dict()
        torch.save(state, work_dir / f"{loss} of {rank}.pth")
    finish_distributed()


@pytest.mark.slow
def test_two_processes_hold_the_same_state(scarce: Path, tmp_path: Path) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    mp.spawn(worker, (port, scarce, tmp_path), nprocs=2)
    for loss, name in (("role", "table"), ("em_apl", "pseudo_labels")):
        first, second = (torch.load(tmp_path / f"{loss} of {rank}.pth") for rank in range(2))
        assert_close(first, second, rtol=0, atol=0)
        assert first[name].shape == (7, 3)
        assert first["fingerprint"].any()
        if loss == "em_apl":
            assert (first[name] >= 0).sum(0).tolist() == [int(0.9 * n) for n in (3, 5, 5)]


def test_the_state_is_not_averaged_over_processes() -> None:
    loss = EMAPLLoss(7, 3)
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(2), loss)
    assert [buffer.shape for buffer in synchronized_buffers(model)] == [(2,), (2,)]


@DATASETS.register_module(force=True)
class StockDataset(BaseDataset):
    """A data set that is not ours, with tri-state labels of its own."""

    METAINFO = dict(classes=CLASSES)

    def load_data_list(self) -> list[dict]:
        content = json.loads((Path(self.data_root) / "ann.json").read_text())["data_list"]
        found = []
        for info in content:
            score = torch.full((3,), -1.0)
            score[info["gt_label"]] = 1
            path = str(Path(self.data_root) / info["img_path"])
            found.append(dict(img_path=path, gt_label=info["gt_label"], gt_score=score.numpy()))
        return found


def test_a_data_set_of_mmengine(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "vlpl", "linear", dict(by_epoch=True, max_epochs=2))
    cfg.train_dataloader.dataset.update(type="StockDataset", data_prefix=dict())
    cfg.train_dataloader.sampler = dict(type="DefaultSampler", shuffle=True)
    cfg.train_dataloader.dataset.pop("ann_file")
    train(cfg)
    assert len(Recorder.losses) == 2 * LENGTH


def test_soft_labels_are_refused(scarce: Path, tmp_path: Path) -> None:
    cfg = run_config(scarce, tmp_path, "role", "linear", dict(by_epoch=True, max_epochs=2))
    cfg.train_dataloader.dataset.update(type="SoftDataset", data_prefix=dict())
    cfg.train_dataloader.sampler = dict(type="DefaultSampler", shuffle=True)
    cfg.train_dataloader.dataset.pop("ann_file")
    with pytest.raises(ValueError, match=r"gt_score of image .*0.jpg' must be 1, 0 or -1"):
        train(cfg)


@DATASETS.register_module(force=True)
class SoftDataset(StockDataset):
    """The same with labels between."""

    def load_data_list(self) -> list[dict]:
        found = super().load_data_list()
        for info in found:
            info["gt_score"] = info["gt_score"] / 2
        return found
