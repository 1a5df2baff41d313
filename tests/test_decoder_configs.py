"""The recipes of ASL, Query2Label and ML-Decoder, and what mixes their parts with others."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, DefaultScope
from mmpretrain.registry import MODELS
from torch import nn

from mmsrdl.models import CARHead, DecoderRelation, GroupClassifier

EMA = ("asl", "q2l", "mldecoder")
TRAINING_IMAGES = dict(coco=82081, voc07=5011)
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def read(leaf: str) -> Config:
    return Config.fromfile(CONFIGS / leaf)


def build(cfg: dict) -> nn.Module:
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return MODELS.build(cfg)


@pytest.mark.parametrize("leaf", ["q2l/q2l_r101_coco.py", "mldecoder/mldecoder_r101_coco.py"])
def test_what_the_recipes_share(leaf: str) -> None:
    cfg = read(leaf)
    steps = {step["type"]: step for step in cfg.train_dataloader.dataset.pipeline}
    kinds = ["LoadImageFromFile", "mmsrdl.TorchResize", "Cutout", "RandAugment", "PackInputs"]
    assert list(steps) == kinds  # no crop, no flip
    assert (steps["Cutout"]["shape"], steps["Cutout"]["prob"]) == (448 // 2, 1.0)
    assert cfg.param_scheduler.type == "OneCycleLR"
    assert (cfg.param_scheduler.eta_max, cfg.param_scheduler.pct_start) == (1e-4, 0.2)
    assert cfg.param_scheduler.end == cfg.train_cfg.max_epochs
    assert cfg.optim_wrapper.optimizer.lr == 1e-4
    average = cfg.custom_hooks[0]
    assert (average.type, average.momentum) == ("EMAHook", pytest.approx(1 - 0.9997))
    assert "auto_scale_lr" not in cfg  # the cycle sets the rate


def test_recipe_of_query2label() -> None:
    cfg = read("q2l/q2l_r101_coco.py")
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ("AdamW", 1e-2)
    assert "paramwise_cfg" not in cfg.optim_wrapper
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (80, 64)
    assert cfg.train_dataloader.drop_last
    assert cfg.custom_hooks[1].type == "EarlyStoppingHook"
    assert cfg.model.head.loss == dict(
        type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=2.0, clip=0.05, eps=1e-5
    )
    backbone = build({**cfg.model.backbone, "depth": 50, "init_cfg": None})
    fixed = {name.split(".")[0] for name, p in backbone.named_parameters() if not p.requires_grad}
    learns = {name.split(".")[0] for name, p in backbone.named_parameters() if p.requires_grad}
    assert learns == {"layer2", "layer3", "layer4"}
    assert fixed == {"conv1", "bn1", "layer1", *learns}
    backbone.train()
    norms = [m for m in backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert not any(norm.training or norm.weight.requires_grad for norm in norms)
    short = read("q2l/q2l_r101_voc07.py")
    assert short.param_scheduler.end == short.train_cfg.max_epochs == 40


def test_query2label_ends_after_nine_epochs_without_any_gain() -> None:
    options = dict(read("q2l/q2l_r101_coco.py").custom_hooks[1])
    hook = HOOKS.get(options.pop("type"))(**options)

    def ends(figures: Iterable[float]) -> bool:
        return any([hook._check_stop_condition(figure)[0] for figure in figures])

    assert not ends(84 + 0.01 * step for step in range(20))  # small gains are gains
    assert not ends([84.0] * 8)
    assert ends([84.0])


@pytest.mark.parametrize(
    "leaf", [f"{name}_r101_{data}.py" for name in EMA for data in TRAINING_IMAGES]
)
def test_the_moving_average_forgets_the_first_weights(leaf: str) -> None:
    """It is what is evaluated, so it must be of trained weights."""
    system, _, data = leaf.removesuffix(".py").split("_")
    cfg = read(f"{system}/{leaf}")
    images = TRAINING_IMAGES[data]
    steps = images // cfg.train_dataloader.batch_size * cfg.train_cfg.max_epochs
    assert (1 - cfg.custom_hooks[0].momentum) ** steps < 1e-3


def test_recipe_of_ml_decoder() -> None:
    cfg = read("mldecoder/mldecoder_r101_coco.py")
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ("Adam", 1e-4)
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (40, 56)
    assert cfg.model.head.loss == dict(
        type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05, eps=1e-8
    )
    head = build(cfg.model.head)
    assert head.attention.queries.shape == (80, 768)
    assert head.classifier.weight.shape == (80, 768, 1)
    groups = build_optim_wrapper(head, cfg.optim_wrapper).optimizer.param_groups
    for group in groups:  # decay on all but biases and other parameters of one axis
        assert (group["weight_decay"] > 0) == (group["params"][0].dim() > 1)


@pytest.mark.parametrize("data", ["coco", "voc07"])
def test_parts_mix_by_config_alone(data: str) -> None:
    group = read(f"mixin/car_group_r101_{data}.py")
    group.model.head.embedder.word_vectors = None
    head = build(group.model.head)
    assert isinstance(head, CARHead)
    assert isinstance(head.classifier, GroupClassifier)
    decoder = read(f"mixin/car_decoder_r101_{data}.py")
    head = build(decoder.model.head)
    assert isinstance(head.relation, DecoderRelation)
    assert head.classifier.weight.shape[1] == 512
    assert "oe" in group.default_hooks
    assert "oe" in decoder.default_hooks
    asl = read(f"mixin/srdl_asl_r101_{data}.py")
    assert asl.model.head.loss.type == "AsymmetricLoss"
    assert "reduction" not in asl.model.head.loss
