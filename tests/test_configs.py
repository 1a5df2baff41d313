"""Every config is built at full width and takes one train and one val step."""

import ast
import gc
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.models.losses import AsymmetricLoss
from mmpretrain.registry import DATASETS

from mmsrdl.apis import load_config
from mmsrdl.apis.config import LOADERS, datasets_of
from mmsrdl.datasets.demo_scenes import CLASSES
from mmsrdl.datasets.observation import image_names
from mmsrdl.evaluation import ScoresFile
from tests.conftest import write_tiny_coco

ROOT = Path(__file__).resolve().parents[1] / "configs"
LEAVES = sorted(
    str(path.relative_to(ROOT)) for path in ROOT.glob("*/*.py") if "_base_" not in path.parts
)
# A leaf of COCO whose twin of VOC is trained, too, differs in data and number of classes alone.
TWINS = {f"{leaf.rsplit('_voc', 1)[0]}_coco.py" for leaf in LEAVES if "_voc" in leaf}
TRAINED = [
    pytest.param(leaf, marks=pytest.mark.slow) if leaf in TWINS else leaf
    for leaf in LEAVES
    if not leaf.startswith("sigrl/")  # which need CLIP's weights: test_sigrl_configs.py
]
ALIASES = sorted(path.name for path in ROOT.glob("*.py"))
DEMOS = [leaf for leaf in LEAVES if leaf.startswith("demo/")]
SIDE = 64


@pytest.fixture(autouse=True)
def _free_networks() -> Iterator[None]:
    """Runners are cycles: without this, networks of several GB pile up."""
    yield
    gc.collect()


class GradientRecorder(Hook):
    """Notes which parameters got a finite gradient, before the optimiser clears them."""

    def before_train(self, runner: Runner) -> None:
        self.seen: dict[str, bool] = {}
        for name, parameter in runner.model.named_parameters():
            if parameter.requires_grad:
                self.seen[name] = False
                parameter.register_post_accumulate_grad_hook(self._note(name))

    def _note(self, name: str):
        def note(parameter: torch.Tensor) -> None:
            self.seen[name] = bool(parameter.grad.isfinite().all())

        return note

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        # Not their graphs: those hold the hooks on the parameters, which hold this, for ever.
        self.outputs = {name: torch.as_tensor(value).detach() for name, value in outputs.items()}


def shrink_pipeline(pipeline: list) -> list:
    """Scales sizes so that the network sees SIDE x SIDE pixels."""
    shrunk = []
    for step in pipeline:
        step = dict(step)
        if step["type"] in ("Resize", "mmsrdl.TorchResize", "RandomResizedCrop"):
            step["scale"] = (SIDE, SIDE)
        elif step["type"] == "ResizeEdge":
            step["scale"] = SIDE
        elif step["type"] == "CenterCrop":
            step["crop_size"] = SIDE
        elif step["type"] == "mmsrdl.MultiScaleCrop":
            step["sizes"] = (SIDE, SIDE // 2)
        shrunk.append(step)
    return shrunk


def shrink(cfg: Config) -> Config:
    """Two images a step, one epoch, nothing written and no weights fetched."""
    for name in LOADERS:
        loader = cfg[name]
        loader.batch_size, loader.num_workers, loader.persistent_workers = 2, 0, False
        for dataset in datasets_of(loader.dataset):
            dataset.pipeline = shrink_pipeline(dataset.pipeline)
            if "dataset" not in loader.dataset:  # of two images a fifth is none
                dataset.indices = 2
            if dataset.type == "mmsrdl.CocoMultiLabel" and "demo" in cfg.filename:
                dataset.pipeline.insert(1, dict(type="Resize", scale=(SIDE, SIDE)))
    cfg.model.backbone.init_cfg = None
    cfg.train_cfg.max_epochs = cfg.train_cfg.val_interval = 1
    cfg.default_hooks.checkpoint = None
    cfg.log_level = "WARNING"
    return cfg


def fit_loss(cfg: Config, folder: Path) -> None:
    """Gives a loss that knows the training images those that are left of four."""
    loss = cfg.model.head.get("loss") or {}
    if "num_images" in loss:
        loss.num_images = 3
    if "warmup_epochs" in loss:
        loss.warmup_epochs = 0
    if "scores" in loss:
        with DefaultScope.overwrite_default_scope("mmpretrain"):
            dataset = DATASETS.build(cfg.train_dataloader.dataset)
        names, paths = dataset.metainfo["classes"], image_names(dataset)
        scores = torch.rand(len(paths), len(names))
        unknown = torch.full(scores.shape, -1, dtype=torch.int8)
        loss.scores = str(folder / "scores.npz")
        ScoresFile(names, scores, unknown, torch.arange(len(paths)), paths).save(loss.scores)


def inherit(leaf: str, data_root: Path, folder: Path) -> str:
    """Writes what a config of one's own adds to a leaf of own/."""
    classes = ["boat", "car", "dog"]
    dataset = dict(dataset=dict(data_root=str(data_root), ann_file="ann.json"))
    head: dict = dict(num_classes=3)
    if "srdl" in leaf:
        head["embedder"] = dict(classes=classes)
    lines = [
        f"_base_ = {str(ROOT / leaf)!r}",
        f"model = dict(head={head!r})",
        *(f"{loader} = {dataset!r}" for loader in LOADERS),
    ]
    path = folder / "own.py"
    path.write_text("\n".join(lines))
    return str(path)


@pytest.fixture(scope="module")
def demo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_coco(tmp_path_factory.mktemp("demo"), CLASSES)


@pytest.mark.parametrize("leaf", TRAINED)
def test_one_step(
    leaf: str,
    tiny_voc: Path,
    tiny_coco: Path,
    demo_root: Path,
    seven: Path,
    tiny_maps: Path,
    tiny_coco_maps: Path,
    word_vectors: str,
    tmp_path: Path,
) -> None:
    if leaf.startswith("own/"):
        cfg = shrink(load_config(inherit(leaf, seven, tmp_path), str(tmp_path)))
    else:
        root = demo_root if "demo" in leaf else tiny_coco if "coco" in leaf else tiny_voc
        if leaf.startswith("frozen/"):
            root = tiny_coco_maps if "coco" in leaf else tiny_maps
        cfg = shrink(load_config(str(ROOT / leaf), str(tmp_path), str(root)))
    fit_loss(cfg, tmp_path)
    embedder = cfg.model.head.get("embedder")
    if embedder is not None and embedder.get("word_vectors"):
        embedder.word_vectors = word_vectors
    recorder = GradientRecorder()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(recorder)
    runner.train()
    assert torch.isfinite(recorder.outputs["loss"])
    assert [name for name, seen in recorder.seen.items() if not seen] == []
    erases = "oe" in cfg.default_hooks and cfg.default_hooks.oe is not None
    assert ("loss_era" in recorder.outputs) == erases


@pytest.mark.parametrize("leaf", DEMOS)
def test_asymmetric_loss_on_every_system(leaf: str, demo_root: Path, tmp_path: Path) -> None:
    """MMPretrain's loss in place of the system's own, by the one setting."""
    loss = dict(type="AsymmetricLoss", gamma_pos=0.0, gamma_neg=4.0, clip=0.05)
    cfg = shrink(load_config(str(ROOT / leaf), str(tmp_path), str(demo_root)))
    cfg.merge_from_dict({"model.head.loss": dict(_delete_=True, **loss)})
    recorder = GradientRecorder()
    runner = Runner.from_cfg(cfg)
    runner.register_hook(recorder)
    runner.train()
    losses = [part for part in runner.model.modules() if isinstance(part, AsymmetricLoss)]
    assert losses
    assert torch.isfinite(recorder.outputs["loss"])
    assert [name for name, seen in recorder.seen.items() if not seen] == []


@pytest.mark.parametrize("alias", ALIASES)
def test_short_way_is_the_leaf_itself(alias: str) -> None:
    leaf = Config.fromfile(ROOT / "table5" / alias)
    assert Config.fromfile(ROOT / alias).to_dict() == leaf.to_dict()


@pytest.mark.parametrize("leaf", [*LEAVES, *ALIASES])
def test_opens_with_paper_expectation_and_command(leaf: str) -> None:
    lines = (ROOT / leaf).read_text().splitlines()
    assert lines[0].startswith("# Paper: ")
    header = [line for line in lines if line.startswith("#")]
    assert any(line.startswith("# Expected: ") for line in header)
    runs = [line for line in header if line.startswith("# Run: ")]
    assert len(runs) == 1
    system = Path(leaf).stem.removesuffix("_demo")
    demo = {f"# Run: python tools/demo.py --systems {system}"}
    if system in ("srdl", "gmp"):
        demo.add("# Run: make demo")
    assert leaf in runs[0] or (leaf in DEMOS and runs[0] in demo)


def test_paper_recipe() -> None:
    cfg = Config.fromfile(ROOT / "srdl_r101_coco.py")
    backbone, head = cfg.model.backbone, cfg.model.head
    assert (backbone.type, backbone.depth, backbone.get("frozen_stages", -1)) == ("ResNet", 101, -1)
    assert (head.type, head.num_classes, head.in_channels) == ("mmsrdl.CARHead", 80, 2048)
    assert head.embedder.embed_dims == 300
    assert head.attention.weights == (0.5, 0.5)
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer == dict(
        type="Adam", lr=1e-5, betas=(0.9, 0.999), weight_decay=5e-4, fused=True
    )
    assert "paramwise_cfg" not in cfg.optim_wrapper
    scheduler = cfg.param_scheduler
    assert (scheduler.type, scheduler.step_size, scheduler.gamma) == ("StepLR", 10, 0.1)
    assert scheduler.by_epoch
    assert cfg.train_cfg.max_epochs == 20
    assert cfg.train_dataloader.batch_size == 16
    steps = {step["type"]: step for step in cfg.train_dataloader.dataset.pipeline if "type" in step}
    resizes = [
        (step["scale"], step["interpolation"])
        for step in cfg.train_dataloader.dataset.pipeline
        if step["type"] == "mmsrdl.TorchResize"
    ]
    assert resizes == [((512, 512), "bicubic"), ((448, 448), "bicubic")]
    assert steps["mmsrdl.MultiScaleCrop"]["sizes"] == (512, 448, 384, 320, 256)
    assert not steps["mmsrdl.MultiScaleCrop"].get("independent", False)
    assert steps["RandomFlip"]["prob"] == 0.5
    test_steps = [step["type"] for step in cfg.test_dataloader.dataset.pipeline]
    assert test_steps == ["LoadImageFromFile", "Resize", "PackInputs"]
    assert cfg.test_dataloader.dataset.pipeline[1]["scale"] == (448, 448)
    oe = cfg.default_hooks.oe
    assert (oe.type, oe.topk, oe.alpha) == ("mmsrdl.OEErasingHook", 3, 0.5)


def test_paper_model_has_the_papers_layers(word_vectors: str) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import MODELS

    cfg = Config.fromfile(ROOT / "srdl_r101_coco.py")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        head = MODELS.build(cfg.model.head)
    attention = head.attention
    assert attention.fca.weight.shape == attention.fsa.weight.shape == (2048, 2048)
    assert attention.fw.weight.shape == (2048, 300)
    assert attention.fc.weight.shape == (2048, 2048)
    assert attention.fs.weight.shape == (1, 2048)
    assert all(layer.bias is None for layer in (attention.fca, attention.fsa, attention.fw))
    assert attention.fc.bias is not None
    assert attention.fs.bias is not None
    assert head.classifier.weight.shape == (80, 2048)
    assert [tuple(layer.weight.shape) for layer in head.embedder.layers] == [(300, 300)] * 2
    assert head.embedder.adjacency.shape == (80, 80)


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_leaf_is_short_and_repeats_nothing(leaf: str, tmp_path: Path) -> None:
    text = (ROOT / leaf).read_text()
    assert len(text.splitlines()) < 40 or leaf.startswith("own/")
    tree = ast.parse(re.sub(r"{{(_base_[^}]*)}}", r"\1", text))
    first = tree.body.pop(0)
    assert isinstance(first, ast.Assign)
    assert ast.unparse(first.targets[0]) == "_base_"
    names = ast.literal_eval(first.value)
    folder = (ROOT / leaf).parent
    bases = tmp_path / "bases.py"
    bases.write_text(
        f"_base_ = {[name if '::' in name else str(folder / name) for name in names]!r}"
    )
    inherited = Config.fromfile(bases)
    own: dict = {"_base_": inherited._cfg_dict}
    exec(compile(tree, leaf, "exec"), own)
    del own["_base_"], own["__builtins__"]
    assert list(repetitions(own, inherited.to_dict())) == []


def repetitions(own: dict, inherited: dict, path: str = "") -> Iterator[str]:
    """Names the settings of a config that are what it inherits."""
    if own.get("_delete_"):
        return
    for key, value in own.items():
        if key in inherited:
            if isinstance(value, dict) and isinstance(inherited[key], dict):
                yield from repetitions(value, inherited[key], f"{path}{key}.")
            elif value == inherited[key]:
                yield f"{path}{key}"
