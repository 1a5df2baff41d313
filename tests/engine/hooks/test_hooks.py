"""Hooks on a real runner."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmsrdl.engine import OEErasingHook, UnknownLabelGuardHook

BACKBONE = dict(
    type="ResNet", depth=18, base_channels=8, stem_channels=8, num_stages=2, out_indices=(1,),
    strides=(1, 2), dilations=(1, 1),
)  # fmt: skip
CAR = dict(
    type="mmsrdl.CARHead",
    num_classes=20,
    in_channels=16,
    embedder=dict(type="mmsrdl.GCNLabelEmbedder", classes="voc", embed_dims=8),
)
CSRA = dict(type="CSRAClsHead", num_classes=20, in_channels=16, num_heads=2, lam=0.1)


class Recorder(Hook):
    """Keeps the losses of every iteration."""

    priority = "LOWEST"

    def __init__(self) -> None:
        self.outputs: list[dict] = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.outputs.append({name: float(value) for name, value in outputs.items()})


def make_runner(
    root: Path,
    work_dir: Path,
    head: dict,
    hooks: list[dict] | None = None,
    train_cfg: dict | None = None,
    dataset: dict | None = None,
) -> tuple[Runner, Recorder]:
    loader = dict(
        batch_size=2,
        num_workers=0,
        collate_fn=dict(type="default_collate"),
        sampler=dict(type="mmsrdl.SeededSampler", shuffle=True),
        dataset=dict(
            type="mmsrdl.VOCMultiLabel",
            data_root=str(root),
            split="train",
            pipeline=[
                dict(type="LoadImageFromFile"),
                dict(type="Resize", scale=(48, 48)),
                dict(type="PackInputs"),
            ],
            **(dataset or {}),
        ),
    )
    neck = dict(type="GlobalAveragePooling") if "Linear" in head["type"] else None
    runner = Runner.from_cfg(
        Config(
            dict(
                model=dict(type="ImageClassifier", backbone=BACKBONE, neck=neck, head=head),
                train_dataloader=loader,
                train_cfg=train_cfg or dict(by_epoch=True, max_epochs=3),
                optim_wrapper=dict(optimizer=dict(type="Adam", lr=1e-3)),
                custom_hooks=hooks or [],
                default_hooks=dict(logger=None, checkpoint=None),
                default_scope="mmpretrain",
                work_dir=str(work_dir),
                randomness=dict(seed=0),
                log_level="ERROR",
            )
        )
    )
    recorder = Recorder()
    runner.register_hook(recorder)
    return runner, recorder


@pytest.mark.parametrize("head", [CAR, CSRA], ids=["CAR", "CSRA"])
def test_schedule_and_undoing(head: dict, tiny_voc: Path, tmp_path: Path) -> None:
    hook = dict(type="mmsrdl.OEErasingHook", topk=2, begin=1, end=2)
    runner, recorder = make_runner(tiny_voc, tmp_path, head, [hook])
    keys = list(runner.model.state_dict())
    runner.train()
    # Three epochs of two iterations; the second epoch alone erases.
    assert ["loss_era" in out for out in recorder.outputs] == [False, False, True, True] + [
        False
    ] * 2
    for out in recorder.outputs:
        assert out["loss"] == pytest.approx(out["loss_ori"] + out.get("loss_era", 0))
    assert any(out["loss_era"] != out["loss_ori"] for out in recorder.outputs[2:4])
    assert list(runner.model.state_dict()) == keys
    assert getattr(runner.model.head, "erasing", None) is None
    assert "loss" not in vars(runner.model.head)


def test_schedule_by_iteration(tiny_voc: Path, tmp_path: Path) -> None:
    hook = dict(type="mmsrdl.OEErasingHook", begin=2, by_epoch=False)
    loop = dict(by_epoch=False, max_iters=4)
    runner, recorder = make_runner(tiny_voc, tmp_path, CAR, [hook], loop)
    runner.train()
    assert ["loss_era" in out for out in recorder.outputs] == [False, False, True, True]


def test_default_hooks_line(tiny_voc: Path, tmp_path: Path) -> None:
    """The mix-in line: a key of default_hooks that MMEngine does not know by name."""
    runner, recorder = make_runner(tiny_voc, tmp_path, CAR)
    runner.register_default_hooks(
        dict(oe=dict(type="mmsrdl.OEErasingHook"), logger=None, checkpoint=None)
    )
    runner.train()
    assert all("loss_era" in out for out in recorder.outputs)


def test_erasing_changes_the_model(tiny_voc: Path, tmp_path: Path) -> None:
    weights = []
    for number, hooks in enumerate(([], [dict(type="mmsrdl.OEErasingHook")])):
        runner, _ = make_runner(tiny_voc, tmp_path / str(number), CAR, hooks)
        runner.train()
        weights.append(runner.model.head.attention.fsa.weight.detach().clone())
    assert not torch.equal(*weights)


@pytest.mark.parametrize(
    ("head", "options", "error", "message"),
    [
        (
            dict(type="MultiLabelLinearClsHead", num_classes=20, in_channels=16),
            {},
            TypeError,
            "cannot erase in a MultiLabelLinearClsHead: it takes an mmsrdl.CARHead",
        ),
        ({**CAR, "attention": dict(use_spatial=False)}, {}, TypeError, "none that can be erased"),
        (CAR, dict(topk=21), ValueError, "topk=21 exceeds the 20 classes"),
        (CSRA, dict(topk=21), ValueError, "topk=21 exceeds the 20 classes"),
        (
            CSRA,
            dict(era_classes="selected"),
            ValueError,
            "era_classes='selected' leaves labels out",
        ),
        (
            {**CAR, "loss": dict(type="mmsrdl.AssumeNegativeLoss")},
            dict(era_classes="selected"),
            ValueError,
            "leaves labels out, which loss=AssumeNegativeLoss cannot",
        ),
        (CSRA, dict(erase_channel=True), ValueError, "CSRAClsHead has no channel branch"),
    ],
)
def test_wrong_heads_fail_before_training(
    head: dict, options: dict, error: type, message: str, tiny_voc: Path, tmp_path: Path
) -> None:
    hook = dict(type="mmsrdl.OEErasingHook", **options)
    runner, recorder = make_runner(tiny_voc, tmp_path, head, [hook])
    with pytest.raises(error, match=message):
        runner.train()
    assert recorder.outputs == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(alpha=0), r"alpha=0 must lie inside \(0, 1\)"),
        (dict(alpha=1.0), r"alpha=1.0 must lie inside \(0, 1\)"),
        (dict(topk=0), "topk=0 must be at least 1"),
        (dict(begin=-1), "begin=-1"),
        (dict(begin=3, end=3), "begin=3, end=3: use 0 <= begin < end"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OEErasingHook(**options)


@pytest.mark.parametrize("scope", ["mmengine", "mmpretrain"])
def test_resolves_from_any_scope(scope: str) -> None:
    with DefaultScope.overwrite_default_scope(scope):
        hook = ROOT_HOOKS.build(dict(type="mmsrdl.OEErasingHook", topk=5))
    assert hook.erasing.topk == 5


def difficult_voc(root: Path, copy: Path) -> Path:
    """A copy of a VOC folder whose first image has a difficult object."""
    shutil.copytree(root, copy)
    path = copy / "Annotations" / "000001.xml"
    difficult = "<object><name>bicycle</name><difficult>1</difficult></object></annotation>"
    path.write_text(path.read_text().replace("</annotation>", difficult))
    return copy


def test_guard_refuses_unknown_labels_under_a_stock_loss(tiny_voc: Path, tmp_path: Path) -> None:
    guard = [dict(type="mmsrdl.UnknownLabelGuardHook")]
    stock = dict(type="MultiLabelLinearClsHead", num_classes=20, in_channels=16)
    root, unknown = difficult_voc(tiny_voc, tmp_path / "data"), dict(difficult="unknown")
    runner, _ = make_runner(root, tmp_path / "a", stock, guard, dataset=unknown)
    with pytest.raises(ValueError, match=r"are -1 .* loss=CrossEntropyLoss does not leave"):
        runner.train()
    ours = {**stock, "loss": dict(type="mmsrdl.MultiLabelBCELoss")}
    runner, recorder = make_runner(root, tmp_path / "b", ours, guard, dataset=unknown)
    runner.train()
    assert len(recorder.outputs) == 6
    # As negative they are known, and any loss will do.
    runner, recorder = make_runner(root, tmp_path / "c", stock, guard)
    runner.train()
    assert len(recorder.outputs) == 6
    assert isinstance(runner.hooks[0], Hook)
    assert any(isinstance(hook, UnknownLabelGuardHook) for hook in runner.hooks)


def test_channels_last_gives_the_same_values(tiny_voc: Path, tmp_path: Path) -> None:
    states = []
    for number, hooks in enumerate(([], [dict(type="mmsrdl.ChannelsLastHook")])):
        runner, _ = make_runner(tiny_voc, tmp_path / str(number), CAR, hooks)
        runner.train()
        states.append(runner.model.state_dict())
    weight = runner.model.backbone.layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    for name, value in states[0].items():
        # Adam's first steps divide by tiny gradients, so the last digits differ.
        torch.testing.assert_close(states[1][name], value, rtol=1e-2, atol=5e-3)


def test_two_erasing_hooks_are_refused(tiny_voc: Path, tmp_path: Path) -> None:
    hooks = [dict(type="mmsrdl.OEErasingHook", end=1), dict(type="mmsrdl.OEErasingHook", begin=1)]
    runner, _ = make_runner(tiny_voc, tmp_path, CAR, hooks)
    with pytest.raises(ValueError, match="several OEErasingHooks"):
        runner.train()


@pytest.mark.parametrize("head", [CAR, CSRA], ids=["CAR", "CSRA"])
def test_slot_is_emptied_where_erasing_never_ends(
    head: dict, tiny_voc: Path, tmp_path: Path
) -> None:
    runner, _ = make_runner(tiny_voc, tmp_path, head, [dict(type="mmsrdl.OEErasingHook")])
    runner.train()
    assert getattr(runner.model.head, "erasing", None) is None
