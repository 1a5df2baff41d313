from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from mmsrdl import apis
from mmsrdl.apis import load_model
from mmsrdl.checkpoint import read_checkpoint
from tests.small_run import BY_EPOCH, CLASSES, EPOCHS, make_config


@pytest.fixture(scope="module")
def run(seven: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work_dir = tmp_path_factory.mktemp("run")
    apis.train(make_config(seven, work_dir, {**EPOCHS, "max_epochs": 1}, BY_EPOCH))
    return work_dir


def evaluate(cfg: Config, path: str) -> None:
    cfg.test_dataloader, cfg.test_cfg = cfg.val_dataloader, dict()
    cfg.test_evaluator = cfg.val_evaluator
    apis.test(cfg, path)


def resume(cfg: Config, path: str) -> None:
    apis.train(cfg, resume=path)


def begin_from(cfg: Config, path: str) -> None:
    cfg.load_from = path
    apis.train(cfg)


def of_three(run: Path) -> str:
    return str(run / "epoch_1.pth")


def reordered(cfg: Config) -> None:
    """Numbers the classes of model and data in another way."""
    classes = [*CLASSES[1:], CLASSES[0]]
    cfg.model.head.embedder.classes = classes
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.metainfo = dict(classes=classes)


@pytest.mark.parametrize("enter", [evaluate, resume, begin_from])
def test_another_class_list(enter: Callable, run: Path, seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    reordered(cfg)
    message = (
        r"checkpoint '.*epoch_1.pth' was trained on other classes than those of \w+_dataloader: "
        r"class 0 is 'boat' against 'car'; give the data set .*--weights"
    )
    with pytest.raises(ValueError, match=message):
        enter(cfg, of_three(run))


@pytest.mark.parametrize("enter", [evaluate, resume])
def test_another_models_checkpoint(enter: Callable, run: Path, seven: Path, tmp_path: Path) -> None:
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.model.head.classifier = "shared"
    message = r"is not of the config's model: .*head.classifier.bias.*give the config"
    with pytest.raises(ValueError, match=message):
        enter(cfg, of_three(run))


@pytest.mark.parametrize("enter", [evaluate, begin_from])
def test_weights_alone(enter: Callable, run: Path, seven: Path, tmp_path: Path) -> None:
    """As the documents ask for them; MMEngine's EMAHook knows whole checkpoints alone."""
    torch.save(read_checkpoint(of_three(run))["state_dict"], tmp_path / "weights.pth")
    cfg = make_config(seven, tmp_path / "work", {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    assert cfg.custom_hooks[0].type == "EMAHook"
    enter(cfg, str(tmp_path / "weights.pth"))


BACKBONES = {
    "vit": dict(
        type="VisionTransformer",
        arch=dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=8),
        patch_size=8,
        img_size=32,
        out_type="featmap",
    ),
    "swin": dict(
        type="SwinTransformer",
        arch=dict(embed_dims=1, depths=[1] * 4, num_heads=[1] * 4),
        img_size=32,
        window_size=2,
        use_abs_pos_embed=True,
        pad_small_map=True,
    ),
}


@pytest.fixture(params=BACKBONES)
def larger(request: pytest.FixtureRequest, seven: Path, tmp_path: Path) -> tuple[Config, str]:
    """A config that sees 64 pixels, and a checkpoint of its model for 32 pixels."""
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.custom_hooks.pop(0)  # EMA
    cfg.model.backbone = BACKBONES[request.param]
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        state = MODELS.build(cfg.model).state_dict()
    torch.save({"state_dict": state, "meta": {}}, tmp_path / "a.pth")
    cfg.model.backbone.img_size = 64
    cfg.val_dataloader.dataset.pipeline[1].scale = (64, 64)
    return cfg, str(tmp_path / "a.pth")


def test_another_image_size(larger: tuple[Config, str]) -> None:
    """MMPretrain's backbones resize what depends on it."""
    cfg, path = larger
    evaluate(cfg, path)
    model, _ = load_model(cfg, path)
    own, state = model.state_dict(), read_checkpoint(path)["state_dict"]
    torch.testing.assert_close(own["head.classifier.weight"], state["head.classifier.weight"])
    (name,) = (name for name in own if own[name].shape != state[name].shape)
    assert name.endswith("pos_embed")


@pytest.mark.parametrize("enter", [evaluate, load_model])
def test_another_image_size_and_number_of_classes(
    enter: Callable, larger: tuple[Config, str]
) -> None:
    cfg, path = larger
    cfg.model.head.num_classes = 4
    cfg.model.head.embedder.classes = [*CLASSES, "tree"]
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.metainfo = dict(classes=[*CLASSES, "tree"])
    message = r"is not of the config's model: .*size mismatch for head.classifier.*give the config"
    with pytest.raises(ValueError, match=message):
        enter(cfg, path)


def test_another_image_size_is_not_resumed(run: Path, seven: Path, tmp_path: Path) -> None:
    """The optimizer's averages have the shapes of before."""
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.model.backbone = {**BACKBONES["vit"], "img_size": 32}
    apis.train(cfg)
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    cfg.model.backbone = {**BACKBONES["vit"], "img_size": 64}
    with pytest.raises(ValueError, match=r"1 entries .* such as \['backbone.pos_embed'\]"):
        resume(cfg, str(tmp_path / "epoch_1.pth"))


def test_nothing_of_it_fits(run: Path, seven: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {"other.weight": torch.zeros(2)}}, tmp_path / "other.pth")
    cfg = make_config(seven, tmp_path / "work", EPOCHS, BY_EPOCH)
    with pytest.raises(ValueError, match=r"is not of the config's model: .* entries are missing"):
        begin_from(cfg, str(tmp_path / "other.pth"))


@pytest.mark.parametrize("enter", [evaluate, resume, begin_from])
@pytest.mark.parametrize("content", [[1, 2], {"state_dict": [3]}, {"epoch": 3}])
def test_a_file_without_weights(
    enter: Callable, content: object, seven: Path, tmp_path: Path
) -> None:
    torch.save(content, tmp_path / "a.pth")
    message = r"checkpoint '.*a.pth' holds no state dict .*save it by itself"
    with pytest.raises(ValueError, match=message):
        enter(make_config(seven, tmp_path / "work", EPOCHS, BY_EPOCH), str(tmp_path / "a.pth"))


def test_weights_without_a_state_are_not_resumed(run: Path, seven: Path, tmp_path: Path) -> None:
    (best,) = run.glob("best_*.pth")
    cfg = make_config(seven, tmp_path, EPOCHS, BY_EPOCH)
    message = rf"'{best}' cannot be resumed, it lacks optimizer; resume from .*load_from={best}"
    with pytest.raises(ValueError, match=message):
        resume(cfg, str(best))


def test_fine_tuning_on_other_classes(run: Path, seven: Path, tmp_path: Path) -> None:
    """The backbone is taken and the head, which has another size, is not."""
    classes = [*CLASSES, "tree"]
    cfg = make_config(seven, tmp_path, {**EPOCHS, "max_epochs": 1}, BY_EPOCH)
    cfg.model.head.update(num_classes=4)
    cfg.model.head.embedder.classes = classes
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.metainfo = dict(classes=classes)
    cfg.custom_hooks.pop(0)  # MMPretrain's EMAHook takes a checkpoint of the same shapes alone
    cfg.optim_wrapper.optimizer.lr = 0.0
    begin_from(cfg, of_three(run))
    name = "backbone.conv1.weight"
    tuned, source = (
        read_checkpoint(path)["state_dict"][name]
        for path in (tmp_path / "epoch_1.pth", run / "epoch_1.pth")
    )
    torch.testing.assert_close(tuned, source)


def test_another_processes_prefix_fits(run: Path, seven: Path, tmp_path: Path) -> None:
    state = {f"module.{k}": v for k, v in read_checkpoint(of_three(run))["state_dict"].items()}
    torch.save({"state_dict": state}, tmp_path / "wrapped.pth")
    evaluate(make_config(seven, tmp_path, EPOCHS, BY_EPOCH), str(tmp_path / "wrapped.pth"))


def test_a_checkpoint_cannot_have_files_deleted(run: Path, seven: Path, tmp_path: Path) -> None:
    """MMEngine deletes the former best checkpoint, wherever a resumed file says it lies."""
    (tmp_path / "victim").mkdir()
    content = torch.load(of_three(run), weights_only=False)
    content["message_hub"]["runtime_info"].update(
        best_ckpt=str(tmp_path / "victim"), best_score=0.0
    )
    content["message_hub"]["resumed_keys"].update(best_ckpt=True, best_score=True)
    torch.save(content, tmp_path / "epoch_1.pth")
    cfg = make_config(seven, tmp_path / "work", EPOCHS, BY_EPOCH)
    resume(cfg, str(tmp_path / "epoch_1.pth"))
    assert list((tmp_path / "work").glob("best_*.pth"))
    assert (tmp_path / "victim").is_dir()
