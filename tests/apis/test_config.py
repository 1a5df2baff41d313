from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsrdl.apis import config_path, load_config
from mmsrdl.apis.config import set_data_root
from mmsrdl.apis.model_index import model_configs

SRDL = str(Path(__file__).resolve().parents[2] / "configs" / "srdl_r101_voc07.py")


def test_options_reach_the_config(tmp_path: Path) -> None:
    cfg = load_config(
        SRDL,
        work_dir="here",
        data_root=str(tmp_path),
        word_vectors="v.txt",
        seed=7,
        auto_scale_lr=True,
        tensorboard=True,
        cfg_options={"model.head.avg_pool": 2},
    )
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.data_root == str(tmp_path)
    assert cfg.work_dir == "here"
    assert cfg.model.head.embedder.word_vectors == "v.txt"
    assert cfg.randomness.seed == 7
    assert cfg.auto_scale_lr.enable
    assert cfg.model.head.avg_pool == 2
    assert cfg.visualizer.vis_backends[-1]["type"] == "TensorboardVisBackend"


def test_default_work_dir() -> None:
    assert load_config(SRDL).work_dir == "work_dirs/srdl_r101_voc07"


@pytest.mark.parametrize(
    "name",
    ["srdl_r101_voc07", "mmsrdl::table5/srdl_r101_voc07.py", "mmsrdl::srdl_r101_voc07"],
)
def test_configs_by_name(name: str) -> None:
    cfg, same = load_config(name), load_config(SRDL)
    assert cfg.to_dict() == same.to_dict()
    assert cfg.work_dir == "work_dirs/srdl_r101_voc07"


def test_a_file_goes_before_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("srdl_r101_voc07").write_text("")
    assert config_path("srdl_r101_voc07") == "srdl_r101_voc07"


def test_different_roots_move_with_their_common_parent(tmp_path: Path) -> None:
    cfg = Config(
        dict(
            train_dataloader=dict(
                dataset=dict(
                    type="ConcatDataset",
                    datasets=[
                        dict(data_root="data/VOC/VOC2007/"),
                        dict(data_root="data/VOC/VOC2012"),
                    ],
                )
            ),
            val_dataloader=dict(
                dataset=dict(type="RepeatDataset", dataset=dict(data_root="data/VOC/VOC2007"))
            ),
        )
    )
    set_data_root(cfg, str(tmp_path))
    roots = [dataset.data_root for dataset in cfg.train_dataloader.dataset.datasets]
    assert roots == [str(tmp_path / "VOC2007"), str(tmp_path / "VOC2012")]
    assert cfg.val_dataloader.dataset.dataset.data_root == str(tmp_path / "VOC2007")


def test_weights_become_the_backbones_initialisation(tmp_path: Path) -> None:
    from mmpretrain.registry import MODELS

    state = MODELS.build(dict(type="mmpretrain.ResNet", depth=18)).state_dict()
    torch.save(state, tmp_path / "r18.pth")
    options = {"model.backbone.depth": 18}
    cfg = load_config(SRDL, weights=str(tmp_path / "r18.pth"), cfg_options=options)
    assert cfg.model.backbone.init_cfg.checkpoint == str(tmp_path / "r18.pth")
    with pytest.raises(ValueError, match=r"does not fill the backbone ResNet"):
        load_config(SRDL, weights=str(tmp_path / "r18.pth"))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(data_root="nowhere"), FileNotFoundError, "--data-root nowhere: no such folder"),
        (dict(weights="nowhere.pth"), FileNotFoundError, "'nowhere.pth' does not exist"),
        (
            dict(path="configs/srdl_r101_vox07.py"),
            FileNotFoundError,
            r"'configs/srdl_r101_vox07.py' does not exist: .*nearest: srdl_r101_voc07.*"
            r"list_models\(\) names all",
        ),
        (
            dict(path="README.md"),
            ValueError,
            r"config='README.md' is no config file, which ends in .py",
        ),
        (dict(path="nowhere.txt"), FileNotFoundError, r"'nowhere.txt' does not exist: .*none is"),
        (
            dict(path="mmsrdl::table5/srdl_r101.py"),
            FileNotFoundError,
            r"table5/srdl_r101.py' does not exist \(nearest: mmsrdl::.*sought in .*configs",
        ),
        (
            dict(path=SRDL.replace("srdl_r101_voc07", "table5/r101_gap_voc07"), word_vectors="v"),
            ValueError,
            "--word-vectors v: the config's head has no embedder",
        ),
        (
            dict(
                path=SRDL.replace("srdl_r101_voc07", "mixin/csra_r101_voc07_oe"), auto_scale_lr=True
            ),
            ValueError,
            "--auto-scale-lr: the config does not say",
        ),
    ],
)
def test_clear_errors(options: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load_config(**{"path": SRDL, **options})


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_amp_without_a_gpu() -> None:
    with pytest.raises(ValueError, match="--amp needs a GPU and none is visible"):
        load_config(SRDL, amp=True)


def test_amp_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    cfg = load_config(SRDL, amp=True)
    assert cfg.optim_wrapper.type == "AmpOptimWrapper"
    assert cfg.optim_wrapper.loss_scale == "dynamic"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("modle.head.thr", "did you mean 'model'"), ("foo", "see its fields in the file")],
)
def test_options_that_would_change_nothing(name: str, meant: str) -> None:
    message = rf"--cfg-options {name}=1: the config has no '{name.split('.')[0]}'.*{meant}"
    with pytest.raises(ValueError, match=message):
        load_config("car_r101_voc07", cfg_options={name: 1})


def test_options_that_the_config_lacks_and_the_runner_takes() -> None:
    cfg = load_config(
        "car_r101_voc07", cfg_options={"load_from": "a.pth", "find_unused_parameters": True}
    )
    assert cfg.load_from == "a.pth"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reading configs warns of."""
    lines: list[str] = []
    monkeypatch.setattr("mmsrdl.apis.config.print_log", lambda line, **_: lines.append(line))
    return lines


@pytest.mark.parametrize(
    ("suffix", "text", "meant"),
    [
        (".py", "train_dataloadr = dict(batch_size=4)", ["train_dataloader"]),
        (".py", "default_hook = dict(timer=None)", ["default_hooks"]),
        (".py", "modle = 1\noptim_wraper: dict = {}", ["optim_wrapper"]),  # modle: ratio 0.8
        (".json", '{"val_evaluators": {"type": "mmsrdl.MultiLabelMetric"}}', ["val_evaluator"]),
        (".yaml", "custom_import:\n  imports: [os]\n", ["custom_imports"]),
    ],
)
def test_misspelled_fields(
    suffix: str, text: str, meant: list[str], tmp_path: Path, warnings: list[str]
) -> None:
    """Such a field leaves the inherited one as it is."""
    path = (tmp_path / "own").with_suffix(suffix)
    path.write_text(f"_base_ = [{SRDL!r}]\n{text}" if suffix == ".py" else text)
    load_config(str(path))
    assert [line.split("; did you mean ")[1] for line in warnings] == [f"{n!r}?" for n in meant]
    assert all(line.startswith(f"{path}: nothing reads '") for line in warnings)


def test_variables_are_no_misspelled_fields(tmp_path: Path, warnings: list[str]) -> None:
    own, child = tmp_path / "own.py", tmp_path / "child.py"
    own.write_text(
        f"_base_ = [{SRDL!r}]\n"
        "_default_hook = 1\n"
        "data_root = 'data'\n"
        "train_data = dict(data_root=data_root)\n"
        "val_dataloaders = dict(batch_size=4)\n"
        "test_dataloaders = [val_dataloaders]\n"
        "test_dataloader = test_dataloaders[0]\n"
        "param_schedulers = []\n"
    )
    child.write_text("_base_ = ['own.py']\nparam_scheduler = {{_base_.param_schedulers}}\n")
    load_config(str(child))
    assert warnings == []


@pytest.mark.parametrize("name", model_configs())
def test_our_configs_are_spelled_well(name: str, warnings: list[str]) -> None:
    load_config(name)
    assert warnings == []
