"""The recipes of SigRL: what they train, and that they run with a small CLIP on a few images."""

import math
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from mmengine.runner import Runner
from mmpretrain.registry import MODELS

from mmsrdl import apis
from mmsrdl.apis import MultiLabelInferencer, load_config
from mmsrdl.checkpoint import read_checkpoint
from mmsrdl.datasets.nuswide import read_published
from mmsrdl.doctor.config_files import config_files
from mmsrdl.evaluation import ScoresFile
from mmsrdl.model_converters import convert_clip
from mmsrdl.model_converters.clip import clip_config
from mmsrdl.models.embedders import LabelVectors
from tests.conftest import write_photos
from tests.datasets.nuswide.published_files import CONCEPTS, IMAGES, SEEN, write_published
from tests.model_converters import clip_weights
from tests.models import open_vocabulary  # noqa: F401, registers HashEncoder
from tests.test_configs import ROOT, SIDE, TWINS, GradientRecorder, fit_loss, shrink

LEAVES = sorted(path.stem for path in (ROOT / "sigrl").glob("*.py"))
OPEN = [leaf for leaf in LEAVES if leaf.endswith("_nuswide")]
ONE_POSITIVE = [leaf for leaf in LEAVES if not leaf.endswith("_nuswide")]
ZERO_SHOT = "clip_vitb16_nuswide"
TRAINED = [
    pytest.param(leaf, marks=pytest.mark.slow) if f"sigrl/{leaf}.py" in TWINS else leaf
    for leaf in LEAVES
    if leaf != ZERO_SHOT
]
SMALL = dict(WIDTH=64, LAYERS=3, PATCH=16, GRID=SIDE // 16, TEXT_LAYERS=1)


@pytest.fixture(autouse=True)
def _unformatted_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runners write the config four times, which takes longer than to train on two images."""
    monkeypatch.setattr(Config, "pretty_text", "")


class Clip(NamedTuple):
    """A file of weights, and the backbone that takes them."""

    file: str
    backbone: dict


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A random CLIP of three blocks, converted."""
    folder = tmp_path_factory.mktemp("clip")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SMALL.items():
            patch.setattr(clip_weights, name, value)
        torch.save(clip_weights.make_clip(), folder / "ViT.pt")
    converted = convert_clip(folder / "ViT.pt")
    converted.save(folder / "clip.pth")
    file = str(folder / "clip.pth")
    return Clip(file, clip_config(converted, file)["backbone"])


@pytest.fixture(scope="module")
def nuswide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images of NUS-WIDE, in three seen and three unseen classes."""
    root = tmp_path_factory.mktemp("nuswide")
    read_published(write_published(root / "published"), subset=True).save(root / "nuswide.npz")
    for image in (*IMAGES["train"], *IMAGES["test"]):
        folder, name = image.split("/")
        write_photos(root / "Flickr" / folder, [name])
    return root


@pytest.fixture
def roots(tiny_voc: Path, tiny_coco: Path, nuswide: Path) -> dict[str, Path]:
    return dict(voc12=tiny_voc, coco=tiny_coco, nuswide=nuswide)


def read(leaf: str) -> Config:
    return Config.fromfile(ROOT / "sigrl" / f"{leaf}.py")


def narrow(cfg: Config, clip: Clip) -> Config:
    """Gives a config the small CLIP, and NUS-WIDE's few classes."""
    head, backbone = cfg.model.head, clip.backbone
    backbones = [cfg.model.backbone]
    if head.get("distillation"):
        head.distillation.checkpoint = clip.file
        backbones.append(head.distillation.backbone)
    for each in backbones:
        for name in ("arch", "img_size", "patch_size", "init_cfg"):
            each[name] = backbone[name]
        if "out_indices" in each:
            each.frozen_stages, each.out_indices = 1, [0, 2]
    width = clip_weights.OUT
    cfg.model.neck.update(in_channels=SMALL["WIDTH"], out_channels=width)
    cfg.model.neck.init_cfg.checkpoint = clip.file
    head.in_channels = head.embedder.embed_dims = width
    head.embedder.text = dict(type="mmsrdl.HashEncoder", dims=width)
    if "nuswide" in cfg.filename:
        head.embedder.classes = list(CONCEPTS)
        if head.get("zsl_vocabulary"):
            head.zsl_vocabulary = list(CONCEPTS)
        for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
            evaluator.update(unseen=list(CONCEPTS), k=[1, 2])
    return cfg


def small(leaf: str, work_dir: Path, roots: dict[str, Path], clip: Clip) -> Config:
    root = roots[leaf.rsplit("_", 1)[1]]
    cfg = shrink(load_config(str(ROOT / "sigrl" / f"{leaf}.py"), str(work_dir), str(root)))
    for scheduler in cfg.param_scheduler or ():
        scheduler.update(begin=0, end=1)
    fit_loss(cfg, work_dir)
    return narrow(cfg, clip)


@pytest.mark.parametrize("leaf", TRAINED)
def test_one_step(leaf: str, roots: dict[str, Path], clip: Clip, tmp_path: Path) -> None:
    cfg = small(leaf, tmp_path, roots, clip)
    recorder = GradientRecorder()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(recorder)
    runner.train()
    assert torch.isfinite(recorder.outputs["loss"])
    assert [name for name, seen in recorder.seen.items() if not seen] == []
    is_open = leaf in OPEN
    assert ("loss_dist" in recorder.outputs) == is_open
    model = runner.model
    frozen = [p for p in model.backbone.parameters() if not p.requires_grad]
    assert bool(frozen) == is_open
    assert model.head.trained_classes == model.head.classes
    if is_open:
        assert model.head.classes == SEEN
        figures = runner.message_hub.log_scalars
        assert {f"val/ov/{part}/mAP" for part in ("ZSL", "GZSL", "seen", "unseen")} <= set(figures)
        assert all(math.isfinite(figures[name].current()) for name in figures if "mAP" in name)


def test_word_vectors_of_the_command_line(
    roots: dict[str, Path], clip: Clip, tmp_path: Path
) -> None:
    """`--word-vectors FILE` takes the place of the text encoder, whose names the file holds."""
    rows = np.random.default_rng(0).normal(size=(len(CONCEPTS), clip_weights.OUT))
    file = str(tmp_path / "tags.npz")
    LabelVectors(tuple(CONCEPTS), rows.astype(np.float32), "drawn", "drawn").save(file)
    cfg = load_config(str(ROOT / "sigrl" / f"{ZERO_SHOT}.py"), word_vectors=file)
    assert ("model.head.embedder.word_vectors", "exists") in {
        (found.place, found.state) for found in config_files(cfg)
    }
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        head = MODELS.build(narrow(cfg, clip).model.head)
    with head.vocabulary(CONCEPTS[::-1]):
        np.testing.assert_array_equal(head.embedder(), rows[::-1].astype(np.float32))


def test_zero_shot_takes_the_converted_weights_as_they_are(
    roots: dict[str, Path], clip: Clip, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cfg = small(ZERO_SHOT, tmp_path, roots, clip)
    figures = apis.test(cfg, clip.file)
    assert "unexpected key" not in "".join(capfd.readouterr())
    assert 0 <= figures["ov/ZSL/mAP"] <= 100
    image = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    inferencer = MultiLabelInferencer(cfg, clip.file)
    (prediction,) = inferencer(image, classes=["a red kite", "water"])
    # sigmoid of a cosine
    assert ((prediction.scores > 0.26) & (prediction.scores < 0.74)).all()
    (other,) = inferencer(image, classes=["water", "snow", "a red kite"])
    np.testing.assert_allclose(other.scores[[2, 0]], prediction.scores, rtol=0, atol=1e-6)


def test_other_weights_than_clips_are_refused(
    roots: dict[str, Path], clip: Clip, tmp_path: Path
) -> None:
    content = read_checkpoint(clip.file)
    content["state_dict"]["textual.proj"] = torch.ones(2)
    torch.save(content, tmp_path / "other.pth")
    cfg = small(ZERO_SHOT, tmp_path, roots, clip)
    with pytest.raises(ValueError, match=r"1 entries are missing or unexpected.*textual\.proj"):
        apis.test(cfg, str(tmp_path / "other.pth"))


def test_cosines_for_vlpl(roots: dict[str, Path], clip: Clip, tmp_path: Path) -> None:
    """CLIP zero-shot scores the training images, as the documents say, and VLPL learns from it."""
    cfg = small("sigrl_em_vitb16_voc12", tmp_path, roots, clip)
    cfg.model.head.attention = dict(type="mmsrdl.PatchScores")
    cfg.model.head.classifier.update(local=False, normalise="cosine")
    cfg.test_dataloader.dataset.update(split="train", indices=4)
    apis.test(cfg, clip.file, str(tmp_path / "sigmoids.npz"))
    file = ScoresFile.load(tmp_path / "sigmoids.npz")
    cosines = file.scores.logit()
    assert cosines.shape == (4, 20)
    assert cosines.abs().max() < 1
    (prediction,) = MultiLabelInferencer(cfg, clip.file)(file.img_path[0], classes=["dog", "cat"])
    columns = [file.names.index(name) for name in ("dog", "cat")]
    np.testing.assert_allclose(prediction.scores, file.scores[0, columns], rtol=0, atol=1e-5)
    replace(file, scores=cosines).save(tmp_path / "cosines.npz")
    cfg = small("sigrl_vlpl_vitb16_voc12", tmp_path, roots, clip)
    cfg.model.head.loss.scores = str(tmp_path / "cosines.npz")
    apis.train(cfg)


@pytest.mark.parametrize("leaf", OPEN)
def test_recipe_of_the_open_vocabulary(leaf: str) -> None:
    cfg = read(leaf)
    is_mkt = leaf in ("mkt_vitb16_nuswide", ZERO_SHOT)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.weight_decay) == ("AdamW", 0.05)
    assert optimizer.lr == (1e-3 if is_mkt else 1e-4)
    images = cfg.train_dataloader.batch_size
    assert images == cfg.auto_scale_lr.base_batch_size == (64 if is_mkt else 32)
    assert cfg.train_dataloader.get("drop_last", False) == is_mkt
    assert cfg.train_cfg.max_epochs == cfg.train_cfg.val_interval == 20
    assert cfg.default_hooks.checkpoint.save_best is None
    train, test = cfg.train_dataloader.dataset, cfg.test_dataloader.dataset
    assert (train.split, train.labels, test.split, test.labels) == ("train", "seen", "test", "all")
    assert len(cfg.test_evaluator.unseen) == len(set(cfg.test_evaluator.unseen)) == 81
    assert cfg.test_evaluator.unseen == sorted(cfg.test_evaluator.unseen)
    head = cfg.model.head
    if head.classifier.normalise == "class_l2":
        assert head.zsl_vocabulary == cfg.test_evaluator.unseen
    else:  # no label's score depends on the others
        assert head.get("zsl_vocabulary") is None
        assert head.attention.get("context", "trained") == "trained"
    if leaf != ZERO_SHOT:
        assert head.distillation.backbone == cfg.model.backbone
    assert head.loss == dict(type="mmsrdl.RankingLoss", margin=1.0)


PARTS = {
    "sigrl": ("mmsrdl.SVFRAttention", True),
    "sigrl_cosine": ("mmsrdl.SVFRAttention", True),
    "svfr": ("mmsrdl.SVFRAttention", False),
    "gmc": ("mmsrdl.PatchScores", True),
    "mkt": ("mmsrdl.PatchScores", False),
    "clip": ("mmsrdl.PatchScores", False),
}


def test_ablations_are_parts_that_are_left_out() -> None:
    assert sorted(f"{name}_vitb16_nuswide" for name in PARTS) == OPEN
    for name, (kind, has_graph) in PARTS.items():
        attention = read(f"{name}_vitb16_nuswide").model.head.attention
        assert attention.type == kind
        assert (attention.get("graph") is not None) == has_graph


def test_learning_rates_of_blocks(roots: dict[str, Path], clip: Clip, tmp_path: Path) -> None:
    """The last two blocks learn more slowly, the first one is frozen, vectors do not decay."""
    cfg = small("sigrl_vitb16_nuswide", tmp_path, roots, clip)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
        groups = build_optim_wrapper(model, cfg.optim_wrapper).optimizer.param_groups
    names = {id(p): name for name, p in model.named_parameters()}
    found = {names[id(p)]: g for g in groups for p in g["params"]}
    assert found.keys() == {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith("backbone.layers.0.") for name in found)
    rates = {"backbone.layers.1.": 0.65**2, "backbone.layers.2.": 0.65, "neck.": 1, "head.": 1}
    for start, rate in rates.items():
        some = [group for name, group in found.items() if name.startswith(start)]
        assert some
        assert [group["lr"] for group in some] == pytest.approx([1e-4 * rate] * len(some))
    for name, group in found.items():
        is_vector = dict(model.named_parameters())[name].dim() == 1
        assert group["weight_decay"] == (0 if is_vector else 0.05)


def test_learning_rate_over_the_epochs() -> None:
    """Two epochs up from nearly 0, half a cosine down to a thousandth, for slower blocks, too."""
    groups = [dict(params=[torch.nn.Parameter(torch.ones(1))], lr=lr) for lr in (1e-4, 0.65e-4)]
    optimizer = torch.optim.AdamW(groups)
    schedulers = []
    for cfg in read("sigrl_vitb16_nuswide").param_scheduler:
        kind = PARAM_SCHEDULERS.get(cfg.pop("type"))
        assert cfg.pop("convert_to_iter_based")
        schedulers.append(kind.build_iter_from_epoch(optimizer, epoch_length=10, **cfg))
    rates = []
    for _ in range(200):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    found = torch.tensor(rates) / torch.tensor([1e-4, 0.65e-4])
    torch.testing.assert_close(found[:, 0], found[:, 1])
    assert found[0, 0] < 1e-5
    assert found[10, 0] == pytest.approx(10 / 19, abs=1e-3)
    assert found[20, 0] == pytest.approx(1)
    assert found[110, 0] == pytest.approx((1 + 1e-3) / 2, abs=1e-2)
    assert 1e-7 <= optimizer.param_groups[0]["lr"] < 1.1e-7


@pytest.mark.parametrize("leaf", ONE_POSITIVE)
def test_recipe_of_one_positive(leaf: str) -> None:
    """As configs/single_positive, but for network, size and batch."""
    cfg = read(leaf)
    loss, data = leaf.removeprefix("sigrl_").split("_vitb16_")
    twin = Config.fromfile(ROOT / "single_positive" / f"{loss}_r50_{data}.py")
    assert cfg.model.head.loss == twin.model.head.loss
    assert cfg.optim_wrapper == twin.optim_wrapper
    assert cfg.train_cfg == twin.train_cfg
    assert cfg.test_evaluator == twin.test_evaluator
    assert cfg.train_dataloader.batch_size == cfg.auto_scale_lr.base_batch_size == 1
    assert "distillation" not in cfg.model.head
    assert "frozen_stages" not in cfg.model.backbone
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        ours, theirs = cfg[loader].dataset, twin[loader].dataset
        while "dataset" in ours:
            ours, theirs = ours.dataset, theirs.dataset
        sizes = [step.scale for step in ours.pipeline if "Resize" in step.type]
        assert sizes == [(224, 224)]
        kinds = [step.type for step in theirs.pipeline]
        assert [step.type for step in ours.pipeline] == kinds
        ours.pop("pipeline"), theirs.pop("pipeline")
        assert cfg[loader].dataset == twin[loader].dataset


@pytest.mark.parametrize("leaf", ["sigrl_vitb16_nuswide", "sigrl_em_vitb16_voc12"])
def test_published_model_has_the_published_sizes(leaf: str, tmp_path: Path) -> None:
    cfg = read(leaf)
    weights = tmp_path / "clip.pth"
    weights.touch()
    cfg.model.head.embedder.text.weights = str(weights)
    with torch.device("meta"), DefaultScope.overwrite_default_scope("mmpretrain"):
        model = MODELS.build(cfg.model)
    state = {name: tuple(entry.shape) for name, entry in model.state_dict().items()}
    assert state["backbone.pos_embed"] == (1, 197, 768)
    assert state["neck.proj"] == (768, 512)
    assert state["head.attention.fc_s.weight"] == (512, 512)
    assert state["head.attention.fc_z.weight"] == (512, 1024)
    assert state["head.attention.graph.layer1.linear.weight"] == (128, 512)
    assert state["head.attention.graph.layer2.linear.weight"] == (512, 128)
    # Nothing belongs to a number of labels.
    assert not any(n in (20, 81, 925, 1006) for shape in state.values() for n in shape)
