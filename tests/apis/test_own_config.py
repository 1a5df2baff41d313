"""Configs of one's own: what is written, and that a training takes it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmsrdl.apis import load_config
from mmsrdl.apis.config import LOADERS
from mmsrdl.apis.own_config import OwnConfig, own_bases, own_config
from mmsrdl.models import GCNLabelEmbedder, VocabularyEmbedder
from tests.conftest import write_photos
from tests.test_configs import ROOT, shrink

BASES = ["gmp_lite0", "srdl_lite0", "srdl_r101", "srdl_scratch"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with photographs, three annotation files and label vectors."""
    write_photos(tmp_path / "photos", [f"{i}.jpg" for i in range(6)])
    (tmp_path / "train.csv").write_text("path,labels\n0.jpg,cat;dog\n1.jpg,bus\n2.jpg,\n")
    (tmp_path / "val.csv").write_text("path,labels\n3.jpg,cat;bus\n4.jpg,dog\n")
    (tmp_path / "test.csv").write_text("path,labels\n5.jpg,cat\n")
    vectors = np.ones((4, 5), np.float32)
    np.savez(tmp_path / "vectors.npz", names=["bus", "cat", "dog", "kite"], vectors=vectors)
    return tmp_path


def make(project: Path, **options) -> OwnConfig:
    given = dict(train=str(project / "train.csv"), val=str(project / "val.csv"))
    given |= dict(images=str(project / "photos"), out=str(project / "my_config.py"))
    return own_config(**{**given, **options})


def read(project: Path, made: OwnConfig) -> Config:
    """Writes the config and reads it, with this tree's bases wherever mmsrdl is installed."""
    assert made.text.count('"mmsrdl::own/') == 1
    path = project / "my_config.py"
    path.write_text(made.text.replace("mmsrdl::", f"{ROOT}/"), encoding="utf-8")
    return load_config(str(path))


def test_short_readable_text(project: Path) -> None:
    made = make(project, epochs=7, batch_size=4)
    assert made.classes == ("bus", "cat", "dog")
    assert made.images == {"train": 3, "val": 2}
    assert "downloaded when training starts" in made.start
    assert (
        made.text
        == """\
# 3 classes; 3 images of train, 2 images of val. Written by `mmsrdl data init`.
# There is no test set: `mmsrdl test` uses the validation images, on which the best
# epoch is chosen, so that its figures are too good.
_base_ = "mmsrdl::own/srdl_lite0.py"

classes = ["bus", "cat", "dog"]
dataset = dict(data_root="{{ fileDirname }}", data_prefix="photos", metainfo=dict(classes=classes))
train_dataloader = dict(batch_size=4, dataset=dict(ann_file="train.csv", **dataset))
val_dataloader = dict(dataset=dict(ann_file="val.csv", **dataset))
test_dataloader = val_dataloader
model = dict(head=dict(num_classes=3, embedder=dict(classes=classes)))
train_cfg = dict(max_epochs=7)
"""
    )


def test_all_bases_are_offered() -> None:
    assert own_bases() == BASES


@pytest.mark.parametrize("base", ["srdl_lite0", "srdl_scratch"])
def test_trains(base: str, project: Path) -> None:
    cfg = shrink(read(project, make(project, base=base)))
    cfg.work_dir = str(project / "work")
    for key in LOADERS:
        cfg[key].dataset.indices = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.train_dataloader.dataset.CLASSES == ("bus", "cat", "dog")
    assert len(runner.val_dataloader.dataset) == 2


def test_files_and_photographs_are_found(project: Path) -> None:
    cfg = read(project, make(project, test=str(project / "test.csv")))
    assert "no test set" not in cfg.text
    assert [cfg[key].dataset.ann_file for key in LOADERS] == ["train.csv", "val.csv", "test.csv"]
    assert {cfg[key].dataset.data_root for key in LOADERS} == {str(project)}
    cfg = read(project, make(project))
    assert cfg.test_dataloader.dataset.ann_file == "val.csv"


def test_config_moves_with_its_folder(project: Path) -> None:
    made = make(project)
    target = project.parent / f"{project.name}_moved"
    project.rename(target)
    assert read(target, made).train_dataloader.dataset.data_root == str(target)


def test_folders_that_lie_apart(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    far = tmp_path_factory.mktemp("far") / "a" / "b"
    far.mkdir(parents=True)
    (far / "train.csv").write_text((project / "train.csv").read_text())
    (project / "lists").mkdir()
    val = (project / "val.csv").rename(project / "lists" / "val.csv")
    made = make(project, train=str(far / "train.csv"), val=str(val))
    assert "data_root" not in made.text
    cfg = read(project, made)
    assert cfg.train_dataloader.dataset.ann_file == str(far / "train.csv")
    assert cfg.val_dataloader.dataset.ann_file == str(val)
    assert cfg.val_dataloader.dataset.data_prefix == str(project / "photos")


def test_each_files_own_folder_of_images(project: Path) -> None:
    for name, number in (("train", 3), ("val", 2)):
        write_photos(project / name, [f"{i}.jpg" for i in range(number)])
        (project / f"{name}.csv").rename(project / name / "labels.csv")
    files = {name: str(project / name / "labels.csv") for name in ("train", "val")}
    cfg = read(project, make(project, **files, images=None))
    assert cfg.train_dataloader.dataset.data_prefix == "train"
    assert cfg.val_dataloader.dataset.ann_file == "val/labels.csv"
    assert cfg.val_dataloader.dataset.data_root == str(project)


def test_label_vectors(project: Path) -> None:
    cfg = read(project, make(project, vectors=str(project / "vectors.npz")))
    embedder = cfg.model.head.embedder
    assert embedder.word_vectors == str(project / "vectors.npz")
    assert embedder.embed_dims == 5
    given = {key: embedder[key] for key in ("classes", "embed_dims", "word_vectors")}
    for each in (GCNLabelEmbedder(**given), VocabularyEmbedder(**given)):
        each.init_weights()
        assert each.present_vectors().tolist() == [[1] * 5] * 3
    with pytest.raises(ValueError, match=r"vectors=.* no label embedder"):
        make(project, base="gmp_lite0", vectors=str(project / "vectors.npz"))


@pytest.mark.parametrize("prefix", ["", "backbone."])
def test_weights_need_no_download(project: Path, prefix: str) -> None:
    from mmengine.registry import DefaultScope
    from mmpretrain.registry import MODELS

    cfg = Config.fromfile(ROOT / "own" / "srdl_scratch.py")
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        backbone = MODELS.build(cfg.model.backbone)
    backbone.init_weights()
    state = {prefix + key: value for key, value in backbone.state_dict().items()}
    torch.save(state, project / "weights.pth")
    made = make(project, base="srdl_scratch", weights=str(project / "weights.pth"))
    assert made.start == f"weights of {project / 'weights.pth'}"
    init_cfg = read(project, made).model.backbone.init_cfg
    assert init_cfg.checkpoint == str(project / "weights.pth")
    assert init_cfg.get("prefix", "") == prefix
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        other = MODELS.build({**cfg.model.backbone, "init_cfg": init_cfg})
    other.init_weights()
    assert all(map(torch.equal, other.state_dict().values(), backbone.state_dict().values()))


def test_from_scratch_is_said(project: Path) -> None:
    assert make(project, base="srdl_scratch").start.startswith("from scratch")


def test_no_name_becomes_code(project: Path) -> None:
    """MMEngine replaces {{$NAME:default}} in a config before it runs it as Python."""
    names = ["{{$NO_SUCH_VARIABLE:a|\\}}", "]; raise SystemExit #", "bus", "cat", "dog"]
    with pytest.raises(ValueError, match=r"NO_SUCH_VARIABLE.* holds '\{\{', .*; rename the class"):
        read(project, make(project, classes=names))
    single = ["{$bus:}", "bus", "cat", "dog"]
    (project / "{{ fileDirname }}.csv").write_text("path,labels\n0.jpg,cat\n")
    with pytest.raises(ValueError, match=r"fileDirname.* holds '\{\{'"):
        make(project, train=str(project / "{{ fileDirname }}.csv"), classes=single)
    assert read(project, make(project, classes=single)).classes == single


def test_many_and_odd_names_and_two_classes(project: Path) -> None:
    names = [f'class "{i}" of, \uff4dany' for i in range(30)] + ["bus", "cat", "dog"]
    made = make(project, classes=names)
    assert read(project, made).classes == names
    assert max(map(len, made.text.splitlines())) <= 100
    (project / "train.csv").write_text("path,labels\n0.jpg,cat\n1.jpg,dog\n")
    (project / "val.csv").write_text("path,labels\n0.jpg,cat\n")
    cfg = read(project, make(project))
    assert (cfg.val_evaluator.topk, cfg.test_evaluator.topk, cfg.default_hooks.oe.topk) == (2, 2, 2)
    assert "oe" not in read(project, make(project, base="gmp_lite0")).default_hooks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(base="srdl_vgg"), r"base='srdl_vgg' is unknown; use one of \['gmp_lite0'"),
        (dict(epochs=0), "epochs=0 must be at least 1"),
        (dict(batch_size=-4), "batch_size=-4 must be at least 1"),
        (dict(classes=["bus", "cat"]), r"train=.*none of the 2 classes: \['dog'\].*--classes"),
        (dict(classes=["bus", "bus"]), r"repeated: \['bus'\]"),
    ],
)
def test_mistakes(project: Path, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(project, **options)


def test_files_that_do_not_fit(project: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"images='nowhere'.*--images DIR"):
        make(project, images="nowhere")
    (project / "val.csv").write_text("path,labels\n3.jpg,fox\n")
    with pytest.raises(ValueError, match=r"val=.*\['fox'\].*`mmsrdl data check`"):
        make(project)
    (project / "val.csv").write_text("path,labels\n")
    with pytest.raises(ValueError, match=r"val=.*lists no image"):
        make(project)
