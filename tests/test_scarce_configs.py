"""The recipes for scarce labels: which images and labels a model learns from, and how."""

from copy import deepcopy
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS

from mmsrdl.apis.config import LOADERS, datasets_of, set_data_root
from mmsrdl.datasets.observation import random_split

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
ONE_POSITIVE = sorted(path.name for path in (CONFIGS / "single_positive").glob("*.py"))
PARTIAL = sorted(path.name for path in (CONFIGS / "partial_labels").glob("*.py"))
TRAINING_IMAGES = dict(voc12=5717, coco=82081)
OBSERVED, HELD_OUT = "mmsrdl.ObservedDataset", "mmsrdl.HeldOutSplit"


@cache
def read(leaf: str) -> Config:
    """Reads a config once; tests that change one change a copy."""
    return Config.fromfile(CONFIGS / leaf)


def data_of(leaf: str) -> str:
    return leaf.removesuffix(".py").rsplit("_", 1)[1]


@pytest.mark.parametrize("leaf", ONE_POSITIVE)
def test_recipe_of_single_positive_labels(leaf: str) -> None:
    cfg = read(f"single_positive/{leaf}")
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ("Adam", 1e-5, 0)
    assert cfg.param_scheduler is None
    assert cfg.train_cfg.max_epochs == 10
    images = 16 if data_of(leaf) == "coco" and "vlpl" not in leaf else 8
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == images
    train, test = (
        next(datasets_of(cfg[f"{name}_dataloader"].dataset)) for name in ("train", "test")
    )
    kinds = ["LoadImageFromFile", "mmsrdl.TorchResize", "RandomFlip", "PackInputs"]
    assert [step.type for step in train.pipeline] == kinds
    assert train.pipeline[1] == dict(
        type="mmsrdl.TorchResize", scale=(448, 448), interpolation="bilinear"
    )
    assert [step.type for step in test.pipeline] == ["LoadImageFromFile", "Resize", "PackInputs"]
    assert cfg.default_hooks.checkpoint.save_best == "mlr/mAP"
    assert cfg.val_evaluator.protocol == cfg.test_evaluator.protocol == "spml"
    assert (cfg.model.backbone.type, cfg.model.backbone.depth) == ("ResNet", 50)


@pytest.mark.parametrize("leaf", ONE_POSITIVE)
def test_a_fifth_of_the_training_images_is_held_out_with_all_labels(leaf: str) -> None:
    cfg = read(f"single_positive/{leaf}")
    train, held_out, test = (cfg[loader].dataset for loader in LOADERS)
    if leaf.startswith("bce"):
        assert OBSERVED not in str(cfg.to_dict())
    else:
        assert (train.type, train.keep, train.seed) == (OBSERVED, "one_positive", 1200)
        train = train.dataset
    assert (train.part, held_out.part) == ("fit", "held_out")
    for split in (train, held_out):
        assert (split.type, split.held_out, split.seed) == (HELD_OUT, 0.2, 1200)
        assert split.get("order", "listed") == dict(voc12="listed", coco="image_id")[data_of(leaf)]
    for name in ("type", "data_root", "split", "ann_file", "data_prefix"):
        assert train.dataset.get(name) == held_out.dataset.get(name)
    assert held_out.dataset.test_mode
    assert test.test_mode
    evaluated = (test.get("split"), test.get("ann_file"))
    assert evaluated != (train.dataset.get("split"), train.dataset.get("ann_file"))


@pytest.mark.parametrize("leaf", ONE_POSITIVE)
def test_losses_with_a_table_know_how_many_images_are_left(leaf: str) -> None:
    loss = read(f"single_positive/{leaf}").model.head.loss
    if "num_images" in loss:
        data = data_of(leaf)
        fit, _ = random_split(TRAINING_IMAGES[data], 0.2, 1200)
        assert loss.num_images == len(fit)
        assert loss.num_classes == dict(voc12=20, coco=80)[data]


def test_the_table_of_role_learns_ten_times_as_fast() -> None:
    cfg = deepcopy(read("single_positive/role_r50_voc12.py"))
    cfg.model.backbone = dict(type="ResNet", depth=18)
    cfg.model.head.in_channels = 512
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
    groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    tables = [group for group in groups if group["params"][0].shape == (4574, 20)]
    assert [group["lr"] for group in tables] == [pytest.approx(1e-4)]
    assert {group["lr"] for group in groups if group not in tables} == {1e-5}


@pytest.mark.parametrize(
    ("loss", "voc", "coco"),
    [
        ("em", dict(alpha=0.2), dict(alpha=0.1)),
        ("srdl_em", dict(alpha=0.2), dict(alpha=0.1)),
        (
            "em_apl",
            dict(alpha=0.2, beta=0.02, negative_share=0.9, warmup_epochs=5),
            dict(alpha=0.1, beta=0.9, negative_share=0.9, warmup_epochs=5),
        ),
        ("role", dict(expected_positives=1.5), dict(expected_positives=2.5)),
        ("wan", dict(weight="wan"), dict(weight="wan")),
        (
            "vlpl",
            dict(alpha=0.2, beta_pos=0.7, smoothing=0.1, threshold=0.3, temperature=0.01),
            dict(alpha=0.1, beta_pos=0.7, smoothing=0.1, threshold=0.3, temperature=0.01),
        ),
    ],
)
def test_hyper_parameters_are_those_of_the_public_code(loss: str, voc: dict, coco: dict) -> None:
    for data, expected in (("voc12", voc), ("coco", coco)):
        found = read(f"single_positive/{loss}_r50_{data}.py").model.head.loss
        assert {name: found[name] for name in expected} == expected


def test_training_is_on_one_positive_of_each_image_and_selection_on_all_labels(
    tiny_voc: Path,
) -> None:
    cfg = deepcopy(read("single_positive/an_r50_voc12.py"))
    set_data_root(cfg, str(tiny_voc))
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        train, held_out, test = (DATASETS.build(cfg[loader].dataset) for loader in LOADERS)
    labels = torch.as_tensor(train.known_labels)
    assert (labels == 1).sum(1).tolist() == [1, 1, 1]
    assert not (labels == 0).any()
    assert len(held_out) == 1
    assert len(test) == 4
    learned = {train.get_data_info(i)["img_path"] for i in range(3)}
    assert held_out.get_data_info(0)["img_path"] not in learned
    assert len(held_out.get_data_info(0)["gt_label"]) == 10


@pytest.mark.parametrize("leaf", PARTIAL)
def test_recipe_of_partial_labels(leaf: str) -> None:
    cfg = read(f"partial_labels/{leaf}")
    train = cfg.train_dataloader.dataset
    assert (train.type, train.keep, train.p) == (OBSERVED, "entries", 0.1)
    assert OBSERVED not in str(cfg.test_dataloader)
    assert cfg.model.backbone.frozen_stages == 3
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, cfg.train_cfg.max_epochs) == ("Adam", 1e-5, 20)


def test_the_known_share_is_a_setting(tiny_voc: Path) -> None:
    cfg = deepcopy(read("partial_labels/srdl_partial_r101_voc07.py"))
    set_data_root(cfg, str(tiny_voc))
    known = {}
    for p in (0.1, 0.5):
        cfg.merge_from_dict({"train_dataloader.dataset.p": p})
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            labels = torch.as_tensor(DATASETS.build(cfg.train_dataloader.dataset).known_labels)
        known[p] = labels >= 0
    assert 0 < known[0.1].sum() < known[0.5].sum() < known[0.5].numel()
    assert not (known[0.1] & ~known[0.5]).any()
